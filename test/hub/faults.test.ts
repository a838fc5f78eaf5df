import { EventEmitter, once } from "node:events";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { KeepsakeError } from "../../src/errors.ts";
import { pullModel } from "../../src/hub/pull.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { RandomStream } from "../../src/random/random.ts";
import { COMMIT, isLarge, refuse, sha256, type Fault } from "./fake-hub.ts";
import { environment, hubForTests, pull } from "./support.ts";

const inFolder = temporaryFolder();
const hub = hubForTests();
const UNET = "unet/diffusion_pytorch_model.fp16.safetensors";
const content = (name: string) => hub.files.get(name) ?? Buffer.alloc(0);
const blobs = (home: string) => join(home, "hub/models--owner--tiny/blobs");
const isResolve = (path: string, name: string) => decodeURIComponent(path).endsWith(`resolve/${COMMIT}/${name}`);
const isCdn = (name: string, { host, path }: { host: string; path: string }) =>
  host === "cdn" && decodeURIComponent(path) === `/${name}`;

/** Whatever has its final name is whole, and nothing else but parts that say so is there. */
function expectNoHalfFile(home: string): void {
  if (!existsSync(blobs(home))) return;
  for (const name of readdirSync(blobs(home))) {
    if (name.endsWith(".keepsake.incomplete")) continue;
    const bytes = readFileSync(join(blobs(home), name));
    const git = createHash("sha1").update(`blob ${bytes.byteLength}\0`).update(bytes).digest("hex");
    expect([sha256(bytes), git]).toContain(name);
  }
}

/** A fault that happens a number of times. */
function times(count: number, fault: Fault): Fault {
  let left = count;
  return (seen, response) => left > 0 && fault(seen, response) && left-- > 0;
}

describe("an answer of the hub that is a refusal", () => {
  it.each([
    {
      what: "a gated model without a token",
      fault: (seen) => seen.path.includes("/resolve/"),
      answer: [401, "GatedRepo"],
      words:
        /owner\/tiny is gated: accept its licence at http:\S+\/owner\/tiny then set HF_TOKEN to a token from http:\S+\/settings\/tokens/,
    },
    {
      what: "a gated model with a token",
      fault: (seen) => seen.path.includes("/resolve/"),
      answer: [403, "GatedRepo"],
      env: { HF_TOKEN: "hf_secret" },
      words: /is gated: accept its licence at \S+ with the account of your token/,
    },
    {
      what: "no such model",
      fault: () => true,
      answer: [401, "RepoNotFound"],
      words:
        /There is no model owner\/tiny at 127\S+, or it is private: check the name; for a private one set HF_TOKEN/,
    },
    { what: "401 without a reason", fault: () => true, answer: [401], words: /There is no model owner\/tiny/ },
    {
      what: "a token that is not accepted",
      fault: () => true,
      answer: [401],
      env: { HF_TOKEN: "hf_secret" },
      words: /does not accept your token .*make one at \S+\/settings\/tokens, or unset it/,
    },
    { what: "no such revision", fault: () => true, answer: [404, "RevisionNotFound"], words: /has no revision "main"/ },
    { what: "404", fault: () => true, answer: [404], words: /There is no model/ },
    { what: "403", fault: () => true, answer: [403], words: /may not be read from here/ },
    { what: "an unknown status", fault: () => true, answer: [418], words: /answered 418/ },
  ] satisfies readonly {
    what: string;
    fault: (seen: { path: string }) => boolean;
    answer: [number, string?];
    env?: Record<string, string>;
    words: RegExp;
  }[])("($what) is one line that says what to do, and is not tried again", async ({ fault, answer, env, words }) => {
    hub.fault = (seen, response) => {
      if (!fault(seen)) return false;
      refuse(response, answer[0], answer[1]);
      return true;
    };
    const home = inFolder(`refused ${answer.join(" ")} ${env === undefined ? "" : "token"} ${words.source.length}`);
    const error = await failure(pull(hub, home, { env }));
    expect(error.message).toMatch(words);
    expect(error.message).not.toContain("hf_secret");
    expect(hub.seen.length).toBeLessThan(12);
    expectNoHalfFile(home);
  });

  it("(a file that is listed and does not exist) is noted in the cache", async () => {
    const home = inFolder("no exist");
    hub.fault = ({ path }, response) => {
      if (!isResolve(path, "vae/config.json")) return false;
      refuse(response, 404, "EntryNotFound");
      return true;
    };
    expect((await failure(pull(hub, home))).message).toContain("lists vae/config.json");
    const mark = join(home, "hub/models--owner--tiny/.no_exist", COMMIT, "vae/config.json");
    expect(readFileSync(mark, "utf8")).toBe("");
  });
});

