/**
 * @file The studio over HTTP: who may ask, and which part answers.
 */
import { Hono, type Context } from "hono";
import { faultOf, HttpFault, statusOf } from "./fault.ts";
import { guard, protectingHeaders, type GuardSettings } from "./guard.ts";
import type { PageFile } from "./page-files.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { libraryRoutes } from "./routes/library.ts";
import { photoRoutes } from "./routes/photos.ts";
import { pictureRoutes } from "./routes/pictures.ts";
import type { Studio } from "./studio.ts";

/** @param page - the page's files by their paths */
export function studioApp(studio: Studio, page: ReadonlyMap<string, PageFile>, settings: GuardSettings): Hono {
  const app = new Hono();
  app.onError((error, context) => answerFault(context, error));
  app.use(protectingHeaders());
  app.use(guard(settings));
  app.route("/api", libraryRoutes(studio));
  app.route("/api", photoRoutes(studio));
  app.route("/api", jobRoutes(studio));
  app.route("/api", pictureRoutes(studio));
  app.notFound((context) => {
    const file = context.req.method === "GET" ? page.get(context.req.path) : undefined;
    if (file === undefined) return answerFault(context, new HttpFault(404, "There is nothing here."));
    const caching = file.isImmutable ? "private, max-age=31536000, immutable" : "no-store";
    return context.body(file.bytes, 200, { "Content-Type": file.type, "Cache-Control": caching });
  });
  return app;
}

/** A fault as JSON, with the headers that every answer has. */
function answerFault(context: Context, error: unknown): Response {
  return context.json(faultOf(error), statusOf(error));
}
