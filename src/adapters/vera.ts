/**
 * @file Vector-based random matrix adaptation: a layer's weight W becomes W + diag(b) B diag(d) A, where A and B are
 * drawn once, frozen and shared by all layers, and only the vectors b and d are trained (Kopiczko et al., "VeRA", ICLR
 * 2024, eq. 2). Names and initialisation are those of `peft: tuners/vera`.
 */
import type { AdaptedComponent } from "../diffusion/module.ts";
import { KeepsakeError } from "../errors.ts";
import { add, mul, slice, type Tensor } from "../graph/index.ts";
import { RandomStream } from "../random/random.ts";
import {
  Adapter,
  filled,
  type AdaptedLayer,
  type AdaptedSite,
  type AdapterKind,
  type AdapterOptions,
  type FrozenArray,
  type LayerPart,
  type LayerTensors,
} from "./adapter.ts";
import { lowRankPath, overFeatures } from "./low-rank-path.ts";
import { checkRank } from "./rank.ts";
import { Lora } from "./lora.ts";
import { adaptedComponents, selectModules, type AdaptableModules } from "./modules.ts";

/** The trained vectors of one layer. */
export interface VeraLayer extends AdaptedLayer {
  /** b, `[outFeatures]` */
  readonly lambdaB: Float32Array;
  /** d, `[rank]` */
  readonly lambdaD: Float32Array;
}

/**
 * The frozen pair of a component, as wide as its widest adapted layers: narrower ones use the first columns of A and
 * rows of B.
 */
export interface VeraProjections {
  readonly rank: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** A, `[rank, inFeatures]`, row-major. */
  readonly a: Float32Array;
  /** B, `[outFeatures, rank]`, row-major. */
  readonly b: Float32Array;
}

/** The pair of each component that has adapted layers: PEFT adapts one model at a time, and shares within it. */
export type ProjectionsByComponent = ReadonlyMap<AdaptedComponent, VeraProjections>;

const PARTS: readonly LayerPart<VeraLayer>[] = [
  { name: "vera_lambda_b", shape: ({ outFeatures }) => [outFeatures], values: ({ lambdaB }) => lambdaB },
  { name: "vera_lambda_d", shape: ({ rank }) => [rank], values: ({ lambdaD }) => lambdaD },
];

/** A VeRA adapter. All b and d live in one flat array, b before d. */
export class Vera extends Adapter<VeraLayer> {
  readonly kind = "vera";
  readonly projections: ProjectionsByComponent;

  /**
   * Copies the layers' numbers into one array; the projections are shared, not copied.
   *
   * @throws RangeError as `Adapter`, or if a layer's projections are missing, too narrow or of another rank
   */
  constructor(layers: Iterable<VeraLayer>, projections: ProjectionsByComponent) {
    super(layers, PARTS, (layer, [lambdaB, lambdaD]) => ({ ...layer, lambdaB, lambdaD }));
    this.projections = projections;
    for (const layer of this.layers) {
      const { rank, inFeatures, outFeatures } = this.#projectionsOf(layer);
      if (rank !== layer.rank || inFeatures < layer.inFeatures || outFeatures < layer.outFeatures) {
        throw new RangeError(`VeRA: the projections do not fit ${layer.component} "${layer.module}"`);
      }
    }
  }

  override get frozen(): readonly FrozenArray[] {
    return [...this.projections].flatMap(([component, { rank, inFeatures, outFeatures, a, b }]) => [
      { name: `${component}.vera_A`, shape: [rank, inFeatures], values: a },
      { name: `${component}.vera_B`, shape: [outFeatures, rank], values: b },
    ]);
  }

  get layout(): string {
    const layers = this.layers.map(({ component, module }) => [component, module]);
    return JSON.stringify([this.kind, layers, this.frozen.map(({ name, shape }) => [name, shape])]);
  }

