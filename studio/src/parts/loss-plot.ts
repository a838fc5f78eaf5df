/** @file The chart of the loss, in the page's colours. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { text } from "../strings.ts";

export interface PlotShape {
  readonly width: number;
  readonly height: number;
  /** The last step there will be. */
  readonly steps: number;
  readonly isLogarithmic: boolean;
}

export function lossPlot(element: HTMLElement, shape: PlotShape, data: uPlot.AlignedData): uPlot {
  const styles = getComputedStyle(element);
  const color = (name: string) => styles.getPropertyValue(name).trim();
  const font = `12px ${styles.fontFamily}`;
  const axis = {
    ...{ font, stroke: color("--muted") },
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      ...{ width: shape.width, height: shape.height },
      scales: { x: { time: false, range: [0, shape.steps] }, y: { distr: shape.isLogarithmic ? 3 : 1 } },
      axes: [axis, { ...axis, size: 56 }],
      series: [
        { label: text.watch.step },
        { label: text.watch.loss, stroke: color("--faint"), width: 1, points: { show: false } },
        { label: text.watch.mean, stroke: color("--accent"), width: 2, points: { show: false } },
      ],
      legend: { show: false },
      cursor: { y: false },
    },
    data,
    element,
  );
}
