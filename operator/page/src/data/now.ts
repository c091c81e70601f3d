/** The time, for ages; it stands still while nobody looks. */
import { signal } from "@preact/signals";

/** Seconds since 1970. */
export const now = signal(Date.now() / 1000);

setInterval(() => {
  if (document.visibilityState === "visible") now.value = Date.now() / 1000;
}, 1000);