  /** `y + b ⊙ B (strength * d ⊙ (A x))` */
  adapt(layer: VeraLayer, { trained: [b, d], frozen }: LayerTensors, { x, y, strength }: AdaptedSite): Tensor {
    const { component, kind, rank, inFeatures, outFeatures } = layer;
    const projectionA = slice(frozen(`${component}.vera_A`), [0, 0], [rank, inFeatures]);
    const projectionB = slice(frozen(`${component}.vera_B`), [0, 0], [outFeatures, rank]);
    const scales = overFeatures(kind, x, strength === 1 ? d : mul(d, strength));
    const path = lowRankPath(layer, x, projectionA, projectionB, (hidden) => mul(hidden, scales));
    return add(y, mul(path, overFeatures(kind, x, b)));
  }

  withParameters(parameters: Float32Array): Vera {
    return filled(new Vera(this.layers, this.projections), parameters);
  }

  /** The LoRA that does the same: its A is the layer's part of A, its B is diag(b) B diag(d), its scale is 1. */
  toLora(): Lora {
    return new Lora(
      this.layers.map(({ lambdaB, lambdaD, ...layer }) => {
        const { rank, inFeatures, outFeatures } = layer;
        const { a, b, inFeatures: width } = this.#projectionsOf(layer);
        const loraA = Float32Array.from({ length: rank * inFeatures }, (_, i) => {
          return a[Math.floor(i / inFeatures) * width + (i % inFeatures)];
        });
        const loraB = Float32Array.from({ length: outFeatures * rank }, (_, i) => {
          return lambdaB[Math.floor(i / rank)] * b[i] * lambdaD[i % rank];
        });
        return { ...layer, loraAlpha: rank, loraA, loraB };
      }),
    );
  }

  #projectionsOf({ component }: AdaptedLayer): VeraProjections {
    const found = this.projections.get(component);
    if (found === undefined) throw new RangeError(`VeRA: there are no projections for the ${component}`);
    return found;
  }
}

export interface CreateVeraOptions extends AdapterOptions {
  /** Every d at first. Default 0.1, as in the paper and in PEFT. */
  readonly dInitial?: number;
}

/**
 * A new adapter that changes nothing yet: b is zero. A and B are Kaiming uniform, in ±√(6 / in) and ±√(6 / rank)
 * (`peft: tuners/vera/model.py: _kaiming_init`), and depend on the key, the rank and the widest layers alone. PyTorch
 * draws other numbers from the same key.
 *
 * @throws KeepsakeError ("usage") for a rank out of range, an alpha, or targets that match no layer
 */
export function createVera(model: AdaptableModules, options: CreateVeraOptions): Vera {
  const { targets, rank, loraAlpha = rank, projectionKey = 0, dInitial = 0.1 } = options;
  checkRank(rank, "VeRA");
  if (loraAlpha !== rank) throw new KeepsakeError("usage", "VeRA has no alpha: d takes its place; leave it out.");
  const chosen = selectModules(model, targets);
  const projections = new Map<AdaptedComponent, VeraProjections>();
  for (const component of adaptedComponents) {
    const shapes = chosen.filter((target) => target.component === component).map(({ shape }) => shape);
    if (shapes.length === 0) continue;
    const inFeatures = Math.max(...shapes.map((shape) => shape.inFeatures));
    const outFeatures = Math.max(...shapes.map((shape) => shape.outFeatures));
    const draw = (name: string, count: number, fanIn: number): Float32Array => {
      const bound = Math.sqrt(6 / fanIn);
      return new RandomStream(projectionKey, "vera", component, name).uniform(count).map((u) => (2 * u - 1) * bound);
    };
    const a = draw("A", rank * inFeatures, inFeatures);
    projections.set(component, { rank, inFeatures, outFeatures, a, b: draw("B", outFeatures * rank, rank) });
  }
  return new Vera(
    chosen.map(({ component, module, shape }) => ({
      ...shape,
      component,
      module,
      rank,
      lambdaB: new Float32Array(shape.outFeatures),
      lambdaD: new Float32Array(rank).fill(dInitial),
    })),
    projections,
  );
}

export const veraKind: AdapterKind = {
  name: "vera",
  summary: "two vectors for each layer, between random matrices that all layers share",
  // PEFT's default; a rank costs one number for each layer.
  defaultRank: 256,
  hasAlpha: false,
  hasProjections: true,
  changesNothingAtZero: true,
  layout: createVera,
  create: (model, options) => Promise.resolve(createVera(model, options)),
};
