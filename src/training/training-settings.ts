/** @file The hyper-parameters with which one concept is learned. */
import type { LearningRateSchedule } from "../graph/optim/index.ts";

export interface TrainingSettings {
  /** Optimiser steps. */
  readonly steps: number;
  /** Photos (with their own noise, timestep and prompt) in one step. */
  readonly batchSize: number;
  /** Of the adapter. */
  readonly learningRate: number;
  /** Of the token's embedding. */
  readonly tokenLearningRate: number;
  /** How both rates fall over the steps of each phase that trains: diffusers' `--lr_scheduler`. */
  readonly lrScheduler: LearningRateSchedule;
  /** Decoupled weight decay of the adapter; the token has none. */
  readonly weightDecay: number;
  /** Largest norm of the whole gradient. */
  readonly maxGradNorm: number;
  readonly seed: number;
  /** Side of the square that photos are cropped to, in pixels. */
  readonly resolution: number;
  /** Whether each step may see its photos mirrored. Default: as they are. */
  readonly flip?: boolean;
  /**
   * Whether the transparency of a photo is its mask, where no `x.mask.png` lies beside it. Default: it is put on white.
   */
  readonly alphaMasks?: boolean;
  /** Steps over which both rates rise from 0 in each phase that trains. Default 0. */
  readonly warmupSteps?: number;
  /** Batches of photos whose gradients make up one step: a larger batch in the memory of a small one. Default 1. */
  readonly gradientAccumulation?: number;
  /**
   * Decay of the moving average over the learning phase's steps that the run comes to. Default: it comes to the last
   * step.
   */
  readonly emaDecay?: number;
  /** As of {@link LossOptions}. */
  readonly minSnrGamma?: number;
  /** The amount of {@link LossOptions.noiseOffset}. */
  readonly noiseOffset?: number;
  /**
   * What the error on the model's own pictures of the class counts beside that on the photos. Default 0: there are
   * none.
   */
  readonly priorWeight?: number;
  /** How many such pictures there are. */
  readonly priorPictures?: number;
}
