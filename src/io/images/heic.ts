/**
 * @file HEIC photos, as phones take them: HEVC, which sharp's libraries cannot decode. libheif does, in WebAssembly,
 * and is loaded when the first HEIC photo is met. It reads memory only: no file and no network.
 *
 * Source: libheif: libheif/api/libheif/heif.h; ITU-T: H.273 (numbers of colours).
 */
import type { LibHeif } from "libheif-js/wasm-bundle.js";
import { loadNativePackage } from "../../native-package.ts";

/** What a HEIC file says of its picture before it is decoded. */
export interface HeicHeader {
  /** As the picture is looked at: turned and cropped as the file says. */
  readonly width: number;
  readonly height: number;
  /** "PQ" or "HLG" where it holds the light of an HDR screen. */
  readonly hdr: string | undefined;
}

/** A decoded picture, upright. What EXIF says of turns has been done, and is not to be done again. */
export interface HeicPicture extends HeicHeader {
  /** 3, or 4 with an alpha channel. */
  readonly channels: 3 | 4;
  /** `[height, width, channels]`, in the colours of the profile. */
  readonly data: Uint8Array;
  /** An ICC profile, or the name of colours that need one. Undefined: sRGB. */
  readonly profile: Uint8Array | "p3" | undefined;
}

/** libheif's word that the picture is sound, but of a kind that this build does not decode. */
export class UnsupportedHeicError extends Error {}

/** `heif_error`: code, subcode and a pointer to the message, of 32 bits each; a place for a pointer follows it. */
const [ERROR_SIZE, POINTER_SIZE] = [12, 4];
/** Of `heif_error_code`: Unsupported_filetype, Unsupported_feature, Plugin_loading_error. */
const UNSUPPORTED: readonly number[] = [3, 4, 11];
/** `heif_colorspace_RGB`, `heif_channel_interleaved`. */
const [RGB, INTERLEAVED] = [1, 10];
/** `heif_chroma_interleaved_RGB` and `_RGBA`. */
const CHROMA = { 3: 10, 4: 11 } as const;
/** H.273: the primaries of Display P3, the transfer functions of HDR. */
const [P3_PRIMARIES, PQ, HLG] = [12, 16, 18];

/**
 * Decodes the primary picture of a HEIC file.
 *
 * @param check - is asked before anything is decoded, and throws if the picture is not wanted
 * @throws UnsupportedHeicError for a kind that is not decoded; another Error if the file is damaged, or memory is short
 */
export async function decodeHeic(bytes: Uint8Array, check: (header: HeicHeader) => void): Promise<HeicPicture> {
  const { default: lib } = await loadNativePackage("libheif-js", () => import("libheif-js/wasm-bundle.js"));
  const cleanUp: (() => void)[] = [];
  const allocate = (size: number) => {
    const pointer = lib._malloc(size);
    if (pointer === 0) throw new Error("libheif is out of memory");
    cleanUp.push(() => {
      lib._free(pointer);
    });
    return pointer;
  };
  try {
    const error = allocate(ERROR_SIZE + POINTER_SIZE);
    const result = error + ERROR_SIZE;
    const call = (work: () => void) => {
      work();
      throwIfFailed(lib, error);
    };
    /** Calls what makes something, to be released in the end. */
    const make = (work: () => void, release: (pointer: number) => void) => {
      call(work);
      const pointer = wordAt(lib, result);
      cleanUp.push(() => {
        release(pointer);
      });
      return pointer;
    };
    const file = allocate(bytes.length);
    lib.HEAPU8.set(bytes, file);
    const context = lib._heif_context_alloc();
    cleanUp.push(() => {
      lib._heif_context_free(context);
    });
    call(() => {
      lib._heif_context_read_from_memory(error, context, file, bytes.length, 0);
    });
    const handle = make(
      () => {
        lib._heif_context_get_primary_image_handle(error, context, result);
      },
      (pointer) => {
        lib._heif_image_handle_release(pointer);
      },
    );
    const colours = coloursOf(lib, handle, { error, result });
    const header = {
      width: lib._heif_image_handle_get_width(handle),
      height: lib._heif_image_handle_get_height(handle),
      hdr: colours.transfer === PQ ? "PQ" : colours.transfer === HLG ? "HLG" : undefined,
    };
    check(header);

    const channels = lib._heif_image_handle_has_alpha_channel(handle) === 0 ? 3 : 4;
    const image = make(
      () => {
        lib._heif_decode_image(error, handle, result, RGB, CHROMA[channels], 0);
      },
      (pointer) => {
        lib._heif_image_release(pointer);
      },
    );
    const size = {
      width: lib._heif_image_get_width(image, INTERLEAVED),
      height: lib._heif_image_get_height(image, INTERLEAVED),
    };
    if (size.width !== header.width || size.height !== header.height) throw new Error("the picture is of another size");
    const plane = lib._heif_image_get_plane_readonly(image, INTERLEAVED, result);
    const stride = wordAt(lib, result);
    const row = size.width * channels;
    const data = new Uint8Array(row * size.height);
    for (let y = 0; y < size.height; y++) {
      data.set(lib.HEAPU8.subarray(plane + y * stride, plane + y * stride + row), y * row);
    }
    return { ...header, channels, data, profile: colours.profile };
  } finally {
    for (const undo of cleanUp.reverse()) undo();
  }
}

/** A file may hold an ICC profile, numbers of H.273, both or neither. */
function coloursOf(
  lib: LibHeif,
  handle: number,
  { error, result }: { readonly error: number; readonly result: number },
): { readonly profile: HeicPicture["profile"]; readonly transfer: number | undefined } {
  lib._heif_image_handle_get_nclx_color_profile(error, handle, result);
  // An error says that there is none.
  const nclx = wordAt(lib, error) === 0 ? wordAt(lib, result) : 0;
  const [primaries, transfer] = nclx === 0 ? [] : [wordAt(lib, nclx + 4), wordAt(lib, nclx + 8)];
  if (nclx !== 0) lib._heif_nclx_color_profile_free(nclx);
  const size = lib._heif_image_handle_get_raw_color_profile_size(handle);
  if (size === 0) return { profile: primaries === P3_PRIMARIES ? "p3" : undefined, transfer };
  const place = lib._malloc(size);
  try {
    lib._heif_image_handle_get_raw_color_profile(error, handle, place);
    throwIfFailed(lib, error);
    return { profile: lib.HEAPU8.slice(place, place + size), transfer };
  } finally {
    lib._free(place);
  }
}

function throwIfFailed(lib: LibHeif, error: number): void {
  const code = wordAt(lib, error);
  if (code === 0) return;
  const message = textAt(lib, wordAt(lib, error + 8));
  throw UNSUPPORTED.includes(code) ? new UnsupportedHeicError(message) : new Error(message);
}

function wordAt({ HEAPU8 }: LibHeif, pointer: number): number {
  return new DataView(HEAPU8.buffer, HEAPU8.byteOffset).getUint32(pointer, true);
}

function textAt({ HEAPU8 }: LibHeif, pointer: number): string {
  return Buffer.from(HEAPU8.slice(pointer, HEAPU8.indexOf(0, pointer))).toString();
}
