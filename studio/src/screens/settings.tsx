/** @file Settings: the model, how many states are kept, the look, and the health of machine and library. */
import { useState } from "preact/hooks";
import { Choice } from "../parts/choice.tsx";
import { Dialog } from "../parts/dialog/dialog.tsx";
import { NumberField } from "../parts/field.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { tell, tellFault } from "../state/messages.ts";
import { finish, studio } from "../state/studio.ts";
import { theme, THEMES } from "../state/theme.ts";
import { text } from "../strings.ts";
import { SettingsDoctor } from "./settings/settings-doctor.tsx";
import { SettingsModel } from "./settings/settings-model.tsx";

export function Settings() {
  return (
    <>
      <PageHead title={text.settings.title} />
      <div class="settings">
        <section aria-labelledby="model">
          <h2 id="model">{text.settings.model}</h2>
          <SettingsModel />
        </section>
        <section aria-labelledby="look">
          <h2 id="look">{text.settings.look}</h2>
          <Choice
            label={text.settings.theme}
            isLabelHidden
            values={THEMES}
            value={theme.value}
            nameOf={(each) => text.settings.themes[each]}
            onChange={(each) => {
              theme.value = each;
            }}
          />
        </section>
        <section aria-labelledby="library">
          <h2 id="library">{text.settings.library}</h2>
          <p class="path">{studio.value?.library.folder}</p>
          {studio.value?.history !== undefined && <Keep keep={studio.value.history.keep} />}
        </section>
        <section aria-labelledby="doctor">
          <h2 id="doctor">{text.settings.doctor}</h2>
          <SettingsDoctor />
        </section>
        <p class="hint">{text.settings.version(studio.value?.version ?? "")}</p>
      </div>
    </>
  );
}

function Keep({ keep }: { readonly keep: number }) {
  const [wanted, setWanted] = useState<number | undefined>(keep);
  const [isAsking, setAsking] = useState(false);
  const kept = studio.value?.history?.states.length ?? 0;
  const save = async () => {
    setAsking(false);
    if (wanted === undefined) return;
    const job = await tellFault(() => finish({ kind: "keep", keep: wanted }));
    if (job?.fault !== undefined) tell(job.fault.message);
    else if (job !== undefined) tell(text.history.keepDone(wanted), false);
  };
  return (
    <form
      class="keep"
      onSubmit={(event) => {
        event.preventDefault();
        // Those that are too many are deleted at once.
        if (wanted !== undefined && wanted < keep && wanted + 1 < kept) setAsking(true);
        else void save();
      }}
    >
      <NumberField
        label={text.history.keep}
        hint={text.history.keepHint}
        value={wanted}
        min={0}
        max={10_000}
        step={1}
        onChange={setWanted}
      />
      <button type="submit" class="button" disabled={wanted === undefined || wanted === keep}>
        {text.common.save}
      </button>
      {isAsking && wanted !== undefined && (
        <Dialog
          title={text.history.confirmKeep(wanted)}
          onClose={() => {
            setAsking(false);
          }}
        >
          <p>{text.history.confirmKeepAbout}</p>
          <footer class="actions">
            <button type="button" class="button-danger" onClick={() => void save()}>
              {text.history.confirmKeepButton}
            </button>
          </footer>
        </Dialog>
      )}
    </form>
  );
}
