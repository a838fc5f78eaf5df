import { safetensorsPieces } from "../../../src/io/safetensors/safetensors.ts";

/** The bytes of a small safetensors file. */
export function serializeSafetensors(...content: Parameters<typeof safetensorsPieces>): Uint8Array {
  return new Uint8Array(Buffer.concat([...safetensorsPieces(...content)]));
}
