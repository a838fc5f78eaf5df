/**
 * @file The names that the original code of latent diffusion gives to a UNet's layers, as OneTrainer, ComfyUI and some
 * of kohya's files write them: `input_blocks.4.1.proj_in` for diffusers' `down_blocks.1.attentions.0.proj_in`.
 */

const resnetLayers: Readonly<Record<string, string>> = {
  conv1: "in_layers.2",
  time_emb_proj: "emb_layers.1",
  conv2: "out_layers.3",
  conv_shortcut: "skip_connection",
};

const outerLayers: readonly (readonly [string, string])[] = [
  ["time_embedding.linear_1", "time_embed.0"],
  ["time_embedding.linear_2", "time_embed.2"],
  ["add_embedding.linear_1", "label_emb.0.0"],
  ["add_embedding.linear_2", "label_emb.0.2"],
  ["mid_block.resnets.0", "middle_block.0"],
  ["mid_block.attentions.0", "middle_block.1"],
  ["mid_block.resnets.1", "middle_block.2"],
];

/**
 * Maps original names to diffusers' names.
 * @param modules diffusers' paths of the layers of one UNet; how many layers a block has is told from them.
 */
export function ldmNames(modules: Iterable<string>): Map<string, string> {
  const paths = [...modules];
  const blocks = new Map([...numberedBlocks(paths), ...outerLayers]);
  const names = new Map<string, string>();
  for (const path of paths) {
    const [, block, rest] = /^((?:down_blocks\.\d+|up_blocks\.\d+|mid_block)\.\w+\.\d+|\w+\.\w+)(.*)$/.exec(path) ?? [];
    const original = block === undefined ? undefined : blocks.get(block);
    if (original === undefined) continue;
    const layer = rest.slice(1);
    names.set(block.includes(".resnets.") ? `${original}.${resnetLayers[layer] ?? layer}` : original + rest, path);
  }
  return names;
}

/** The residual blocks and transformers of both sides: there, the original code numbers everything in a row. */
function numberedBlocks(paths: readonly string[]): [string, string][] {
  const layers: number[] = [];
  for (const path of paths) {
    const [, level, layer] = /^down_blocks\.(\d+)\.(?:resnets|attentions)\.(\d+)\./.exec(path) ?? [];
    if (level !== undefined) layers[Number(level)] = Math.max(layers[Number(level)] ?? 0, Number(layer) + 1);
  }
  const blocks: [string, string][] = [];
  const addRow = (side: string, row: string, first: number, counts: readonly number[], step: number): void => {
    let index = first;
    for (const [block, count] of counts.entries()) {
      for (let layer = 0; layer < count; layer++) {
        blocks.push([`${side}.${block}.resnets.${layer}`, `${row}.${index + layer}.0`]);
        blocks.push([`${side}.${block}.attentions.${layer}`, `${row}.${index + layer}.1`]);
      }
      index += count + step;
    }
  };
  // Block 0 is conv_in, and a downsampler follows every level; upsamplers have no number of their own.
  addRow("down_blocks", "input_blocks", 1, layers, 1);
  addRow("up_blocks", "output_blocks", 0, layers.map((count) => count + 1).reverse(), 0);
  return blocks;
}
