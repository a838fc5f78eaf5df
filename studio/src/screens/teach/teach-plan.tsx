/** @file What learning will take, before it starts; and the start. */
import { useEffect, useState } from "preact/hooks";
import { formatAbout, formatBytes, formatCount } from "../../parts/format.ts";
import type { LearnPlan } from "../../state/contract.ts";
import { tellFault } from "../../state/messages.ts";
import { teachPhotos } from "../../state/photos.ts";
import { planFor, type PlanState } from "../../state/planning.ts";
import { go } from "../../state/router.ts";
import { isOver, start, studio, training } from "../../state/studio.ts";
import { again, clearForm, form, namesCheck, names, request } from "../../state/teaching.ts";
import { text } from "../../strings.ts";

export function TeachPlan() {
  const asked = request.value;
  const [isStarting, setStarting] = useState(false);
  const plan = usePlan();
  const missing = whatIsMissing();
  const isBusy = training.value !== undefined && !isOver(training.value);
  const begin = async () => {
    if (asked === undefined) return;
    setStarting(true);
    const job = await tellFault(() => start(asked));
    setStarting(false);
    if (job === undefined) return;
    clearForm();
    go("watch");
  };
  return (
    <aside class="plan" aria-labelledby="plan-title">
      <h2 id="plan-title">{text.plan.title}</h2>
      {names.value.name !== "" && again.value !== undefined && (
        <p class="hint">{text.plan.again[again.value](names.value.name)}</p>
      )}
      {missing.length > 0 ? (
        <>
          <p class="hint">{text.plan.missing}</p>
          <ul class="plan-missing">
            {missing.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </>
      ) : (
        <PlanFacts plan={plan} />
      )}
      {whatIsGoodToKnow().map((line) => (
        <p class="hint" key={line}>
          {line}
        </p>
      ))}
      <button
        type="button"
        class="button-main button-wide"
        disabled={missing.length > 0 || isStarting}
        onClick={() => void begin()}
      >
        {isBusy ? text.plan.queue : text.plan.start(names.value.name, again.value)}
      </button>
      <p class="hint">{text.plan.promise}</p>
    </aside>
  );
}

function PlanFacts({ plan }: { readonly plan: PlanState }) {
  if (plan.fault !== undefined) return <p class="hint hint-fault">{plan.fault}</p>;
  if (plan.plan === undefined) return <p class="hint">{text.plan.working}</p>;
  const { seconds, memory, disk, steps, stepsDone, photos } = plan.plan;
  return (
    <>
      <p class="plan-time">{text.plan.about(formatAbout(seconds.total))}</p>
      <dl class="facts">
        <dt>{text.plan.steps}</dt>
        <dd>{text.plan.stepsOf(formatCount(steps - stepsDone), photos)}</dd>
        <dt>{text.plan.memory}</dt>
        <dd class={isTight(memory) ? "fault" : undefined}>
          {formatBytes(memory.peak)}
          {memory.free !== undefined && <span class="muted"> {text.plan.ofFree(formatBytes(memory.free))}</span>}
        </dd>
        <dt>{text.plan.disk}</dt>
        <dd>{formatBytes(disk.kept)}</dd>
      </dl>
      {isTight(memory) && <p class="hint hint-fault">{text.plan.tight}</p>}
    </>
  );
}

const isTight = ({ peak, free }: LearnPlan["memory"]) => free !== undefined && peak > free;

/** Lines that say what is still to be filled in. */
function whatIsMissing(): string[] {
  const { name, classNoun } = names.value;
  const check = namesCheck.value;
  const count = teachPhotos.value.length;
  const unfinished = training.value === undefined || isOver(training.value) ? studio.value?.unfinished : undefined;
  return [
    ...(unfinished !== undefined && unfinished.name !== name ? [text.plan.unfinished(unfinished.name)] : []),
    ...(count === 0 ? [text.plan.needsPhotos] : []),
    ...(name === "" ? [text.plan.needsName] : []),
    ...(classNoun === "" ? [text.plan.needsClassNoun] : []),
    ...(name !== "" && check?.name !== undefined ? [text.plan.nameFault] : []),
    ...(classNoun !== "" && check?.classNoun !== undefined ? [text.plan.classNounFault] : []),
  ];
}

/** What would teach better than what is filled in. */
function whatIsGoodToKnow(): string[] {
  const count = teachPhotos.value.length;
  return [
    ...(count > 0 && count < ENOUGH_PHOTOS ? [text.plan.fewPhotos(count)] : []),
    ...(studio.value?.model.model === "built-in" ? [text.plan.builtIn] : []),
  ];
}

/** From so many on a thing is taught well. */
const ENOUGH_PHOTOS = 4;

/** The plan of what is filled in; it is made anew when that rests for a moment. */
function usePlan(): PlanState {
  const [state, setState] = useState<PlanState>({});
  const asked = request.value;
  const key = JSON.stringify(asked === undefined ? null : { ...asked, ...form.value.settings });
  const isWanted = asked !== undefined && whatIsMissing().length === 0;
  useEffect(() => {
    setState({});
    if (!isWanted) return undefined;
    return planFor(asked, setState);
  }, [key, isWanted]);
  return state;
}
