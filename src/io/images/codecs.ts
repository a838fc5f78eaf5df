/**
 * @file sharp, which decodes and encodes pictures.
 */
import { loadNativePackage } from "../../native-package.ts";

/** The codecs take a tenth of a second to load: only a command that reads or writes a picture waits for it. */
export const codecs = async () => (await loadNativePackage("sharp", () => import("sharp"))).default;
