/** How far the server's clock is ahead of this browser's: moments are of machines whose clocks are right. */
import { signal } from "@preact/signals";

/** What an answer may take, and clocks may differ by, without ages jumping. */
const TOLERANCE_S = 30;

/** In seconds; 0 unless the browser's clock is clearly wrong. */
export const ahead = signal(0);

/** Take in the Date header of an answer that was just made. */
export function heardTheTime(date: string | null): void {
  const found = (Date.parse(date ?? "") - Date.now()) / 1000;
  if (Number.isNaN(found)) return;
  const wrong = Math.abs(found) > TOLERANCE_S ? found : 0;
  // Headers have whole seconds: a second more or less is nothing new.
  if (wrong === 0 || Math.abs(wrong - ahead.peek()) > 2) ahead.value = wrong;
}
