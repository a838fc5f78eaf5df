/** @file The chart of the loss, in the page's colours. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { text } from "../../strings.ts";

export interface PlotShape {
  readonly width: number;
  readonly height: number;
  /** The last step there will be. */
  readonly steps: number;
  readonly isLogarithmic: boolean;
}

export function lossPlot(element: HTMLElement, shape: PlotShape, data: uPlot.AlignedData): uPlot {
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const color = (name: string) => colorOf(element, name);
  const axis = {
    ...{ font, stroke: color("--muted") },
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      ...{ width: shape.width, height: shape.height },
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- a const enum, of which nothing is there at run time
      scales: { x: { time: false, range: [0, shape.steps] }, y: { distr: shape.isLogarithmic ? 3 : 1 } },
      axes: [
        { ...axis, size: 32 },
        { ...axis, size: 56 },
      ],
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

/**
 * A colour of the stylesheet as a canvas takes it: of a property alone the browser would not say which of two themes
 * holds.
 */
function colorOf(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
