/**
 * @file What kind of picture a file is, told from its first bytes, never from its name: only formats that are meant to
 * be read ever reach a decoder.
 */

/** The formats that are read. */
export type ImageFormat = "JPEG" | "PNG" | "WebP" | "GIF" | "TIFF" | "AVIF" | "HEIC";

/** File names that are taken for pictures when a folder is searched. */
export const imageExtensions: ReadonlySet<string> = new Set(
  ".jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .avif .heic .heif .hif".split(" "),
);

/** Pictures too, but not for us: a person who has them in a folder should be told. */
export const otherImageExtensions: ReadonlySet<string> = new Set(
  ".bmp .jxl .jp2 .svg .psd .xcf .dng .cr2 .cr3 .nef .arw .raf .orf .rw2 .pef .srw".split(" "),
);

/** Whether a file's name is that of a mask, `x.mask.png` of `x.jpg`: never a photo itself. */
export function isMaskName(name: string): boolean {
  return /.\.mask\.png$/i.test(name);
}

/** What a text file with the words of a picture is called; the first goes before the second. */
export const captionExtensions: readonly string[] = [".txt", ".caption"];

/** Texts that people and their programs put beside pictures. */
export const textExtensions: ReadonlySet<string> = new Set(
  ".txt .text .caption .cap .tags .json .jsonl .csv .tsv .rtf .doc .docx .odt".split(" "),
);

/** What else people have in a folder where they look for pictures. */
export const otherExtensions = {
  video: new Set(".mov .mp4 .m4v .avi .mkv .webm .3gp".split(" ")),
  archive: new Set(".zip .rar .7z .tar .gz .tgz".split(" ")),
} satisfies Record<string, ReadonlySet<string>>;

/** Of files that hold what a sensor saw. */
export const RAW_FAULT = "is a camera's raw file, which is not read: export it as JPEG";

/**
 * Tells the format of a file.
 * @param bytes The file, or its first 1000 bytes.
 * @returns The format, or what to tell the user about a file that is not read.
 */
export function recognizeImage(bytes: Uint8Array): { format: ImageFormat } | { fault: string } {
  if (bytes.length === 0) return { fault: "is empty" };
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1000));
  const text = (start: number, end: number) => head.toString("latin1", start, end);
  if (text(0, 3) === "\xff\xd8\xff") return { format: "JPEG" };
  if (text(0, 8) === "\x89PNG\r\n\x1a\n") return { format: "PNG" };
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return { format: "WebP" };
  if (/^GIF8[79]a/.test(text(0, 6))) return { format: "GIF" };
  if (/^(II[*+]\0|MM\0[*+])/.test(text(0, 4))) return { format: "TIFF" };
  if (text(4, 8) === "ftyp") return recognizeHeif(text(8, Math.min(head.readUInt32BE(0), 100)));
  if (/^(IIRO|IIRS|IIU\0|FUJIFILM)/.test(text(0, 8))) return { fault: RAW_FAULT };
  if (text(0, 4) === "PK\x03\x04") return { fault: "is a ZIP archive, not a picture: unpack it and name its folder" };
  if (text(0, 4) === "8BPS") return { fault: "is a Photoshop document, which is not read: save it as PNG" };
  if (text(0, 2) === "\xff\x0a" || text(4, 8) === "JXL ") {
    return { fault: "is a JPEG XL picture, which is not read: save it as PNG" };
  }
  if (text(4, 8) === "jP  ") return { fault: "is a JPEG 2000 picture, which is not read: save it as PNG" };
  if (text(0, 23) === "version https://git-lfs") {
    return { fault: 'is a Git LFS pointer and not the picture itself: run "git lfs pull" in its folder' };
  }
  if (text(0, 2) === "BM") return { fault: "is a BMP picture, which is not read: save it as PNG" };
  if (text(0, 5) === "%PDF-") return { fault: "is a PDF document, not a picture: save it as PNG" };
  if (/^\s*</.test(head.toString("utf8")) && head.includes("<svg")) {
    return { fault: "is an SVG drawing, which is not read: save it as PNG" };
  }
  if (/^\s*<(!doctype\s+html|html)\b/i.test(head.toString("utf8"))) {
    return { fault: "is a web page, not a picture: download the picture itself" };
  }
  return { fault: "is not a picture that can be read (JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIC)" };
}

/** @param brands The major brand, its version and the compatible brands of an ISO base media file. */
function recognizeHeif(brands: string): { format: ImageFormat } | { fault: string } {
  if (/avi[fs]/.test(brands)) return { format: "AVIF" };
  if (/hei[cxms]|hev[cxms]|mif1|msf1/.test(brands)) return { format: "HEIC" };
  if (brands.startsWith("crx ")) return { fault: RAW_FAULT };
  return { fault: "is a video, not a picture" };
}
