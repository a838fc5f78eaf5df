/**
 * @file Jobs that are asked for, stopped and resumed.
 */
import { Hono } from "hono";
import { readJsonBody } from "../body.ts";
import { jobRequest } from "../job-requests.ts";
import type { Studio } from "../studio.ts";

export function jobRoutes({ jobs }: Studio): Hono {
  const routes = new Hono();
  routes.post("/jobs", async (context) => context.json(await jobs.add(jobRequest(await readJsonBody(context)))));
  routes.get("/jobs/:id", (context) => context.json(jobs.get(context.req.param("id"))));
  routes.post("/jobs/:id/stop", (context) => context.json(jobs.stop(context.req.param("id"))));
  routes.post("/jobs/:id/resume", async (context) => context.json(await jobs.resume(context.req.param("id"))));
  routes.delete("/jobs/:id", (context) => {
    jobs.remove(context.req.param("id"));
    return context.body(null, 204);
  });
  return routes;
}
