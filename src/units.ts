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

/** Seconds as people say them: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A duration that is estimated, in one unit: `40 s`, `7 min`, `1.5 h`. */
export function formatAbout(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  const hours = seconds / 3600;
  return `${hours < 9.95 ? hours.toFixed(1) : Math.round(hours)} h`;
}

/** The length of something short that is done many times, a step or a picture: `80 ms`, `3.21 s`, `12.4 s`, `2 min`. */
export function formatEach(seconds: number): string {
  if (seconds < 0.0995) return `${Math.round(1000 * seconds)} ms`;
  return seconds < 90 ? `${seconds.toFixed(seconds < 9.5 ? 2 : 1)} s` : formatAbout(seconds);
}
