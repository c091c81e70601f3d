/** Selection and filters of a search in the page's address, so that a view of it can be passed on. */
import { effect } from "@preact/signals";
import { query, readBrushes, readSelected, setQuery, writeBrush, writeSelected } from "../address";
import type { Selection } from "./selection";

/** Browsers refuse to change an address too often; brushing changes it many times a second. */
const SETTLED_MS = 250;
/** A longer selection is not shared: addresses have an end. */
const LONGEST = 4000;
const NAMES = ["select", "brush", "state", "filter"] as const;

type Written = Readonly<Record<(typeof NAMES)[number], string | readonly string[] | null>>;

export function writeSelection(selection: Selection): Written {
  const selected = writeSelected(selection.selected.value);
  return {
    select: selected === "" || selected.length > LONGEST ? null : selected,
    brush: [...selection.brushes.value].map(([axis, brush]) => writeBrush(axis, brush)),
    state: [...selection.states.value],
    filter: selection.text.value || null,
  };
}

export function readSelection(selection: Selection, from: URLSearchParams): void {
  selection.selected.value = readSelected(from.get("select"));
  selection.brushes.value = readBrushes(from.getAll("brush"));
  selection.states.value = new Set(from.getAll("state"));
  selection.text.value = from.get("filter") ?? "";
}

/** Take the selection from the address, if it has one, and keep the two alike until the function returned is called. */
export function shareSelection(selection: Selection): () => void {
  const read = (): void => readSelection(selection, new URLSearchParams(location.search));
  if (NAMES.some((name) => query.peek().has(name))) read();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = effect(() => {
    const written = writeSelection(selection);
    clearTimeout(timer);
    timer = setTimeout(() => setQuery(written), SETTLED_MS);
  });
  addEventListener("popstate", read);
  return () => {
    clearTimeout(timer);
    stop();
    removeEventListener("popstate", read);
  };
}
