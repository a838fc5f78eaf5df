import { lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../src/diffusion/open-checkpoint.ts";
import type { PullProgress } from "../../src/hub/pull.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { COMMIT, gitHash, isLarge, sha256 } from "./fake-hub.ts";
import { hubForTests, pull } from "./support.ts";

const inFolder = temporaryFolder();
const hub = hubForTests();

const WANTED = [
  "model_index.json",
  "scheduler/scheduler_config.json",
  "text_encoder/config.json",
  "text_encoder/model.fp16.safetensors",
  "tokenizer/merges.txt",
  "tokenizer/special_tokens_map.json",
  "tokenizer/tokenizer_config.json",
  "tokenizer/vocab.json",
  "unet/config.json",
  "unet/diffusion_pytorch_model.fp16.safetensors",
  "vae/config.json",
  "vae/diffusion_pytorch_model.fp16.safetensors",
];

const content = (name: string) => hub.files.get(name) ?? Buffer.alloc(0);
const blobOf = (name: string) => (isLarge(name) ? sha256(content(name)) : gitHash(content(name)));

/** Every path below a folder: `→ target` for links, the content for files, `/` for folders. */
function tree(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    entries.map((name) => {
      const path = join(folder, name);
      const status = lstatSync(path);
      if (status.isSymbolicLink()) return [name, `→ ${readlinkSync(path)}`];
      return [name, status.isDirectory() ? "/" : readFileSync(path, "latin1")];
    }),
  );
}

/**
 * What huggingface_hub leaves in HF_HOME/hub, by the rules of its file_download.py, _snapshot_download.py and
 * _tree_cache.py.
 */
function reference(): Record<string, string> {
  const storage = "models--owner--tiny";
  const snapshot = `${storage}/snapshots/${COMMIT}`;
  const folders = [
    ".locks",
    `.locks/${storage}`,
    storage,
    ...["blobs", "refs", "snapshots", "trees"].map((name) => `${storage}/${name}`),
  ];
  const parts = [...new Set(WANTED.filter((name) => name.includes("/")).map((name) => name.split("/")[0]))];
  const list = [...hub.files.keys()]
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((name) => {
      const size = content(name).byteLength;
      const ascii = name.replace("größe 猫", "gr\\u00f6\\u00dfe \\u732b");
      const lines = isLarge(name)
        ? [
            `   "size": ${size},`,
            `   "blob_id": "${gitHash(Buffer.from(`pointer to ${name}`))}",`,
            `   "lfs_sha256": "${sha256(content(name))}",`,
            `   "lfs_size": ${size}`,
          ]
        : [`   "size": ${size},`, `   "blob_id": "${gitHash(content(name))}"`];
      return [`  "${ascii}": {`, ...lines, "  }"].join("\n");
    });
  return {
    "CACHEDIR.TAG":
      "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag created by huggingface_hub.\n# For information about cache directory tags, see:\n#\thttps://bford.info/cachedir/\n",
    ...Object.fromEntries(
      [...folders, snapshot, ...parts.map((part) => `${snapshot}/${part}`)].map((name) => [name, "/"]),
    ),
    [`${storage}/refs/main`]: COMMIT,
    [`${storage}/trees/${COMMIT}.json`]: `{\n "format_version": 1,\n "files": {\n${list.join(",\n")}\n }\n}`,
    ...Object.fromEntries(WANTED.map((name) => [`${storage}/blobs/${blobOf(name)}`, content(name).toString("latin1")])),
    ...Object.fromEntries(
      WANTED.map((name) => [`${snapshot}/${name}`, `→ ${name.includes("/") ? "../" : ""}../../blobs/${blobOf(name)}`]),
    ),
  };
}

