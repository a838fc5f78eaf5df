/** @file What is said to the person, whatever the screen. */
import { text } from "../strings.ts";
import { dismiss, messages, spoken } from "../state/messages.ts";
import { connection, lockedBecause } from "../state/events.ts";
import { Icon } from "./icon.tsx";

export function Notices() {
  return (
    <>
      <div class="notices" role="alert">
        {messages.value.map(({ id, line, isFault }) => (
          <div key={id} class={isFault ? "notice notice-fault" : "notice"}>
            <span>{line}</span>
            <button
              type="button"
              class="button-icon"
              aria-label={text.common.close}
              onClick={() => {
                dismiss(id);
              }}
            >
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
      <p class="hidden" role="status">
        {spoken}
      </p>
    </>
  );
}

/** Above the page while the server does not answer. */
export function ConnectionBar() {
  if (connection.value === "lost") {
    return (
      <p class="connection" role="status">
        {text.connection.lost}
      </p>
    );
  }
  if (connection.value !== "locked") return null;
  return (
    <p class="connection" role="alert">
      {lockedBecause} {text.connection.openAgain}
    </p>
  );
}
