/**
 * @file Bodies of requests, bounded in bytes and in time.
 */
import type { Context } from "hono";
import { formatBytes } from "../units.ts";
import { HttpFault } from "./fault.ts";

/** Of JSON. */
const MOST_JSON = 100_000;

/** How long the next piece of a body may take, in milliseconds. */
const PATIENCE = 5_000;

/**
 * The whole body.
 *
 * @param most - bytes
 * @throws HttpFault if it is larger, or comes too slowly
 */
export async function readBody(context: Context, most: number): Promise<Uint8Array> {
  const tooLarge = () => new HttpFault(413, `This has more than ${formatBytes(most)}, which is the limit.`, "input");
  const announced = Number(context.req.header("content-length") ?? 0);
  if (!(announced <= most)) throw tooLarge();
  const { body } = context.req.raw;
  if (body === null) return new Uint8Array();
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await inTime(reader.read());
    if (done) break;
    size += value.byteLength;
    if (size > most) {
      void reader.cancel().catch(() => undefined);
      throw tooLarge();
    }
    pieces.push(value);
  }
  return Buffer.concat(pieces, size);
}

async function inTime<T>(piece: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new HttpFault(408, "The request came too slowly; try again.", "environment"));
    }, PATIENCE);
  });
  try {
    return await Promise.race([piece, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A body of JSON: an object. @throws HttpFault if it is none */
export async function readJsonBody(context: Context): Promise<Readonly<Record<string, unknown>>> {
  const text = Buffer.from(await readBody(context, MOST_JSON)).toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HttpFault(400, "The body is no JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HttpFault(400, "The body is no JSON object.");
  }
  return { ...value };
}