describe("pulling a model", () => {
  it("leaves the cache as huggingface_hub does, file by file, with nothing but what is needed", async () => {
    const home = inFolder("reference");
    const news: PullProgress[] = [];
    const result = await pull(hub, home, { onProgress: (progress) => news.push(progress) });
    const bytes = WANTED.reduce((sum, name) => sum + content(name).byteLength, 0);
    expect(result).toEqual({
      ...{ model: "owner/tiny", commit: COMMIT, files: WANTED.length, bytes, downloaded: bytes, precisions: ["fp16"] },
      folder: join(home, "hub", "models--owner--tiny", "snapshots", COMMIT),
    });
    expect(tree(join(home, "hub"))).toEqual(reference());
    // Readable for whom the umask allows it, as other files are.
    writeFileSync(join(home, "ordinary"), "");
    expect(statSync(join(result.folder, "unet/config.json")).mode).toBe(statSync(join(home, "ordinary")).mode);
    expect(news[0]).toEqual({
      kind: "plan",
      files: WANTED.length,
      bytes,
      missing: bytes - content("model_index.json").byteLength,
    });
    expect(news.at(-1)).toMatchObject({ kind: "bytes", done: bytes - content("model_index.json").byteLength });
  });

  it("gives a folder that opens as any other", async () => {
    const { folder } = await pull(hub, inFolder("opens"));
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.unet.weights.files).toEqual([join(folder, "unet/diffusion_pytorch_model.fp16.safetensors")]);
  });

  it("takes full precision if asked, and shares what both have", async () => {
    const home = inFolder("variants");
    await pull(hub, home);
    hub.seen.length = 0;
    const { precisions, folder } = await pull(hub, home, { variant: "fp32" });
    expect(precisions).toEqual(["fp32"]);
    expect(hub.seen.filter(({ host }) => host === "cdn").map(({ path }) => decodeURIComponent(path).slice(1))).toEqual([
      "text_encoder/model.safetensors",
      "vae/diffusion_pytorch_model.safetensors",
      "unet/diffusion_pytorch_model.safetensors",
    ]);
    expect(hub.seen.filter(({ path }) => path.includes("/resolve/"))).toHaveLength(3);
    const unet = "unet/diffusion_pytorch_model.safetensors";
    expect(readFileSync(join(folder, unet)).equals(content(unet))).toBe(true);
  });

  it("asks nobody for what is there, by branch or by commit", async () => {
    const home = inFolder("there");
    const { folder } = await pull(hub, home);
    hub.seen.length = 0;
    for (const model of [
      "owner/tiny",
      "owner/tiny@main",
      `owner/tiny@${COMMIT}`,
      "https://huggingface.co/owner/tiny",
    ]) {
      expect(await pull(hub, home, { model })).toMatchObject({ folder, downloaded: 0 });
    }
    expect(hub.seen).toEqual([]);
  });

  it("with update moves on with the branch, and links what has not changed", async () => {
    const home = inFolder("update");
    await pull(hub, home);
    hub.seen.length = 0;
    hub.commit = "89abcdef0123456789abcdef0123456789abcdef";
    const { commit, downloaded, folder } = await pull(hub, home, { update: true });
    expect([commit, downloaded]).toEqual([hub.commit, 0]);
    expect(hub.seen.some(({ path }) => path.includes("/resolve/"))).toBe(false);
    expect(readFileSync(join(home, "hub/models--owner--tiny/refs/main"), "utf8")).toBe(hub.commit);
    await openCheckpoint(folder);
  });

  it("uses what the Python tools have downloaded, without a list of files", async () => {
    const home = inFolder("python");
    const { folder } = await pull(hub, home);
    rmSync(join(home, "hub/models--owner--tiny/trees"), { recursive: true });
    hub.seen.length = 0;
    // added_tokens.json may exist: the hub is asked once, and the list kept.
    expect((await pull(hub, home)).downloaded).toBe(0);
    expect(hub.seen.every(({ path }) => path.startsWith("/api/"))).toBe(true);
    hub.seen.length = 0;
    expect((await pull(hub, home)).folder).toBe(folder);
    expect(hub.seen).toEqual([]);
  });

  it("moves files where links do not work, and copies those that are there", async () => {
    const home = inFolder("copies");
    const env = { HF_HUB_DISABLE_SYMLINKS: "1" };
    const { folder } = await pull(hub, home, { env });
    expect(WANTED.every((name) => lstatSync(join(folder, name)).isFile())).toBe(true);
    expect(readdirSync(join(home, "hub/models--owner--tiny/blobs"))).toEqual([]);
    await openCheckpoint(folder);
    const linked = inFolder("links first");
    const first = await pull(hub, linked);
    rmSync(join(first.folder, "unet"), { recursive: true });
    await pull(hub, linked, { env });
    expect(lstatSync(join(first.folder, "unet/config.json")).isFile()).toBe(true);
    expect(readdirSync(join(linked, "hub/models--owner--tiny/blobs"))).toHaveLength(WANTED.length);
  });
});
