import { beforeAll, expect, it } from "vitest";
import { Library } from "../../src/library/library.ts";
import type { AskedStrategy } from "../../src/keepsake/chosen-strategy.ts";
import { recordedRequest } from "../../src/studio/lanes/recorded-request.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, writePhotos } from "../keepsake/support.ts";

const inFolder = temporaryFolder();
let photos: string[];

beforeAll(async () => {
  photos = [await writePhotos(inFolder("photos"), "cup")];
});

it.each<{ readonly strategy: string } & AskedStrategy>([
  { strategy: "sequential" },
  { strategy: "textual-inversion" },
  { strategy: "kv-nullspace", strategyOptions: { energy: 0.9 } },
  { strategy: "kv-nullspace", strategyOptions: { mode: "soft", lambda: 1 } },
  { strategy: "custom-diffusion" },
])("what a run was begun with goes on with it: $strategy $strategyOptions", async (asked) => {
  const library = inFolder(JSON.stringify(asked));
  const controller = new AbortController();
  const onProgress = ({ kind }: { readonly kind: string }) => {
    if (kind === "step") controller.abort();
  };
  const adapter = asked.strategy === "custom-diffusion" ? { rank: undefined } : { rank: 3, loraAlpha: 1 };
  const request = { library, name: "cup", photos, ...asked, adapter, training: { learningRate: 2e-3 } };
  await learnQuickly({ ...request, signal: controller.signal, onProgress });
  const recorded = await recordedRequest(await Library.open(library));
  expect(recorded).toMatchObject({ name: "cup", ...asked });
  const { adapter: begun = { rank: undefined }, training, strategy, strategyOptions } = recorded ?? {};
  const again = { adapter: { rank: undefined, ...begun }, training, strategy, strategyOptions };
  expect(await learnQuickly({ library, name: "cup", photos, ...again })).toMatchObject({ status: "learned", step: 4 });
  expect(await recordedRequest(await Library.open(library))).toBeUndefined();
});
