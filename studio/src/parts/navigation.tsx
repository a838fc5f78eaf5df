/** @file The screens by name, and what is running now. */
import { hrefOf, route, SCREENS } from "../state/router.ts";
import { isOver, jobs, training } from "../state/studio.ts";
import { shareDone } from "../state/progress.ts";
import { text } from "../strings.ts";
import { formatAbout } from "./format.ts";
import { Icon } from "./icon.tsx";
import { Meter } from "./meter.tsx";

export function Navigation() {
  return (
    <header class="bar">
      <div class="bar-inner">
        <a class="brand" href={hrefOf("concepts")}>
          <Mark />
          <span>{text.app.name}</span>
        </a>
        <Activity />
        <nav aria-label={text.app.navigation}>
          <ul class="nav">
            {SCREENS.map((screen) => (
              <li key={screen} class={screen === "watch" && training.value !== undefined ? "" : `nav-${screen}`}>
                <a href={hrefOf(screen)} aria-current={route.value.screen === screen ? "page" : undefined}>
                  <Icon name={screen} />
                  <span>{text.nav[screen]}</span>
                </a>
              </li>
            ))}
          </ul>
        </nav>
      </div>
    </header>
  );
}

/** Two frames, one kept behind the other. */
function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path class="mark-back" d="M8 3h13v13H8z" />
      <path class="mark-front" d="M3 8h13v13H3z" />
    </svg>
  );
}

/** The training run that goes on, or another job that does; a way to it. */
function Activity() {
  const run = training.value;
  if (run !== undefined && !isOver(run)) {
    const { secondsLeft } = run.progress;
    return (
      <a class="activity" href={hrefOf("watch")}>
        <span class="activity-line">
          {text.watch.learning(run.request.name, run.request.again)}
          {secondsLeft !== undefined && <span class="muted"> {text.watch.left(formatAbout(secondsLeft))}</span>}
        </span>
        <Meter label={text.watch.learning(run.request.name, run.request.again)} share={shareDone(run)} />
      </a>
    );
  }
  const other = jobs.value.find(({ status }) => status === "running" || status === "stopping");
  if (other === undefined) return <span class="activity activity-none" />;
  return (
    <span class="activity">
      <span class="activity-line">{text.jobs[other.request.kind]}</span>
      <Meter label={text.jobs[other.request.kind]} share={shareDone(other)} />
    </span>
  );
}
