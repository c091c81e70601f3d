/** Which trials stand out in all views: those that pass the filters and, if some are selected, are among these. */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { Selection } from "../data/selection";
import { rowOf } from "../data/table";

/** By row, 1 for those that stand out; null if nothing is selected or filtered, and so none is faint. */
export type Emphasis = ReadonlySignal<Uint8Array | null>;

const known = new WeakMap<Selection, Emphasis>();

/** One computation serves all charts of a selection. */
export function emphasisOf(selection: Selection): Emphasis {
  let found = known.get(selection);
  if (found === undefined) {
    found = computed(() => {
      const selected = selection.selected.value;
      const filtered = selection.brushes.value.size > 0 || selection.states.value.size > 0 || selection.text.value !== "";
      if (selected.size === 0) return filtered ? selection.passing.value : null;
      const table = selection.trials.value;
      const passing = filtered ? selection.passing.value : null;
      const strong = new Uint8Array(table.length);
      for (const trial of selected) {
        const row = rowOf(table, trial);
        if (row >= 0 && (passing === null || passing[row] === 1)) strong[row] = 1;
      }
      return strong;
    });
    known.set(selection, found);
  }
  return found;
}
