/** The time, for ages; it stands still while nobody looks. */
import { computed, signal } from "@preact/signals";
import { ahead } from "../api/clock";

/** Seconds since 1970, by this browser's clock. */
export const browserNow = signal(Date.now() / 1000);

/** Seconds since 1970, by the server's clock where the browser's is wrong. */
export const now = computed(() => browserNow.value + ahead.value);

setInterval(() => {
  if (document.visibilityState === "visible") browserNow.value = Date.now() / 1000;
}, 1000);
