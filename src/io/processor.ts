/**
 * @file The processor, as far as the speed depends on it.
 */
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus } from "node:os";

export interface Processor {
  readonly model: string;
  /** Processors that this process may use at once. */
  readonly cores: number;
  /** Instructions that arithmetic is fast with, the widest first; absent if the system does not say. */
  readonly instructions?: readonly string[];
}

/** Flags of /proc/cpuinfo, the widest first. */
const INSTRUCTIONS: Readonly<Record<string, string>> = {
  amx_tile: "AMX",
  avx512_bf16: "AVX-512 BF16",
  avx512_vnni: "AVX-512 VNNI",
  avx512f: "AVX-512",
  avx2: "AVX2",
  avx: "AVX",
  sve: "SVE",
  asimd: "NEON",
};

export function processor(): Processor {
  const model = cpus()[0]?.model.trim() ?? "";
  const instructions = instructionsIn(readCpuInfo());
  return {
    model: model === "" || model === "unknown" ? arch() : model,
    cores: availableParallelism(),
    ...(instructions !== undefined && { instructions }),
  };
}

/** @param cpuInfo - the text of /proc/cpuinfo */
export function instructionsIn(cpuInfo: string): string[] | undefined {
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1]?.split(" ");
  if (flags === undefined) return undefined;
  return Object.entries(INSTRUCTIONS).flatMap(([flag, name]) => (flags.includes(flag) ? [name] : []));
}

function readCpuInfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    // Another system than Linux.
    return "";
  }
}
