/**
 * @file Quantities as people say them. Every layer may use this file.
 */

/** Bytes as people say them: `512 B`, `2.1 kB`, `34 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (value < 999.5 || unit === "GB")
      return `${unit === "B" || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${bytes} B`;
}