describe("a hub that is busy", () => {
  it.each([408, 429, 500, 502, 503, 504])("(%s) is asked again, as late as it says", async (status) => {
    const waits: number[] = [];
    hub.fault = times(2, (_, response) => {
      response.writeHead(status, { "Retry-After": "7" });
      response.end();
      return true;
    });
    await pull(hub, inFolder(`busy ${status}`), {
      wait: (milliseconds) => {
        waits.push(milliseconds);
        return Promise.resolve();
      },
    });
    expect(waits).toEqual([7000, 7000]);
  });

  it("is given up after some tries, whose pauses grow", async () => {
    const waits: number[] = [];
    hub.fault = (_, response) => {
      refuse(response, 503);
      return true;
    };
    const wait = (milliseconds: number) => {
      waits.push(milliseconds);
      return Promise.resolve();
    };
    const error = await failure(pull(hub, inFolder("down"), { wait }));
    expect(error.message).toMatch(
      /^127\S+: it is overloaded or under maintenance \(503\); what has come is kept, repeat/,
    );
    expect(waits).toEqual([1000, 2000, 4000, 8000]);
  });

  it("is not waited for an hour", async () => {
    hub.fault = (_, response) => {
      response.writeHead(429, { "Retry-After": new Date(Date.now() + 3_600_000).toUTCString() });
      response.end();
      return true;
    };
    expect((await failure(pull(hub, inFolder("hour")))).message).toMatch(
      /repeat the command in 60 minutes to go on\.$/,
    );
  });
});

