/**
 * @file The forgetting matrix: a row for each concept, a column for each kept state, from the oldest on. Arrow keys go
 * from cell to cell; what a cell holds is said in full by its name and in the line below.
 */
import { useRef, useState } from "preact/hooks";
import type { MatrixCell } from "../../../src/studio/api.ts";
import { text } from "../strings.ts";
import { formatPercent } from "./format.ts";
import { Picture } from "./picture.tsx";

export interface MatrixColumn {
  readonly state: string;
  readonly name: string;
  readonly isCurrent: boolean;
  /** Those that the state knows, by the names that they have now. */
  readonly concepts: readonly string[];
}

export interface MatrixProps {
  readonly rows: readonly string[];
  readonly columns: readonly MatrixColumn[];
  readonly cellOf: (state: string, concept: string) => MatrixCell | undefined;
  /** Chosen with a click or Enter. */
  readonly onChoose: (state: string, concept: string) => void;
}

/** Five classes of change, from "the same" to "as other noise". */
export const levelOf = (change: number) => Math.min(4, Math.floor(Math.max(0, change) * 5));

const STEPS: Readonly<Record<string, readonly [row: number, column: number]>> = {
  ArrowRight: [0, 1],
  ArrowLeft: [0, -1],
  ArrowDown: [1, 0],
  ArrowUp: [-1, 0],
};

export function Matrix({ rows, columns, cellOf, onChoose }: MatrixProps) {
  const [at, setAt] = useState<readonly [number, number]>([0, 0]);
  const table = useRef<HTMLTableElement>(null);
  const clamp = (index: number, count: number) => Math.min(Math.max(index, 0), count - 1);
  const [row, column] = [clamp(at[0], rows.length), clamp(at[1], columns.length)];
  const describe = (concept: string, { state, name, concepts }: MatrixColumn) => {
    if (!concepts.includes(concept)) return text.remember.unknownThen(concept, name);
    const cell = cellOf(state, concept);
    if (cell === undefined) return text.remember.notCompared(concept, name);
    return text.remember.cell(concept, name, formatPercent(cell.change));
  };
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = [clamp(row + step[0], rows.length), clamp(column + step[1], columns.length)] as const;
    setAt(next);
    table.current?.querySelector<HTMLElement>(`[data-at="${next.join()}"]`)?.focus();
  };
  const current = columns[column];
  return (
    <>
      <div class="scroll" role="region" aria-label={text.remember.matrixLabel} tabIndex={-1}>
        <table ref={table} class="matrix" role="grid" aria-label={text.remember.matrixLabel} onKeyDown={move}>
          <thead>
            <tr>
              <td />
              {columns.map(({ state, name, isCurrent }) => (
                <th key={state} scope="col" class={isCurrent ? "matrix-now" : undefined}>
                  {name}
                  {isCurrent && <span class="matrix-now-mark">{text.remember.now}</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((concept, r) => (
              <tr key={concept}>
                <th scope="row">{concept}</th>
                {columns.map((each, c) => {
                  const cell = cellOf(each.state, concept);
                  const isKnown = each.concepts.includes(concept);
                  return (
                    <td
                      key={each.state}
                      data-at={`${r},${c}`}
                      tabIndex={r === row && c === column ? 0 : -1}
                      class={`cell ${cell === undefined ? "cell-none" : `cell-level-${levelOf(cell.change)}`}`}
                      aria-label={describe(concept, each)}
                      title={describe(concept, each)}
                      onFocus={() => {
                        setAt([r, c]);
                      }}
                      onMouseEnter={() => {
                        setAt([r, c]);
                      }}
                      onClick={() => {
                        if (cell !== undefined) onChoose(each.state, concept);
                      }}
                      onKeyDown={({ key }) => {
                        if (key === "Enter" && cell !== undefined) onChoose(each.state, concept);
                      }}
                    >
                      {cell !== undefined && <Picture id={cell.pictures[0]} alt="" />}
                      {cell !== undefined && <span class="cell-number">{formatPercent(cell.change)}</span>}
                      {cell === undefined && isKnown && <span class="cell-pending">?</span>}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="matrix-line" aria-hidden="true">
        {current !== undefined && rows[row] !== undefined && describe(rows[row], current)}
      </p>
    </>
  );
}
