/** What happened, for those who do not see it. */
import { signal } from "@preact/signals";
import { unquoted } from "../data/sentence";

const said = signal("");

/** Said again if it is the same as before. */
export function announce(text: string): void {
  said.value = "";
  setTimeout(() => (said.value = unquoted(text)), 50);
}

export function Announcer() {
  return (
    <div class="unseen" role="status" aria-live="polite">
      {said}
    </div>
  );
}
