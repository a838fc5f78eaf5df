/** @file The first screen of a library that knows nothing yet: what this is, and the one thing to do. */
import { DropZone } from "../../parts/drop-zone.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { Unfinished } from "../../parts/unfinished.tsx";
import { addPhotos } from "../../state/photos.ts";
import { go, hrefOf } from "../../state/router.ts";
import { studio } from "../../state/studio.ts";
import { text } from "../../strings.ts";

export function Welcome() {
  const isBuiltIn = studio.value?.model.model === "built-in";
  return (
    <div class="welcome">
      <PageHead title={text.welcome.title} lead={text.welcome.lead} />
      <Unfinished />
      <DropZone
        title={text.welcome.drop}
        hint={text.welcome.dropHint}
        takesMany
        onFiles={(files) => {
          go("teach");
          void addPhotos(files);
        }}
      />
      <ol class="welcome-steps">
        {text.welcome.steps.map(({ name, about }) => (
          <li key={name}>
            <strong>{name}</strong>
            <span>{about}</span>
          </li>
        ))}
      </ol>
      {isBuiltIn && (
        <p class="hint welcome-model">
          {text.welcome.builtIn} <a href={hrefOf("settings")}>{text.welcome.otherModel}</a>
        </p>
      )}
    </div>
  );
}
