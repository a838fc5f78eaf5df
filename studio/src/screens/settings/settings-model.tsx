/** @file Which model learns and draws: the built-in one, one of this machine, a file, or one to download. */
import { useEffect, useState } from "preact/hooks";
import type { StudioModel } from "../../../../src/studio/api.ts";
import { TextField } from "../../parts/field.tsx";
import { formatBytes } from "../../parts/format.ts";
import { Meter } from "../../parts/meter.tsx";
import { tell, tellFault } from "../../state/messages.ts";
import { shareDone } from "../../state/progress.ts";
import { server } from "../../state/server.ts";
import { concepts, finish, isOver, latest, start, studio } from "../../state/studio.ts";
import { text } from "../../strings.ts";

export function SettingsModel() {
  const [models, setModels] = useState<readonly StudioModel[]>();
  const [typed, setTyped] = useState("");
  const pull = latest("pull");
  useEffect(() => {
    void tellFault(async () => {
      setModels(await server.models());
    });
  }, [pull?.status, studio.value?.model.model]);
  const isFixed = concepts.value.length > 0;
  const current = studio.value?.model;
  const name = typed.trim();
  return (
    <>
      <p class="hint">{isFixed ? text.settings.modelFixed : text.settings.modelFree}</p>
      <ul class="models">
        {models?.map((model) => (
          <li key={model.model} class={model.model === current?.model ? "model model-now" : "model"}>
            <div>
              <strong>{text.settings.modelName(model.model)}</strong>
              <span class="hint">{aboutModel(model)}</span>
            </div>
            {model.model === current?.model ? (
              <span class="tag">{text.settings.chosen}</span>
            ) : (
              !isFixed &&
              model.isUsable &&
              model.isWhole && (
                <button
                  type="button"
                  class="button"
                  aria-label={text.settings.chooseOf(text.settings.modelName(model.model))}
                  onClick={() => void choose(model.model)}
                >
                  {text.settings.choose}
                </button>
              )
            )}
          </li>
        ))}
      </ul>
      <form
        class="model-other"
        onSubmit={(event) => {
          event.preventDefault();
          void choose(name);
        }}
      >
        <TextField
          label={text.settings.other}
          hint={text.settings.otherHint}
          value={typed}
          longest={1000}
          placeholder="stable-diffusion-v1-5/stable-diffusion-v1-5"
          isCode
          onChange={setTyped}
        />
        <div class="actions">
          <button
            type="button"
            class="button"
            disabled={name === "" || (pull !== undefined && !isOver(pull))}
            onClick={() => void tellFault(() => start({ kind: "pull", model: name }))}
          >
            {text.settings.pull}
          </button>
          {!isFixed && (
            <button type="submit" class="button" disabled={name === ""}>
              {text.settings.use}
            </button>
          )}
        </div>
      </form>
      <Pull />
    </>
  );
}

function Pull() {
  const job = latest("pull");
  if (job === undefined) return null;
  const { progress, status, fault, request } = job;
  if (fault !== undefined) return <p class="hint hint-fault">{fault.message}</p>;
  if (isOver(job)) return <p class="hint">{text.settings.pullEnd(request.model, status)}</p>;
  const { bytes } = progress;
  return (
    <section class="status" aria-label={text.jobs.pull}>
      <div class="status-line">
        <span>{text.settings.pulling(request.model)}</span>
        <span class="muted">
          {bytes !== undefined && text.watch.of(formatBytes(bytes.done), formatBytes(bytes.total))}
        </span>
      </div>
      <Meter label={text.jobs.pull} share={shareDone(job)} />
      <button type="button" class="button-plain" onClick={() => void tellFault(() => server.stopJob(job.id))}>
        {text.common.stop}
      </button>
    </section>
  );
}

function aboutModel({ family, bytes, isUsable, isWhole }: StudioModel): string {
  const size = bytes === undefined ? [] : [formatBytes(bytes)];
  const state = isUsable ? (isWhole ? [] : [text.settings.notWhole]) : [text.settings.notUsable];
  return [family, ...size, ...state].join(" · ");
}

async function choose(model: string): Promise<void> {
  const job = await tellFault(() => finish({ kind: "choose-model", model }));
  if (job?.fault !== undefined) tell(job.fault.message);
  else if (job !== undefined) tell(text.settings.chose(text.settings.modelName(model)), false);
}
