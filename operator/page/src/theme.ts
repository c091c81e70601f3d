/** Light or dark: the system's, or what was chosen here. Charts on a canvas draw anew when it changes. */
import { computed, effect, signal } from "@preact/signals";

export type Choice = "system" | "light" | "dark";
const KEY = "evonas-theme";

const query = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
const system = signal<"light" | "dark">(query?.matches ? "dark" : "light");
query?.addEventListener("change", () => {
  system.value = query.matches ? "dark" : "light";
});

function kept(): Choice {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system"; // Storage may be forbidden to pages; the choice then lasts as long as the page.
  }
}

export const choice = signal<Choice>(kept());
export const theme = computed<"light" | "dark">(() => (choice.value === "system" ? system.value : choice.value));

/** Show the theme, now and whenever it changes. */
export function showTheme(root: HTMLElement): void {
  effect(() => {
    root.dataset["theme"] = theme.value;
  });
}

export function choose(next: Choice): void {
  choice.value = next;
  try {
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // As above: not kept.
  }
}
