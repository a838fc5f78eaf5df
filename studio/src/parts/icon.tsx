/**
 * @file The page's icons: lines on a square of 24. They are never the only name of a thing, so screen readers skip
 * them.
 */
const SHAPES = {
  concepts: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  teach: "M12 5v14M5 12h14",
  watch: "M3 13h4l3-8 4 14 3-6h4",
  remember: "M12 4v16M5 6h4v12H5zM15 6h4v12h-4z",
  draw: "M4 20l4-1L19 8l-3-3L5 16zM14 7l3 3",
  ask: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.5 4.5",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  close: "M6 6l12 12M18 6L6 18",
  crop: "M7 3v14h14M3 7h14v14",
  mask: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 4a8 8 0 0 1 0 16z",
  undo: "M9 6L4 11l5 5M4 11h9a6 6 0 0 1 6 6v1",
  redo: "M15 6l5 5-5 5M20 11h-9a6 6 0 0 0-6 6v1",
  save: "M12 4v11M7 11l5 5 5-5M5 20h14",
  warning: "M12 4L3 20h18zM12 10v4M12 17v.5",
  check: "M5 12.5l4.5 4.5L19 7",
  photo: "M4 5h16v14H4zM4 16l5-5 4 4 2.5-2.5L20 17M15 9.5v.1",
  more: "M5 12v.1M4.6 12h.8M12 12v.1M11.6 12h.8M19 12v.1M18.6 12h.8",
  again: "M19 12a7 7 0 1 1-2-5M19 4v4h-4",
  stop: "M7 7h10v10H7z",
  play: "M8 5l11 7-11 7z",
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={SHAPES[name]} />
    </svg>
  );
}
