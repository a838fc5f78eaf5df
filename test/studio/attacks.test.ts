/**
 * @file What other pages, other machines and odd files may try against a running studio: all of it is refused, and
 * nothing is written.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fault, StudioPhoto } from "../../src/studio/api.ts";
import { treeOf } from "../keepsake/support.ts";
import { learning, noisePhoto, TestStudio } from "./support.ts";

let studio: TestStudio;
let folder: string;
let photo: StudioPhoto;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "keepsake-attacks-"));
  studio = await TestStudio.start(join(folder, "library"));
  photo = await studio.drop("mochi.png", await noisePhoto("mochi"));
});

afterAll(async () => {
  await studio.end();
  rmSync(folder, { recursive: true, force: true });
});

const faultOf = (body: Buffer) => JSON.parse(body.toString()) as Fault; // of our own server

/** Asks for a job, which must be refused. */
async function refused(headers: Readonly<Record<string, string>>, body = '{"kind":"doctor"}'): Promise<number> {
  const before = (await studio.state()).jobs.length;
  const { status } = await studio.send("POST", "/api/jobs", { headers, body });
  expect((await studio.state()).jobs).toHaveLength(before);
  return status;
}

describe("A page of another site", () => {
  it("cannot post a form", async () => {
    const site = { origin: "https://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    for (const type of ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]) {
      expect(await refused({ ...site, "content-type": type })).toBe(403);
      // Nor where a browser sends none of the headers that say where a request comes from.
      expect(await refused({ "content-type": type })).toBe(415);
    }
  });

  it("cannot send JSON, nor ask whether it may", async () => {
    expect(await refused({ origin: "https://evil.example" })).toBe(403);
    expect(await refused({ "sec-fetch-site": "cross-site" })).toBe(403);
    expect(await refused({ "sec-fetch-site": "same-site" })).toBe(403);
    const asked = { origin: "https://evil.example", "access-control-request-method": "POST" };
    const { status, headers } = await studio.send("OPTIONS", "/api/jobs", { headers: asked });
    expect(status).toBe(403);
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it("cannot hide where it comes from", async () => {
    expect(await refused({ origin: "null" })).toBe(403);
    expect(await refused({ origin: "null", "sec-fetch-site": "same-origin" })).toBe(403);
    // Without an origin the cookie is what counts, and SameSite=Strict keeps it from other sites.
    expect(await refused({ cookie: "" })).toBe(401);
  });

  it("cannot have another port, another scheme or a name that contains ours", async () => {
    const { hostname, port } = studio.url;
    for (const origin of [
      `http://${hostname}:${Number(port) + 1}`,
      `https://${hostname}:${port}`,
      `http://${hostname}`,
    ]) {
      expect(await refused({ origin })).toBe(403);
    }
    expect(await refused({ origin: `http://${hostname}:${port}.evil.example` })).toBe(403);
  });

  it("cannot read events, pictures or the state", async () => {
    for (const path of ["/api/events", "/api/state", `/api/photos/${photo.id}/crop.png`, "/"]) {
      for (const site of ["cross-site", "same-site"]) {
        const { status, body } = await studio.send("GET", path, { headers: { "sec-fetch-site": site } });
        expect([status, faultOf(body).kind]).toEqual([403, "usage"]);
      }
      const { status } = await studio.send("GET", path, { headers: { origin: "https://evil.example" } });
      expect(status).toBe(403);
    }
  });

  it("cannot open the address that holds the key", async () => {
    const headers = { cookie: "", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    const answer = await studio.send("GET", studio.url.pathname + studio.url.search, { headers });
    expect([answer.status, answer.headers["set-cookie"]]).toEqual([403, undefined]);
  });

  it("cannot put the studio into a frame, and no answer can be read as what it is not", async () => {
    const paths = ["/", "/nothing", "/api/state", "/api/nothing", `/api/photos/${photo.id}/crop.png`, "/api/jobs/1"];
    for (const path of paths) {
      const { headers } = await studio.send("GET", path);
      expect(headers["content-security-policy"], path).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
      expect(headers["content-security-policy"]).not.toContain("unsafe");
      expect(headers).toMatchObject({
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
      });
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    }
    const events = await studio.open("GET", "/api/events");
    expect(events.headers["x-content-type-options"]).toBe("nosniff");
    expect(events.headers["x-frame-options"]).toBe("DENY");
    events.destroy();
  });
});

describe("Another name or machine", () => {
  it("is refused by the header Host: a name that was made to point here is not ours", async () => {
    const { port } = studio.url;
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1",
      `127.0.0.1:${Number(port) + 1}`,
      `0.0.0.0:${port}`,
    ]) {
      for (const path of ["/", "/api/state", studio.url.pathname + studio.url.search]) {
        const { status, body } = await studio.send("GET", path, { headers: { host } });
        expect([host, status >= 400 && status < 500]).toEqual([host, true]);
        expect(body.toString()).not.toContain(studio.url.search.slice(5));
      }
    }
    expect((await studio.send("GET", "/api/state", { headers: { host: `localhost:${port}` } })).status).toBe(200);
  });

  it("is not listened to: the socket is bound to loopback", async () => {
    const { networkInterfaces } = await import("node:os");
    const others = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const outside = others.filter(({ internal, family }) => !internal && family === "IPv4");
    for (const { address } of outside) {
      const error = await new Promise((resolve) => {
        const socket = connect(Number(studio.url.port), address);
        socket.once("error", (fault: NodeJS.ErrnoException) => {
          resolve(fault.code);
        });
        socket.once("connect", () => {
          socket.destroy();
          resolve("connected");
        });
      });
      expect(error).not.toBe("connected");
    }
  });
});

describe("The key", () => {
  it("is needed, whole, and turns into a cookie that scripts cannot read and other sites do not send", async () => {
    for (const query of ["", "?key=", "?key=x", `${studio.url.search}x`, studio.url.search.slice(0, -1)]) {
      const { status, headers } = await studio.send("GET", `/${query}`, { headers: { cookie: "" } });
      expect([query, status, headers["set-cookie"]]).toEqual([query, 401, undefined]);
    }
    const { status, headers } = await studio.send("GET", `/${studio.url.search}`, { headers: { cookie: "" } });
    expect([status, headers.location]).toEqual([303, "/"]);
    expect(headers["set-cookie"]?.[0]).toMatch(/^keepsake-studio-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(headers["set-cookie"]?.[0]).not.toContain(studio.url.search.slice(5));
    for (const cookie of ["", "keepsake-studio=x", studio.cookie.slice(0, -1), `${studio.cookie}x`]) {
      expect((await studio.send("GET", "/api/state", { headers: { cookie } })).status).toBe(401);
    }
  });

  it("does not work anywhere but on the page's own address", async () => {
    const { status } = await studio.send("GET", `/api/state${studio.url.search}`, { headers: { cookie: "" } });
    expect(status).toBe(401);
  });
});

describe("A path", () => {
  it("never reaches the disk", async () => {
    const ups = [
      "/../../../../etc/passwd",
      "/..%2f..%2f..%2fetc%2fpasswd",
      "/assets/../../package.json",
      "/assets/..%2f..%2fcli%2fmain.js",
    ];
    const odd = [
      "//etc/passwd",
      "/%2e%2e/%2e%2e/package.json",
      "/assets/%00",
      "/studio.js",
      "/listen.js",
      "/api/../listen.js",
    ];
    for (const path of [...ups, ...odd]) {
      const { status, body } = await studio.send("GET", path);
      expect([path, status >= 400 && status < 500]).toEqual([path, true]);
      expect(body.toString()).not.toMatch(/root:|import |"name": "keepsake"/);
    }
    for (const id of ["..%2f..%2fetc%2fpasswd", "../../x", "__proto__", "constructor", "%00"]) {
      for (const path of [
        `/api/photos/${id}/crop.png`,
        `/api/photos/${id}/mask.png`,
        `/api/pictures/${id}.png`,
        `/api/files/${id}`,
        `/api/jobs/${id}`,
      ]) {
        const { status } = await studio.send("GET", path);
        expect([path, status >= 400 && status < 500]).toEqual([path, true]);
      }
    }
  });

  it("does not come from the name of a photo", async () => {
    const before = treeOf(folder);
    for (const name of ["../../evil.png", "..\\..\\evil.png", "/etc/evil.png", "a\u0000b.png", "\u202egnp.exe", ""]) {
      const dropped = await studio.drop(name, await noisePhoto(`named ${name}`));
      expect(dropped.name).not.toMatch(/[/\\\p{Cc}\p{Cf}]|^$/u);
      await studio.send("DELETE", `/api/photos/${dropped.id}`);
    }
    expect(treeOf(folder)).toEqual(before);
  });
});

describe("A body", () => {
  it("is limited in bytes, announced or not", async () => {
    const large = new Uint8Array(65_000_000);
    const type = { "content-type": "application/octet-stream" };
    // The answer may come, or the connection be cut, while the sender still sends.
    const cut = (error: NodeJS.ErrnoException) => ({ status: error.code });
    for (const headers of [type, { ...type, "transfer-encoding": "chunked" }]) {
      const { status } = await studio.send("POST", "/api/photos", { headers, body: large }).catch(cut);
      expect([413, "EPIPE", "ECONNRESET"]).toContain(status);
    }
    expect(await studio.call("GET", "/api/photos")).toHaveLength(1);
    const json = JSON.stringify({ kind: "draw", prompt: "x".repeat(200_000) });
    expect((await studio.send("POST", "/api/jobs", { body: json })).status).toBe(413);
    expect(
      (await studio.send("POST", "/api/jobs", { headers: { "content-length": "-1" } }).catch(() => ({ status: 400 })))
        .status,
    ).toBe(400);
  });

  it("that comes too slowly is not waited for", async () => {
    const { hostname, port } = studio.url;
    const socket = connect(Number(port), hostname);
    const head = [`POST /api/photos HTTP/1.1`, `Host: ${hostname}:${port}`, `Cookie: ${studio.cookie}`];
    socket.write(
      [...head, "Content-Type: application/octet-stream", "Content-Length: 1000", "", "a few bytes"].join("\r\n"),
    );
    let answer = "";
    for await (const part of socket) {
      answer += String(part);
      if (answer.includes("\r\n\r\n")) break;
    }
    expect(answer).toMatch(/^HTTP\/1.1 408/);
  });

  it("must be what the route takes", async () => {
    for (const body of [
      "",
      "{",
      "[]",
      "null",
      '"learn"',
      '{"kind":"nothing"}',
      '{"kind":"draw","prompt":5}',
      '{"kind":"learn"}',
    ]) {
      const { status, body: answer } = await studio.send("POST", "/api/jobs", { body });
      expect([body, status]).toEqual([body, 400]);
      expect(faultOf(answer).message).not.toBe("");
    }
    const polluting = '{"kind":"draw","prompt":"a","__proto__":{"n":99999},"constructor":{"prototype":{"x":1}}}';
    expect((await studio.send("POST", "/api/jobs", { body: polluting })).status).toBe(200);
  });

  it("with too long a line or head is refused", async () => {
    expect((await studio.send("GET", `/api/state?${"x".repeat(20_000)}`)).status).toBe(431);
    expect((await studio.send("GET", "/api/state", { headers: { x: "x".repeat(20_000) } })).status).toBe(431);
  });
});

describe("A file", () => {
  it("that is no photo is refused, whatever it is called", async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
    const files = {
      "drawing.svg": svg,
      "photo.jpg": svg,
      "page.html": "<!doctype html><script>alert(1)</script>",
      "photo.png": "<html></html>",
      "empty.png": "",
      "program.jpg": "MZ\u0000",
    };
    const headers = { "content-type": "application/octet-stream" };
    for (const [name, body] of Object.entries(files)) {
      const { status, body: answer } = await studio.send("POST", `/api/photos?name=${name}`, { headers, body });
      expect([name, status]).toEqual([name, 422]);
      expect(faultOf(answer)).toMatchObject({ kind: "input" });
    }
  });

  it("of more pixels than can be held is refused by its head", async () => {
    const png = Buffer.from(await noisePhoto("bomb"));
    png.writeUInt32BE(60_000, 16);
    png.writeUInt32BE(60_000, 20);
    const headers = { "content-type": "application/octet-stream" };
    const { status } = await studio.send("POST", "/api/photos?name=bomb.png", { headers, body: png });
    expect(status).toBe(422);
  });

  it("is shown as pixels that were encoded anew, with nothing else that it held", async () => {
    const hidden = "<script>alert('hidden')</script>";
    const polyglot = Buffer.concat([await noisePhoto("polyglot"), Buffer.from(hidden)]);
    const dropped = await studio.drop("x.png", polyglot);
    const headers = { "content-type": "image/png" };
    await studio.send("PUT", `/api/photos/${dropped.id}/mask`, { headers, body: polyglot });
    for (const [view, type] of [
      ["crop.png", "image/png"],
      ["whole.jpg", "image/jpeg"],
      ["mask.png", "image/png"],
    ]) {
      const { headers: sent, body } = await studio.send("GET", `/api/photos/${dropped.id}/${view}`);
      expect(sent["content-type"]).toBe(type);
      expect(body.includes("script")).toBe(false);
    }
  });
});

describe("Text", () => {
  const script = `"><script>alert(1)</script>&lt;img src=x onerror=alert(1)>\u2028`;

  it("of photos, captions, names and prompts comes back as data only", async () => {
    const dropped = await studio.drop(`${script}.png`.replaceAll("/", ""), await noisePhoto("xss"));
    const body = JSON.stringify({ caption: script });
    const edited = await studio.send("PATCH", `/api/photos/${dropped.id}`, { body });
    expect(edited.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(edited.body.toString())).toMatchObject({ caption: script });
    const named = await studio.send("POST", "/api/names/check", {
      body: JSON.stringify({ name: script, classNoun: script }),
    });
    expect(named.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(named.body.toString())).toMatchObject({ name: { kind: "usage" }, classNoun: { kind: "usage" } });
    const job = await studio.until((await studio.ask(learning(script, [dropped]))).id);
    expect(job).toMatchObject({ status: "failed", fault: { kind: "usage" } });
    const drawn = await studio.ask({ kind: "draw", prompt: script, steps: 1, width: 32, height: 32 });
    expect(drawn.request).toMatchObject({ prompt: script });
    const state = await studio.send("GET", "/api/state");
    expect(state.headers["content-type"]).toBe("application/json");
    await studio.until(drawn.id);
  });

  it("of signs that are cut in two makes a name all the same", async () => {
    const [picture] = (await studio.done({ kind: "draw", prompt: "a cat", n: 1, steps: 1 })).progress.pictures ?? [];
    const name = encodeURIComponent(`${"a".repeat(149)}\u{1f600}\u{1f600}`);
    const { status } = await studio.send("GET", `/api/pictures/${picture}.png?download=${name}`);
    expect(status).toBe(200);
  });

  it("in the name of a download cannot become a header", async () => {
    const job = await studio.done({ kind: "draw", prompt: "a dog", steps: 1, width: 32, height: 32 });
    const [picture] = job.progress.pictures ?? [];
    const name = encodeURIComponent('x"\r\nSet-Cookie: a=b; /../evil.html');
    const { headers } = await studio.send("GET", `/api/pictures/${picture}.png?download=${name}`);
    expect(headers["set-cookie"]).toBeUndefined();
    expect(headers["content-type"]).toBe("image/png");
    expect(headers["content-disposition"]).toMatch(/^attachment; filename\*=UTF-8''[\w%.-]+$/);
  });
});

it("The key and the cookie are in no line of output but the address, and in no fault", async () => {
  const key = studio.url.search.slice("?key=".length);
  const bodies = [];
  for (const path of [`/nothing${studio.url.search}`, `/api/jobs/${key}`, `/api/photos/${key}/crop.png`]) {
    bodies.push((await studio.send("GET", path)).body.toString());
  }
  expect(bodies.join("\n")).not.toContain(key);
  const lines = studio.output().split("\n");
  expect(lines.filter((line) => line.includes(key))).toHaveLength(1);
  expect(studio.output()).not.toContain(studio.cookie.split("=")[1]);
});
