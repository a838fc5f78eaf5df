/**
 * @file What each concept looked like before the run and looks like now: the new one large, every earlier one beside
 * it.
 */
import type { ComponentChildren } from "preact";
import type { Sample } from "../../../src/studio/api.ts";
import { BeforeAfter } from "../parts/before-after.tsx";
import { Picture } from "../parts/picture.tsx";
import type { Again } from "../state/contract.ts";
import { concepts } from "../state/studio.ts";
import { text } from "../strings.ts";

export interface WatchSamplesProps {
  /** Of the concept that is taught. */
  readonly name: string;
  readonly again: Again | undefined;
  readonly samples: readonly Sample[];
  readonly isRunning: boolean;
  /** Below the new concept. */
  readonly children: ComponentChildren;
}

export function WatchSamples({ name, again, samples, isRunning, children }: WatchSamplesProps) {
  const known = concepts.value.map((concept) => concept.name);
  const drawn = [...new Set(samples.map(({ concept }) => concept))];
  const earlier = (drawn.length > 0 ? drawn : isRunning ? known : []).filter((concept) => concept !== name);
  const hasSamples = drawn.length > 0 || isRunning;
  const of = (concept: string) => samples.filter((sample) => sample.concept === concept);
  return (
    <div class="watch">
      <div class="watch-side">
        {hasSamples && (
          <section aria-labelledby="watch-new">
            <h2 id="watch-new">{text.watch.taught(again)}</h2>
            <Development name={name} samples={of(name)} />
          </section>
        )}
        {children}
      </div>
      {hasSamples && (
        <section class="watch-earlier" aria-labelledby="watch-earlier">
          <h2 id="watch-earlier">{text.watch.earlier}</h2>
          {earlier.length === 0 && <p class="hint">{text.watch.noEarlier}</p>}
          <div class="watch-grid">
            {earlier.map((concept) => (
              <Development key={concept} name={concept} samples={of(concept)} />
            ))}
          </div>
        </section>
      )}
    </div>
  );
}

/** The first sample and the last under a slider, and all of them in a row. */
function Development({ name, samples }: { readonly name: string; readonly samples: readonly Sample[] }) {
  const first = samples[0];
  const last = samples.at(-1);
  return (
    <figure class="development">
      <figcaption>{name}</figcaption>
      {first === undefined || last === undefined ? (
        <Picture id={undefined} alt={name} />
      ) : first === last ? (
        <Picture id={first.picture} alt={text.remember.pictureOf(name, text.watch.atStep(first.step))} />
      ) : (
        <BeforeAfter
          concept={name}
          before={first.picture}
          after={last.picture}
          beforeName={text.watch.before}
          afterName={text.watch.atStep(last.step)}
        />
      )}
      <ul class="strip" aria-label={text.watch.stripOf(name)}>
        {samples.map(({ step, picture }) => (
          <li key={picture}>
            <Picture id={picture} alt={text.remember.pictureOf(name, text.watch.atStep(step))} />
            <span aria-hidden="true">{step}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}
