/** @file The frame around every screen: navigation, what is running, and what is said to the person. */
import { focusHeading } from "./parts/dialog/focus.ts";
import { ConnectionBar, Notices } from "./parts/notices.tsx";
import { Navigation } from "./parts/navigation.tsx";
import { Ask } from "./screens/ask.tsx";
import { Concepts } from "./screens/concepts.tsx";
import { Draw } from "./screens/draw.tsx";
import { Remember } from "./screens/remember.tsx";
import { Settings } from "./screens/settings.tsx";
import { Teach } from "./screens/teach.tsx";
import { Watch } from "./screens/watch.tsx";
import { connection } from "./state/events.ts";
import { route, type Screen } from "./state/router.ts";
import { studio } from "./state/studio.ts";
import { text } from "./strings.ts";

const SCREENS: Readonly<Record<Screen, () => preact.JSX.Element>> = {
  concepts: Concepts,
  teach: Teach,
  watch: Watch,
  remember: Remember,
  draw: Draw,
  ask: Ask,
  settings: Settings,
};

export function App() {
  const { screen } = route.value;
  const Shown = SCREENS[screen];
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          focusHeading();
        }}
      >
        {text.app.skip}
      </a>
      <Navigation />
      <main id="main" class={`screen screen-${screen}`}>
        <ConnectionBar />
        {studio.value === undefined ? <Opening /> : <LibraryOr screen={screen} shown={<Shown key={screen} />} />}
      </main>
      <Notices />
    </>
  );
}

/** Before the first answer of the server. */
function Opening() {
  return (
    <div class="empty">
      <h1>{text.app.name}</h1>
      <p class="lead">{connection.value === "opening" ? text.app.opening : ""}</p>
    </div>
  );
}

/** A damaged library is said on every screen but the one that can look into it. */
function LibraryOr({ screen, shown }: { readonly screen: Screen; readonly shown: preact.JSX.Element }) {
  const fault = studio.value?.library.fault;
  if (fault === undefined || screen === "settings") return shown;
  return (
    <div class="empty">
      <h1>{text.app.libraryFault}</h1>
      <p class="lead">{fault.message}</p>
      <a class="button" href="#/settings">
        {text.app.openDoctor}
      </a>
    </div>
  );
}
