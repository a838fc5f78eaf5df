/** @file Masks on a canvas: what is painted is the thing to learn. */

/** Shares of width and height. */
export type Point = readonly [x: number, y: number];

export interface Stroke {
  readonly from: Point;
  readonly to: Point;
  /** Share of the width. */
  readonly diameter: number;
  readonly isErasing: boolean;
}

/** What was done to a mask, in this order: each can be taken back. */
export type MaskEdit =
  /** What one move of the brush painted, or erased. */
  | { readonly kind: "strokes"; readonly strokes: Stroke[] }
  /** The bright parts of a picture take the place of all before. */
  | { readonly kind: "picture"; readonly picture: ImageData }
  | { readonly kind: "clear" };

/** Full strength: how it is seen through is the stylesheet's concern. */
const PAINT = "#fff";

/** Paints anew what was done. */
export function repaint(canvas: HTMLCanvasElement, edits: readonly MaskEdit[]): void {
  clear(canvas);
  for (const edit of edits) {
    if (edit.kind === "clear") clear(canvas);
    else if (edit.kind === "picture") contextOf(canvas)?.putImageData(edit.picture, 0, 0);
    else for (const stroke of edit.strokes) paintStroke(canvas, stroke);
  }
}

function clear(canvas: HTMLCanvasElement): void {
  contextOf(canvas)?.clearRect(0, 0, canvas.width, canvas.height);
}

/** What is painted is read again when it is saved. */
const contextOf = (canvas: HTMLCanvasElement) => canvas.getContext("2d", { willReadFrequently: true });

export function paintStroke(canvas: HTMLCanvasElement, { from, to, diameter, isErasing }: Stroke): void {
  const context = contextOf(canvas);
  if (context === null) return;
  context.globalCompositeOperation = isErasing ? "destination-out" : "source-over";
  context.strokeStyle = PAINT;
  context.lineCap = "round";
  context.lineWidth = diameter * canvas.width;
  context.beginPath();
  context.moveTo(from[0] * canvas.width, from[1] * canvas.height);
  // A line to the same place is drawn as a dot only if it has a length.
  context.lineTo(to[0] * canvas.width + 0.01, to[1] * canvas.height);
  context.stroke();
}

/** The bright parts of a picture, painted, at the size of a canvas. */
export async function brightParts(
  picture: Blob,
  { width, height }: HTMLCanvasElement,
): Promise<MaskEdit & { readonly kind: "picture" }> {
  const bitmap = await createImageBitmap(picture);
  const context = new OffscreenCanvas(width, height).getContext("2d");
  if (context === null) throw new Error("no canvas");
  context.drawImage(bitmap, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  for (let at = 0; at < data.length; at += 4) {
    const isThing = (data[at] ?? 0) >= 128 && (data[at + 3] ?? 0) >= 128;
    data.fill(255, at, at + 3);
    data[at + 3] = isThing ? 255 : 0;
  }
  return { kind: "picture", picture: new ImageData(data, width, height) };
}

/** As the server takes it: white on black. Absent if nothing is painted. */
export async function maskFile(canvas: HTMLCanvasElement): Promise<Blob | undefined> {
  const painted = contextOf(canvas)?.getImageData(0, 0, canvas.width, canvas.height).data;
  if (painted?.every((value, index) => index % 4 !== 3 || value === 0) !== false) return undefined;
  const flat = new OffscreenCanvas(canvas.width, canvas.height);
  const context = flat.getContext("2d");
  if (context === null) return undefined;
  context.fillStyle = "#000";
  context.fillRect(0, 0, flat.width, flat.height);
  context.drawImage(canvas, 0, 0);
  return flat.convertToBlob({ type: "image/png" });
}
