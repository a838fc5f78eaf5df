/**
 * @file One case in a process of its own, so that its memory is its own. Started by measure.ts with the case, the settings
 * and the model's folder as JSON; answers with `CaseMessage`s.
 */
import { once } from "node:events";
import { BoundAdapter } from "../src/adapters/bound-adapter.ts";
import { createLora } from "../src/adapters/lora.ts";
import { discoverModules } from "../src/adapters/modules.ts";
import { openUNet2DConditionModel } from "../src/diffusion/checkpoint.ts";
import { timestepProjection } from "../src/diffusion/models/embeddings.ts";
import { unet2DConditionModel } from "../src/diffusion/models/unet-2d-condition-model.ts";
import { withAdapter } from "../src/diffusion/module.ts";
import {
  countFlops,
  gradients,
  input,
  meanSquaredError,
  Program,
  type Feeds,
  type Tensor,
} from "../src/graph/index.ts";
import { loadOnnxRuntime } from "../src/graph/onnx-runtime.ts";
import { RandomStream } from "../src/random/random.ts";
import type { BenchCase, CaseMeasurement, CaseMessage, RunSettings } from "./cases.ts";
import { referenceConvolutionRate } from "./reference-convolution.ts";

/** What measure.ts passes on the command line. */
export interface CaseJob {
  readonly benchCase: BenchCase;
  readonly settings: RunSettings;
  readonly unetFolder: string;
}

const loraRank = 4;
const promptTokens = 77;
const timestep = 500;

type Unet = Awaited<ReturnType<typeof openUNet2DConditionModel>>;

/** The graph of a case, and values for its inputs. */
interface CaseGraph {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly feeds: Feeds;
}

/** Traces the forward pass, or the loss of a LoRA training step with its gradients in the LoRA and in the prompt's embedding. */
function buildGraph({ config, weights }: Unet, { size, training, checkpointing }: BenchCase): CaseGraph {
  const random = new RandomStream(0, "bench");
  const latents = [1, config.inChannels, size, size];
  const latentCount = config.inChannels * size * size;
  const width = config.crossAttentionDim[0];
  const channels = config.blockOutChannels[0];
  const inputs = {
    sample: input("sample", latents),
    timestepProjection: input("timestepProjection", [1, channels]),
    encoderHiddenStates: input("encoderHiddenStates", [1, promptTokens, width]),
  };
  const feeds = {
    sample: random.normal(latentCount),
    timestepProjection: timestepProjection([timestep], channels, config),
    encoderHiddenStates: random.normal(promptTokens * width),
  };
  if (!training) {
    return { outputs: { prediction: unet2DConditionModel(weights.frozen(), config, inputs) }, feeds };
  }

  const lora = createLora({ unet: discoverModules(weights.tensors) }, { rank: loraRank, random });
  // B starts at zero in training, which would make half of the gradients zero.
  for (const { loraB } of lora.layers) loraB.set(random.normal(loraB.length).map((value) => value * 0.02));
  const binding = new BoundAdapter(lora);
  const prediction = unet2DConditionModel(withAdapter(weights.frozen(), "unet", binding), config, inputs, {
    checkpointing,
  });
  const loss = meanSquaredError(prediction, input("noise", latents));
  const found = gradients(loss, [...binding.inputs, inputs.encoderHiddenStates]);
  return {
    outputs: { loss, ...Object.fromEntries(found.map((gradient, i) => [`gradient ${i}`, gradient])) },
    feeds: { ...feeds, ...binding.feeds(), noise: random.normal(latentCount) },
  };
}

async function measure({ benchCase, settings, unetFolder }: CaseJob): Promise<CaseMeasurement> {
  const unet = await openUNet2DConditionModel(unetFolder);
  const [{ outputs, feeds }, graphSeconds] = await timed(() => buildGraph(unet, benchCase));
  const { provider, threads, placement } = settings;
  const [program, createSeconds] = await timed(() =>
    Program.create(outputs, { provider, threads, weights: placement }),
  );
  const [results, warmUpSeconds] = await timed(() => program.run(feeds));
  checkNumbers(results);
  const runSeconds: number[] = [];
  for (let run = 0; run < settings.runs; run++) runSeconds.push((await timed(() => program.run(feeds)))[1]);
  // Node gives kibibytes on every platform.
  const maxRssBytes = process.resourceUsage().maxRSS * 1024;
  await program.dispose();
  return { graphSeconds, createSeconds, warmUpSeconds, runSeconds, flops: countFlops(outputs), maxRssBytes };
}

/** A fast wrong answer is no result. */
function checkNumbers(results: Readonly<Record<string, Float32Array>>): void {
  for (const [name, values] of Object.entries(results)) {
    if (!values.every(Number.isFinite)) throw new Error(`${name} is not finite`);
    if (values.every((value) => value === 0)) throw new Error(`${name} is zero everywhere`);
  }
}

async function timed<T>(work: () => T | Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, (performance.now() - start) / 1000];
}

function send(message: CaseMessage): void {
  if (process.send === undefined) throw new Error("this file is started by measure.ts");
  process.send(message);
}

// Loaded here, so that loading it does not count as creating a session.
await loadOnnxRuntime();
const job = JSON.parse(process.argv[2] ?? "") as CaseJob; // written by measure.ts
send({ kind: "measured", measurement: await measure(job) });
// The memory of the reference is not the case's: it starts when the other side has read the peaks.
await once(process, "message");
send({ kind: "reference", rate: await referenceConvolutionRate(job.settings.provider, job.settings.threads) });
process.disconnect();
