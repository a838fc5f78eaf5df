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

/** Full strength: how it is seen through is the stylesheet's concern. */
const PAINT = "#fff";

export function paintStroke(canvas: HTMLCanvasElement, { from, to, diameter, isErasing }: Stroke): void {
  const context = canvas.getContext("2d");
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

/** Replaces what is painted by the bright parts of a picture. */
export async function paintFile(canvas: HTMLCanvasElement, file: File): Promise<void> {
  const bitmap = await createImageBitmap(file);
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.globalCompositeOperation = "copy";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < data.length; at += 4) {
    const isThing = (data[at] ?? 0) >= 128 && (data[at + 3] ?? 0) >= 128;
    data.fill(255, at, at + 3);
    data[at + 3] = isThing ? 255 : 0;
  }
  context.putImageData(new ImageData(data, width, height), 0, 0);
}

/** As the server takes it: white on black. Absent if nothing is painted. */
export async function maskFile(canvas: HTMLCanvasElement): Promise<Blob | undefined> {
  const painted = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data;
  if (painted?.every((value, index) => index % 4 !== 3 || value === 0) !== false) return undefined;
  const flat = new OffscreenCanvas(canvas.width, canvas.height);
  const context = flat.getContext("2d");
  if (context === null) return undefined;
  context.fillStyle = "#000";
  context.fillRect(0, 0, flat.width, flat.height);
  context.drawImage(canvas, 0, 0);
  return flat.convertToBlob({ type: "image/png" });
}
