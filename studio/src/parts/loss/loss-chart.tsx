/** @file The loss of each step, faint, and its running mean. The chart itself is loaded when it is first needed. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { text } from "../../strings.ts";
import { systemIsDark, theme } from "../../state/theme.ts";
import { smoothed } from "./smoothed.ts";

export interface LossChartProps {
  readonly losses: readonly number[];
  readonly firstStep: number;
  readonly steps: number;
}

const HEIGHT = 220;

export function LossChart({ losses, firstStep, steps }: LossChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const isLogarithmic = useSignal(false);
  const smoothing = useSignal(0.9);

  const means = smoothed(losses, smoothing.value);
  const data: uPlot.AlignedData = [losses.map((_, index) => firstStep + index), [...losses], means];
  const latestData = useRef(data);
  latestData.current = data;

  useEffect(() => {
    let isGone = false;
    const element = place.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    void import("./loss-plot.ts").then(({ lossPlot }) => {
      if (isGone) return;
      const size = { width: element.clientWidth, height: HEIGHT };
      const shape = { ...size, steps: Math.max(steps, firstStep + 1), isLogarithmic: isLogarithmic.value };
      chart.current = lossPlot(element, shape, latestData.current);
      observer.observe(element);
    });
    return () => {
      isGone = true;
      observer.disconnect();
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [isLogarithmic.value, theme.value, systemIsDark.value, steps]);
  useEffect(() => {
    chart.current?.setData(latestData.current);
  }, [losses, smoothing.value]);

  const now = means.at(-1);
  return (
    <figure class="loss">
      <div
        ref={place}
        class="loss-plot"
        role="img"
        aria-label={now === undefined ? text.watch.noLoss : text.watch.lossNow(now.toFixed(4), losses.length)}
      />
      <figcaption class="loss-controls">
        <label class="inline">
          {text.watch.smoothing}
          <input
            type="range"
            min={0}
            max={0.99}
            step={0.01}
            value={smoothing.value}
            onInput={({ currentTarget }) => {
              smoothing.value = currentTarget.valueAsNumber;
            }}
          />
        </label>
        <label class="inline">
          <input
            type="checkbox"
            checked={isLogarithmic.value}
            onChange={({ currentTarget }) => {
              isLogarithmic.value = currentTarget.checked;
            }}
          />
          {text.watch.logarithmic}
        </label>
      </figcaption>
    </figure>
  );
}
