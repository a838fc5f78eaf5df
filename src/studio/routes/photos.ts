/**
 * @file Photos that are dropped, cropped, masked and described.
 */
import { Hono } from "hono";
import type { Crop } from "../api.ts";
import { readBody, readJsonBody } from "../body.ts";
import { HttpFault } from "../fault.ts";
import { Fields } from "../job-requests.ts";
import { PHOTO_LIMITS } from "../photos.ts";
import type { Studio } from "../studio.ts";

const MOST_MASK = 32_000_000;

export function photoRoutes(studio: Studio): Hono {
  const { photos } = studio;
  const routes = new Hono();
  routes.post("/photos", async (context) => {
    photos.checkRoom(Number(context.req.header("content-length") ?? 0));
    const bytes = await readBody(context, PHOTO_LIMITS.photoBytes);
    const { resolution } = (await studio.modelFacts()).defaults;
    return context.json(await photos.add(context.req.query("name") ?? "photo", bytes, resolution));
  });
  routes.get("/photos", (context) => context.json(photos.all));
  routes.patch("/photos/:id", async (context) => {
    const body = await readJsonBody(context);
    const read = new Fields(body);
    const [crop, caption] = [read.object("crop"), read.textIfAny("caption")];
    const edit = { ...(crop !== undefined && { crop: cropOf(crop) }), ...(caption !== undefined && { caption }) };
    return context.json(await photos.edit(context.req.param("id"), edit));
  });
  routes.put("/photos/:id/mask", async (context) => {
    const mask = await readBody(context, MOST_MASK);
    return context.json(await photos.setMask(context.req.param("id"), mask));
  });
  routes.delete("/photos/:id/mask", (context) => context.json(photos.removeMask(context.req.param("id"))));
  routes.get("/photos/:id/mask.png", (context) => {
    return context.body(view(photos.mask(context.req.param("id"))), 200, { "Content-Type": "image/png" });
  });
  routes.get("/photos/:id/crop.png", (context) => {
    return context.body(view(photos.cropped(context.req.param("id"))), 200, { "Content-Type": "image/png" });
  });
  routes.get("/photos/:id/whole.jpg", (context) => {
    return context.body(view(photos.whole(context.req.param("id"))), 200, { "Content-Type": "image/jpeg" });
  });
  routes.delete("/photos/:id", (context) => {
    photos.remove(context.req.param("id"));
    return context.body(null, 204);
  });
  return routes;
}

function cropOf(crop: Readonly<Record<string, unknown>>): Crop {
  const read = new Fields(crop);
  const part = (name: string) => {
    const value = read.number(name);
    if (value === undefined) throw new HttpFault(400, "A crop has x, y and size.");
    return value;
  };
  return { x: part("x"), y: part("y"), size: part("size") };
}

function view(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
