/** @file Paints what the photo is to teach: the rest then does not count. A mask may also come from a file. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { StudioPhoto } from "../../../../src/studio/api.ts";
import { tellFault } from "../../state/messages.ts";
import { setMask } from "../../state/photos.ts";
import { address } from "../../state/server.ts";
import { text } from "../../strings.ts";
import { Choice } from "../choice.tsx";
import { Dialog } from "../dialog/dialog.tsx";
import { Icon } from "../icon.tsx";
import { brightParts, type MaskEdit, maskFile, paintStroke, type Point, repaint } from "./mask.ts";

export interface MaskPainterProps {
  readonly photo: StudioPhoto;
  readonly onClose: () => void;
}

/** Longer side of the painted mask, in pixels. */
const SIDE = 768;
/** Share of the mask's width that an arrow key moves the brush. */
const KEY_STEP = 0.03;

export function MaskPainter({ photo, onClose }: MaskPainterProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [tool, setTool] = useState<"paint" | "erase">("paint");
  const [size, setSize] = useState(0.12);
  const last = useRef<Point>(undefined);
  const edits = useRef<MaskEdit[]>([]);
  /** How many of them can be taken back: the mask that the photo had is none. */
  const [done, setDone] = useState(0);
  /** Whether the mask that the photo had is there: what is saved before would take its place. */
  const [isOpen, setOpen] = useState(!photo.hasMask);
  const [brush, setBrush] = useState<Point>([0.5, 0.5]);
  const scale = SIDE / Math.max(photo.width, photo.height);
  const [width, height] = [Math.round(photo.width * scale), Math.round(photo.height * scale)];

  const add = (edit: MaskEdit) => {
    edits.current.push(edit);
    setDone((before) => before + 1);
    if (edit.kind !== "strokes") show();
  };
  const show = () => {
    if (canvas.current !== null) repaint(canvas.current, edits.current);
  };
  const undo = () => {
    if (done === 0) return;
    edits.current.pop();
    setDone(done - 1);
    show();
  };
  /** @param isNew - begins what is taken back as one */
  const stroke = (from: Point, to: Point, isNew: boolean) => {
    const made = { from, to, diameter: size, isErasing: tool === "erase" };
    const before = edits.current.at(-1);
    if (!isNew && before?.kind === "strokes") before.strokes.push(made);
    else add({ kind: "strokes", strokes: [made] });
    if (canvas.current !== null) paintStroke(canvas.current, made);
  };
  const place = (event: PointerEvent): Point => {
    const { left, top, width: shown, height: high } = (canvas.current ?? document.body).getBoundingClientRect();
    return [(event.clientX - left) / shown, (event.clientY - top) / high];
  };
  const open = async () => {
    const response = await fetch(address.mask(photo));
    if (!response.ok || canvas.current === null) return;
    edits.current.unshift(await brightParts(await response.blob(), canvas.current));
    show();
    setOpen(true);
  };
  useEffect(() => {
    if (photo.hasMask) void tellFault(open);
  }, []);
  const save = async () => {
    if (canvas.current === null) return;
    const png = await maskFile(canvas.current);
    if (png !== undefined || photo.hasMask) await setMask(photo.id, png);
    onClose();
  };
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, Point> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const [right, down] = steps[event.key] ?? [0, 0];
    const next: Point = [
      Math.min(1, Math.max(0, brush[0] + right * KEY_STEP)),
      Math.min(1, Math.max(0, brush[1] + down * KEY_STEP)),
    ];
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo();
    else if (event.key === " ") stroke(brush, brush, true);
    else if (steps[event.key] === undefined) return;
    else if (event.shiftKey) stroke(brush, next, true);
    event.preventDefault();
    setBrush(next);
  };
  return (
    <Dialog title={text.mask.title} onClose={onClose} isWide>
      <p class="hint">{text.mask.hint}</p>
      <div class="mask-view" style={{ "--aspect": `${width} / ${height}`, "--ratio": width / height }}>
        <img src={address.whole(photo.id)} alt="" draggable={false} />
        <canvas
          ref={canvas}
          width={width}
          height={height}
          tabIndex={0}
          role="application"
          aria-label={text.mask.label(photo.name)}
          onKeyDown={onKey}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            last.current = place(event);
            stroke(last.current, last.current, true);
          }}
          onPointerMove={(event) => {
            const to = place(event);
            setBrush(to);
            if (last.current === undefined) return;
            stroke(last.current, to, false);
            last.current = to;
          }}
          onPointerUp={() => {
            last.current = undefined;
          }}
        />
        <span
          class="mask-brush"
          aria-hidden="true"
          style={{
            inlineSize: `${size * 100}%`,
            insetInlineStart: `${brush[0] * 100}%`,
            insetBlockStart: `${brush[1] * 100}%`,
          }}
        />
      </div>
      <div class="mask-tools">
        <Choice
          label={text.mask.tool}
          isLabelHidden
          values={["paint", "erase"]}
          value={tool}
          nameOf={(each) => text.mask.tools[each]}
          onChange={setTool}
        />
        <label class="inline inline-wide">
          {text.mask.size}
          <input
            type="range"
            min={0.02}
            max={0.4}
            step={0.01}
            value={size}
            onInput={({ currentTarget }) => {
              setSize(currentTarget.valueAsNumber);
            }}
          />
        </label>
        <label class="button">
          {text.mask.import}
          <input
            class="hidden"
            type="file"
            accept="image/png"
            onChange={({ currentTarget }) => {
              const [file] = currentTarget.files ?? [];
              const { current } = canvas;
              if (file !== undefined && current !== null) {
                void tellFault(async () => {
                  add(await brightParts(file, current));
                });
              }
              // The same file may be chosen again.
              currentTarget.value = "";
            }}
          />
        </label>
        <button type="button" class="button" disabled={done === 0} onClick={undo}>
          <Icon name="undo" />
          {text.mask.undo}
        </button>
        <button
          type="button"
          class="button"
          onClick={() => {
            add({ kind: "clear" });
          }}
        >
          {text.mask.clear}
        </button>
      </div>
      <footer class="actions">
        {photo.hasMask && (
          <button
            type="button"
            class="button-plain"
            onClick={() => {
              void setMask(photo.id, undefined);
              onClose();
            }}
          >
            {text.mask.remove}
          </button>
        )}
        <button type="button" class="button-main" disabled={!isOpen} onClick={() => void save()}>
          {text.mask.save}
        </button>
      </footer>
    </Dialog>
  );
}
