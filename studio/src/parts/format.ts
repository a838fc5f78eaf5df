/** @file Quantities as people say them. */

/** `512 B`, `2.1 kB`, `34 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A duration that is estimated, in one unit: `40 s`, `7 min`, `1.5 h`. */
export function formatAbout(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  const hours = seconds / 3600;
  return `${hours < 9.95 ? hours.toFixed(1) : Math.round(hours)} h`;
}

/** `1,234`. */
export const formatCount = (count: number) => count.toLocaleString("en");

/** A share, in [0, 1] or above: `12 %`. What is not nothing is never shown as `0 %`. */
export function formatPercent(share: number): string {
  return share > 0 && share < 0.005 ? "< 1 %" : `${Math.round(share * 100)} %`;
}

/** The time of day of a moment in ISO 8601. */
export const formatTime = (moment: string) =>
  new Date(moment).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
