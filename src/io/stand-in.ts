/**
 * @file What people have in place of a file without knowing: a Git LFS pointer, the error page of a download, another
 * format. Told from the first bytes; asked only once a file was found not to be what it should be.
 */

/** What a file is, and what to do about it. */
export interface StandIn {
  /** Completes "it is ...". */
  readonly what: string;
  readonly remedy: string;
  /** Whether it is text and nothing more is known. */
  readonly isText?: boolean;
}

/** How many bytes {@link recognizeStandIn} wants to see. */
export const standInHeadSize = 4096;

const again = "download the file again";
const asSafetensors = "use the .safetensors version of these weights";
const unpacked = "unpack it and give the file inside";

/** A file of no bytes. */
export const emptyFile: StandIn = { what: "empty", remedy: again };
/** Text that begins as JSON does. */
export const jsonFile: StandIn = { what: "a JSON file", remedy: "give the file that was meant" };

/* eslint-disable no-control-regex -- first bytes are often control characters */
/** Formats by their first bytes, as latin1 text. */
const formats: readonly (readonly [RegExp, string, string])[] = [
  [/^version https:\/\/git-lfs\.github\.com\/spec\//, "a Git LFS pointer", "run git lfs pull in its folder"],
  [/^version https:\/\/hawser\.github\.com\/spec\//, "a Git LFS pointer", "run git lfs pull in its folder"],
  [/^# xet version /, "a Git Xet pointer", "run git lfs pull, with git-xet installed, in its folder"],
  [/^(\.\.\/)*(\/annex\/objects\/|\.git\/annex\/)/, "a git-annex pointer", "run git annex get in its folder"],
  [/^PK\x03\x04[^]{0,200}?(data\.pkl|\.format_version|byteorder)/, "a PyTorch (pickle) file", asSafetensors],
  [/^PK\x03\x04|^PK\x05\x06/, "a zip archive", unpacked],
  [/^\x80[\x02-\x05]/, "a pickle file, which can run any program", asSafetensors],
  [/^GGUF|^GGML|^ggjt/, "a GGUF file (weights quantised for llama.cpp and its kin)", asSafetensors],
  [/^\x1f\x8b/, "gzip-compressed", unpacked],
  [/^BZh[1-9]|^\xfd7zXZ\0|^\x28\xb5\x2f\xfd|^7z\xbc\xaf\x27\x1c|^Rar!/, "a compressed archive", unpacked],
  [/^[^]{257}ustar/, "a tar archive", unpacked],
  [/^\x89HDF\r\n/, "an HDF5 (Keras) file", asSafetensors],
  [/^\x93NUMPY/, "a NumPy array", asSafetensors],
  [/^\x89PNG|^\xff\xd8\xff|^GIF8|^RIFF[^]{4}WEBP/, "a picture", "give the file that was meant"],
  [/^%PDF-/, "a PDF document", "give the file that was meant"],
  [/^(II\*|MM)\0/, "a TIFF picture", "give the file that was meant"],
  [/^\x08[\x01-\x14]\x12[\x00-\x20]/, "an ONNX model", asSafetensors],
  [/^[^]{3}\0{5}\{/, "a safetensors file", "give the file that was meant"],
];
/* eslint-enable no-control-regex */

/**
 * Tells what a file is that is not what it should be.
 * @param head the file's first bytes, {@link standInHeadSize} or fewer.
 * @param size of the whole file, in bytes.
 * @returns undefined if it is nothing known.
 */
export function recognizeStandIn(head: Uint8Array, size: number): StandIn | undefined {
  if (size === 0) return emptyFile;
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, standInHeadSize));
  if (bytes.length > 8 && bytes.every((byte) => byte === 0))
    return { what: "nothing but zeros: its download did not finish", remedy: again };
  const latin = bytes.toString("latin1");
  const known = formats.find(([pattern]) => pattern.test(latin));
  if (known !== undefined) return { what: known[1], remedy: known[2] };
  return recognizeText(bytes, size);
}

/** Pages and messages of servers, and other text. */
function recognizeText(bytes: Buffer, size: number): StandIn | undefined {
  const text = decodeText(bytes)?.trimStart();
  if (text === undefined) return undefined;
  if (text === "") return emptyFile;
  if (/^<!doctype html|^<html|^<head|^<body/i.test(text) || (text.startsWith("<!--") && /<html/i.test(text))) {
    return { what: "an HTML page", remedy: `${again} (not the page about it; a login may be needed)` };
  }
  if (/^<\?xml|^<Error>/.test(text)) return { what: "an XML document, maybe a server's error", remedy: again };
  if (/^[{[]/.test(text)) {
    const words = /^\{\s*"(?:error|message|detail|errors)"\s*:\s*"((?:[^"\\]|\\.){1,100})/.exec(text)?.[1];
    if (words !== undefined) return { what: `a server's error (${words})`, remedy: again };
    return jsonFile;
  }
  const line = /^[^\r\n]*/.exec(text)?.[0] ?? "";
  const excerpt = line.length > 60 ? `${line.slice(0, 60)}...` : line;
  return { what: size <= standInHeadSize ? `text (${excerpt})` : "a text file", remedy: again, isText: true };
}

/** @returns undefined for anything but text. */
function decodeText(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2, bytes.length & ~1).toString("utf16le");
  // A character may be cut off at the end.
  const text = bytes
    .toString("utf8")
    .replace(/\ufffd+$/, "")
    .replace(/^\ufeff/, "");
  // eslint-disable-next-line no-control-regex -- what text does not hold
  return text.includes("\ufffd") || /[\0-\x08\x0e-\x1f]/.test(text) ? undefined : text;
}

/**
 * A server's answer in place of a JSON file: `{"error": "Repository not found"}`.
 * @returns What it says, or undefined if the value is something else.
 */
export function serverError(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const entries: [string, unknown][] = Object.entries(value);
  if (!entries.every(([key]) => errorFields.has(key.toLowerCase()))) return undefined;
  const said = entries.find(([key, words]) => errorTexts.has(key.toLowerCase()) && typeof words === "string")?.[1];
  return typeof said === "string" ? said.slice(0, 100) : undefined;
}

const errorTexts: ReadonlySet<string> = new Set(["error", "message", "detail", "error_description", "errormessage"]);
const errorFields: ReadonlySet<string> = new Set([
  ...errorTexts,
  ..."errors details error_type type title status statuscode status_code code requestid request_id".split(" "),
  ..."url path timestamp documentation_url success".split(" "),
]);
