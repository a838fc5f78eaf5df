/**
 * @file Drawn pictures and exported files.
 */
import { Hono } from "hono";
import { HttpFault } from "../fault.ts";
import type { Studio } from "../studio.ts";

export function pictureRoutes({ pictures }: Studio): Hono {
  const routes = new Hono();
  routes.get("/pictures/:file{[0-9a-f-]+\\.png}", (context) => {
    const id = context.req.param("file").replace(/\.png$/, "");
    const { metadata, download } = context.req.query();
    const png = pictures.png(id, metadata === "yes");
    if (png === undefined) throw new HttpFault(404, "This picture is not kept any more; draw it again.", "state");
    return context.body(new Uint8Array(png), 200, {
      "Content-Type": "image/png",
      ...(download !== undefined && { "Content-Disposition": attachment(download) }),
    });
  });
  routes.get("/files/:id", (context) => {
    const file = pictures.takeFile(context.req.param("id"));
    if (file === undefined) throw new HttpFault(404, "This file is not kept any more; export it again.", "state");
    return context.body(new Uint8Array(file.bytes), 200, {
      "Content-Type": "application/octet-stream",
      "Content-Disposition": attachment(file.name),
    });
  });
  return routes;
}

/** RFC 6266: a name that is only a name. */
function attachment(name: string): string {
  const plain = Array.from(name.replace(/[\p{Cc}\p{Cf}\p{Cs}/\\]/gu, ""))
    .slice(0, 150)
    .join("");
  const encoded = encodeURIComponent(plain || "picture.png").replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16)}`,
  );
  return `attachment; filename*=UTF-8''${encoded}`;
}