describe("a body that is not whole", () => {
  const random = new RandomStream(1, "cuts");
  const cuts = Array.from(random.uniform(30), (share) => Math.floor(share * content(UNET).byteLength));

  it("(cut at 30 random bytes) is resumed at each, and right in the end", async () => {
    const home = inFolder("cut");
    const left = [...cuts].sort((a, b) => a - b);
    const starts: number[] = [];
    hub.fault = (seen, response) => {
      if (!isCdn(UNET, seen)) return false;
      const from = Number(/\d+/.exec(seen.range ?? "0")?.[0]);
      starts.push(from);
      const to = left.splice(0, left.findIndex((cut) => cut > from) + 1).at(-1);
      if (to === undefined) return false;
      const all = content(UNET);
      const rest = { "Content-Length": all.byteLength - from };
      if (from === 0) response.writeHead(200, rest);
      else
        response.writeHead(206, { ...rest, "Content-Range": `bytes ${from}-${all.byteLength - 1}/${all.byteLength}` });
      response.write(all.subarray(from, to), () => response.destroy());
      return true;
    };
    // What was still on its way when a connection is cut does not come, so a try may have got nothing.
    await pull(hub, home, { tries: cuts.length + 1 });
    const whole = readFileSync(join(blobs(home), sha256(content(UNET))));
    expect(whole.equals(content(UNET))).toBe(true);
    expect([left, starts[0], starts]).toEqual([[], 0, [...starts].sort((a, b) => a - b)]);
    expect(starts.length).toBeGreaterThan(15);
    expectNoHalfFile(home);
  });

  it.each(cuts)("(cut at byte %s for good) leaves its part, and the next pull goes on there", async (cut) => {
    const home = inFolder(`cut at ${cut}`);
    hub.fault = (seen, response) => {
      if (!isCdn(UNET, seen)) return false;
      if (seen.range !== undefined) {
        refuse(response, 503);
        return true;
      }
      response.writeHead(200, { "Content-Length": content(UNET).byteLength });
      response.write(content(UNET).subarray(0, cut), () => response.destroy());
      return true;
    };
    const error = await failure(pull(hub, home, { tries: 2 }));
    expect(error.kind).toBe("environment");
    expectNoHalfFile(home);
    const part = `${sha256(content(UNET))}.keepsake.incomplete`;
    const kept = readFileSync(join(blobs(home), part));
    expect(kept.byteLength).toBeLessThanOrEqual(cut);
    expect(kept.equals(content(UNET).subarray(0, kept.byteLength))).toBe(true);
    expect(existsSync(join(home, "hub/models--owner--tiny/refs/main"))).toBe(false);
    hub.fault = () => false;
    hub.seen.length = 0;
    const { downloaded } = await pull(hub, home);
    expect(downloaded).toBe(content(UNET).byteLength - kept.byteLength);
    const from = kept.byteLength === 0 ? undefined : `bytes=${kept.byteLength}-`;
    expect(hub.seen.find((seen) => isCdn(UNET, seen))?.range).toBe(from);
    expectNoHalfFile(home);
  });

  it("that stands still is asked for again", async () => {
    const home = inFolder("slow");
    hub.fault = times(1, (seen, response) => {
      if (!isCdn(UNET, seen)) return false;
      response.writeHead(200, { "Content-Length": content(UNET).byteLength });
      response.write(content(UNET).subarray(0, 1000));
      return true;
    });
    await pull(hub, home, { timeout: 300 });
    expect(hub.seen.filter((seen) => isCdn(UNET, seen)).map(({ range }) => range)).toEqual([undefined, "bytes=1000-"]);
    expectNoHalfFile(home);
  });

  it("that is not answered at all is given up", async () => {
    hub.fault = () => true;
    const error = await failure(pull(hub, inFolder("silent"), { timeout: 50, tries: 2 }));
    expect(error.message).toMatch(/nothing has come for too long; what has come is kept, repeat the command to go on/);
  });

  it("from a server that knows no ranges begins anew", async () => {
    const home = inFolder("no ranges");
    mkdirSync(blobs(home), { recursive: true });
    writeFileSync(join(blobs(home), `${sha256(content(UNET))}.keepsake.incomplete`), content(UNET).subarray(0, 500));
    hub.fault = (seen, response) => {
      if (!isCdn(UNET, seen)) return false;
      response.end(content(UNET));
      return true;
    };
    await pull(hub, home);
    expectNoHalfFile(home);
  });

  it.each([
    { what: "another part", status: 206, headers: { "Content-Range": "bytes 0-9/10" } },
    { what: "compressed", status: 200, headers: { "Content-Encoding": "gzip" } },
  ])("($what) is refused", async ({ what, status, headers }) => {
    const home = inFolder(`odd ${what}`);
    hub.fault = (seen, response) => {
      if (!isCdn(UNET, seen)) return false;
      response.writeHead(status, headers);
      response.end("0123456789");
      return true;
    };
    expect((await failure(pull(hub, home))).message).toContain(" than was asked for; look at the proxy settings");
    expectNoHalfFile(home);
  });
});

describe("a body that is wrong", () => {
  const wrong = (name: string, body: Buffer): Fault => {
    return (seen, response) => {
      if (!isCdn(name, seen) && !isResolve(seen.path, name)) return false;
      if (seen.host === "hub" && isLarge(name)) return false;
      response.end(body);
      return true;
    };
  };
  const flipped = (name: string) => {
    const bytes = Buffer.from(content(name));
    bytes[bytes.byteLength >> 1] ^= 1;
    return bytes;
  };

  it.each([UNET, "vae/config.json"])("(hash of %s) is deleted, and said", async (name) => {
    const home = inFolder(`hash ${name.length}`);
    hub.fault = wrong(name, flipped(name));
    const error = await failure(pull(hub, home));
    expect(error.message).toMatch(
      new RegExp(`^${name} of owner/tiny does not have the hash .* so it was deleted; repeat`),
    );
    expectNoHalfFile(home);
    expect(readdirSync(blobs(home)).filter((file) => file.endsWith(".incomplete"))).toEqual([]);
  });

  it("(too long) is stopped", async () => {
    const home = inFolder("long");
    hub.fault = wrong(UNET, Buffer.concat([content(UNET), Buffer.alloc(100)]));
    expect((await failure(pull(hub, home))).message).toContain("more than the");
    expectNoHalfFile(home);
  });

  it("(too short) is given up", async () => {
    const home = inFolder("short");
    hub.fault = wrong(UNET, content(UNET).subarray(0, 1000));
    expect((await failure(pull(hub, home, { tries: 2 }))).message).toContain(`ended after 1000 of`);
    expectNoHalfFile(home);
  });

  it("(a part that an earlier pull left and the disk has damaged) is downloaded anew", async () => {
    const home = inFolder("damaged part");
    mkdirSync(blobs(home), { recursive: true });
    writeFileSync(join(blobs(home), `${sha256(content(UNET))}.keepsake.incomplete`), flipped(UNET).subarray(0, -10));
    await pull(hub, home);
    expectNoHalfFile(home);
  });

  it("(a blob of another size that was there) is downloaded anew", async () => {
    const home = inFolder("half blob");
    mkdirSync(blobs(home), { recursive: true });
    writeFileSync(join(blobs(home), sha256(content(UNET))), "half");
    await pull(hub, home);
    expectNoHalfFile(home);
  });
});

