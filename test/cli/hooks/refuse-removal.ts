/** @file Loaded into a process, lets no blob of a library be deleted, as some disks and other people's files do not. */
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const rm = fs.rm;
fs.rm = async (path, options) => {
  if (!String(path).endsWith(".safetensors") || !String(path).includes("blobs")) return rm(path, options);
  throw Object.assign(new Error("refused"), { code: "EACCES", syscall: "rm" });
};
syncBuiltinESMExports();