describe("the token", () => {
  it("goes to the hub, and never to the host that it redirects to", async () => {
    await pull(hub, inFolder("token"), { env: { HF_TOKEN: " hf_secret\n" } });
    expect(new Set(hub.seen.filter(({ host }) => host === "hub").map(({ authorization }) => authorization))).toEqual(
      new Set(["Bearer hf_secret"]),
    );
    const elsewhere = hub.seen.filter(({ host }) => host === "cdn");
    expect(elsewhere.length).toBeGreaterThan(2);
    expect(elsewhere.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it("does not come back with a redirect from there to the hub", async () => {
    hub.fault = ({ host, path }, response) => {
      if (host !== "cdn") return false;
      response.writeHead(302, { Location: `${hub.endpoint}/elsewhere?${path}` });
      response.end();
      return true;
    };
    await failure(pull(hub, inFolder("token back"), { env: { HF_TOKEN: "hf_secret" } }));
    const back = hub.seen.filter(({ path }) => path.startsWith("/elsewhere"));
    expect(back.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it("is read from the file of the Python tools, unless that is switched off", async () => {
    const home = inFolder("token file");
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "token"), "hf_filed\n");
    await pull(hub, home);
    expect(hub.seen[0]?.authorization).toBe("Bearer hf_filed");
    hub.seen.length = 0;
    await pull(hub, home, { update: true, env: { HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" } });
    expect(hub.seen[0]?.authorization).toBeUndefined();
  });

  it("that could not be sent is refused without being shown", async () => {
    const error = await failure(pull(hub, inFolder("bad token"), { env: { HF_TOKEN: "hf_a\u0000b secret" } }));
    expect(error.message).toContain("HF_TOKEN holds no token");
    expect(error.message).not.toContain("secret");
  });
});

describe("an attack of the server", () => {
  it.each([
    ...["../../outside", "/etc/outside", "a/../../outside", "..\\outside", "C:\\outside", "unet/./x", "a//b", ""],
    ...["x\u0000y", "a\nb", "D:outside", "x/".repeat(600)],
  ])("(a file called %j) is refused as a whole", async (path) => {
    const home = inFolder(`path ${sha256(Buffer.from(path)).slice(0, 8)}`);
    hub.listed = (name, item) => (name === "README.md" ? { ...item, path } : item);
    const error = await failure(pull(hub, home));
    expect(error.message).toContain("leads out of the repository or is reserved; nothing of it is downloaded");
    expect(existsSync(blobs(home))).toBe(false);
  });

  it.each([
    { what: "a hash that is a path", item: { oid: "../../../../outside" } },
    { what: "a hash of other digits", item: { oid: "F".repeat(40) } },
    { what: "a large file's hash that is a path", item: { lfs: { oid: "../".repeat(21) + "a", size: 3 } } },
    { what: "a negative size", item: { size: -1 } },
    { what: "a size that is no number", item: { size: "7" } },
    { what: "an endless size", item: { size: 1e300 } },
  ])("($what) is refused", async ({ what, item: changed }) => {
    hub.listed = (name, item) => (name === "vae/config.json" ? { ...item, ...changed } : item);
    const error = await failure(pull(hub, inFolder(what)));
    expect(error.message).toMatch(/^The list of the files of owner\/tiny is not as the Hugging Face Hub writes it/);
  });

  it.each([
    { what: "nested deep", body: "[".repeat(100_000), words: "nested more than 100 levels deep" },
    { what: "no JSON", body: "<html>Please log in to the network</html>", words: "is not valid JSON" },
    { what: "huge", body: `["${"x".repeat(33_000_000)}"]`, words: "more than 32 MB where a list was asked for" },
    { what: "something else", body: '{"sha": "../../x"}', words: "names no commit of owner/tiny" },
  ])("(an answer that is $what) is refused", async ({ what, body, words }) => {
    hub.fault = (_, response) => {
      response.end(body);
      return true;
    };
    expect((await failure(pull(hub, inFolder(`json ${what}`)))).message).toContain(words);
  });

  it.each([
    { to: () => `${hub.endpoint}/again`, words: "redirects in a circle" },
    { to: () => "file:///etc/passwd", words: "redirects to file://" },
    { to: () => "ftp://127.0.0.1/x", words: "which is not followed" },
    { to: () => `http://user:pass@127.0.0.1/`, words: "which is not followed" },
    { to: () => "http://[", words: "which is not followed" },
  ])("(a redirect: $words) ends in an error", async ({ to, words }) => {
    hub.fault = (_, response) => {
      response.writeHead(302, { Location: to() });
      response.end();
      return true;
    };
    const error = await failure(pull(hub, inFolder(`redirect ${sha256(Buffer.from(to())).slice(0, 8)}`)));
    expect(error.message).toContain(words);
    expect(error.message).not.toContain("pass");
    expect(hub.seen.length).toBeLessThan(15);
  });

  it("(a list that goes on elsewhere, or for ever) is refused", async () => {
    const link = (to: string): Fault => {
      return ({ path }, response) => {
        if (!path.includes("/tree/")) return false;
        response.setHeader("Link", `<${to}>; rel="next"`);
        response.end("[]");
        return true;
      };
    };
    hub.fault = link(`${hub.cdn}/next`);
    expect((await failure(pull(hub, inFolder("link elsewhere")))).message).toContain("which is not followed");
    expect(hub.seen.some(({ host }) => host === "cdn")).toBe(false);
    hub.fault = link(`${hub.endpoint}/api/models/owner/tiny/tree/again`);
    expect((await failure(pull(hub, inFolder("link for ever")))).message).toContain("does not end");
  });
});

describe("another kind of model", () => {
  it.each([
    { index: '{"_class_name": "StableDiffusionXLImg2ImgPipeline"}', words: "is an SDXL refiner" },
    { index: '{"_class_name": "FluxPipeline"}', words: "is FLUX" },
    { index: "[]", words: "is no pipeline" },
  ])("($words) is refused before its weights are downloaded", async ({ index, words }) => {
    const body = Buffer.from(index);
    const oid = createHash("sha1").update(`blob ${body.byteLength}\0${index}`).digest("hex");
    hub.listed = (name, item) => (name === "model_index.json" ? { ...item, oid, size: body.byteLength } : item);
    hub.fault = ({ path }, response) => {
      if (!isResolve(path, "model_index.json")) return false;
      response.end(body);
      return true;
    };
    expect((await failure(pull(hub, inFolder(words)))).message).toContain(words);
    expect(hub.seen.filter(({ path }) => path.includes("/resolve/"))).toHaveLength(1);
  });
});

describe("this machine", () => {
  it("opens no connection with HF_HUB_OFFLINE, whatever is asked for", async () => {
    const home = inFolder("offline");
    const env = { HF_HUB_OFFLINE: "1" };
    const error = await failure(pull(hub, home, { env }));
    expect(error.message).toMatch(/owner\/tiny is not in the cache .* HF_HUB_OFFLINE forbids connections; unset/);
    await pull(hub, home);
    hub.seen.length = 0;
    await pull(hub, home, { env, update: true });
    expect(hub.seen).toEqual([]);
  });

  it("says in one line where nothing listens, or something else does", async () => {
    const port = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo;
        server.close(() => {
          resolve(port);
        });
      });
    });
    const home = inFolder("nobody");
    const env = { HF_ENDPOINT: `http://127.0.0.1:${port}` };
    expect((await failure(pull(hub, home, { env }))).message).toMatch(
      /^Cannot reach 127\S+: nothing listens there; look/,
    );
    const secure = { HF_ENDPOINT: hub.endpoint.replace("http:", "https:") };
    expect((await failure(pull(hub, home, { env: secure }))).message).toMatch(/^Cannot reach 127\S+: /);
  });

  it.each(["ftp://x", "nonsense", "https://user@x", "https://x/?a"])("refuses HF_ENDPOINT=%s", async (endpoint) => {
    const error = await failure(pull(hub, inFolder("endpoint"), { env: { HF_ENDPOINT: endpoint } }));
    expect([error.kind, error.message]).toEqual([
      "usage",
      expect.stringMatching(/^HF_ENDPOINT is .*; give an address/),
    ]);
  });

  it("says in one line that the cache cannot be written", async () => {
    const error = await failure(pull(hub, inFolder("read-only"), { env: { HF_HUB_CACHE: "/proc/self/cache" } }));
    expect([error.kind, error.message]).toEqual(["environment", expect.stringMatching(/choose another folder/i)]);
  });

  it("says in one line that a part of the cache's path is a file", async () => {
    const home = inFolder("file");
    mkdirSync(dirname(home), { recursive: true });
    writeFileSync(home, "");
    expect((await failure(pull(hub, home))).kind).toBe("environment");
  });

  it("stops at the signal, keeps what has come, and goes on later", async () => {
    const home = inFolder("stopped");
    const controller = new AbortController();
    const reason = new KeepsakeError("state", "Stopped.");
    const stopped = pull(hub, home, {
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.kind === "bytes" && progress.file === UNET) controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    expectNoHalfFile(home);
    expect(readdirSync(blobs(home)).some((name) => name.endsWith(".incomplete"))).toBe(true);
    expect(readdirSync(join(home, "hub/.locks/models--owner--tiny"))).toEqual([]);
    await pull(hub, home);
    expectNoHalfFile(home);
  });

  it("lets one of two pulls wait for the other, and downloads once", async () => {
    const home = inFolder("two");
    const news = new EventEmitter();
    const isWaiting = once(news, "waiting");
    const onProgress = ({ kind }: { kind: string }) => news.emit(kind);
    // The one that has the lock is not served before the other has come to it.
    hub.fault = (seen, response) => {
      if (!isCdn(UNET, seen)) return false;
      void isWaiting.then(() => {
        response.writeHead(200, { "Content-Length": content(UNET).byteLength });
        response.end(content(UNET));
      });
      return true;
    };
    const [first, second] = await Promise.all([pull(hub, home, { onProgress }), pull(hub, home, { onProgress })]);
    expect(first.folder).toBe(second.folder);
    expect(Math.min(first.downloaded, second.downloaded)).toBe(0);
    expect(hub.seen.filter((seen) => isCdn(UNET, seen))).toHaveLength(1);
    expectNoHalfFile(home);
  });

  it("replaces a link in the snapshot that leads nowhere", async () => {
    const home = inFolder("dangling");
    const folder = join(home, "hub/models--owner--tiny/snapshots", COMMIT, "unet");
    mkdirSync(folder, { recursive: true });
    symlinkSync("../../../../nowhere", join(folder, "config.json"));
    const result = await pull(hub, home);
    expect(readFileSync(join(result.folder, "unet/config.json")).equals(content("unet/config.json"))).toBe(true);
  });

  it.each([
    "name",
    "a/b/c",
    "../x",
    "a/..",
    "a--b/c",
    "a/b@",
    "a/b@../c",
    "a/b@c d",
    "https://example.com/a/b",
    "a/b.git",
  ])("takes %j for no model of the hub", async (model) => {
    const error = await failure(pullModel({ model, env: environment(hub, inFolder("names")) }));
    expect([error.kind, error.message]).toEqual([
      "usage",
      expect.stringContaining("is no model of the Hugging Face Hub"),
    ]);
  });
});
