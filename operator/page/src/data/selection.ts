/** What is selected and filtered among the trials of a search: the same in all views of it. */
import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { DecisionValue, TrialTable } from "./table";
import { axisValues, type Axis } from "./axes";

/** The part of an axis that is looked at: a range of numbers, or some of its values (null: without the decision). */
export type Brush = { readonly from: number; readonly to: number } | { readonly values: readonly (DecisionValue | null)[] };

/** By axis. */
export type Brushes = ReadonlyMap<Axis, Brush>;

export interface Selection {
  /** Trial indexes. */
  readonly selected: Signal<ReadonlySet<number>>;
  /** The trial under the pointer, in whichever view. */
  readonly hovered: Signal<number | null>;
  readonly brushes: Signal<Brushes>;
  readonly text: Signal<string>;
  readonly states: Signal<ReadonlySet<string>>;
  /** Those that it is about. */
  readonly trials: ReadonlySignal<TrialTable>;
  /** By row of the table: 1 if the trial passes brushes, states and text. */
  readonly passing: ReadonlySignal<Uint8Array>;
}

export function newSelection(trials: ReadonlySignal<TrialTable>): Selection {
  const brushes = signal<Brushes>(new Map());
  const text = signal("");
  const states = signal<ReadonlySet<string>>(new Set());
  return {
    selected: signal<ReadonlySet<number>>(new Set()),
    hovered: signal<number | null>(null),
    brushes,
    text,
    states,
    trials,
    passing: computed(() => passing(trials.value, brushes.value, states.value, text.value)),
  };
}

/** Which rows pass all filters. No state chosen means all of them. */
export function passing(
  table: TrialTable,
  brushes: Brushes,
  states: ReadonlySet<string>,
  text: string,
): Uint8Array {
  const pass = new Uint8Array(table.length).fill(1);
  for (const [axis, brush] of brushes) {
    const column = axisValues(table, axis);
    if ("from" in brush) {
      for (let row = 0; row < table.length; row++) {
        const value = column?.[row];
        if (!(typeof value === "number" && value >= brush.from && value <= brush.to)) pass[row] = 0;
      }
    } else {
      const wanted = new Set<DecisionValue | null>(brush.values);
      for (let row = 0; row < table.length; row++) if (!wanted.has(column?.[row] ?? null)) pass[row] = 0;
    }
  }
  if (states.size > 0) for (let row = 0; row < table.length; row++) if (!states.has(table.state[row]!)) pass[row] = 0;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length > 0) {
    const lines = linesOf(table);
    for (let row = 0; row < table.length; row++)
      if (pass[row] === 1 && !words.every((word) => lines[row]!.includes(word))) pass[row] = 0;
  }
  return pass;
}

/** What words are looked for in, kept as long as the table is: it is asked for at each stroke of a key. */
const keptLines = new WeakMap<TrialTable, readonly string[]>();

function linesOf(table: TrialTable): readonly string[] {
  const known = keptLines.get(table);
  if (known !== undefined) return known;
  const made = Array.from({ length: table.length }, (_, row) => lineOf(table, row));
  keptLines.set(table, made);
  return made;
}

function lineOf(table: TrialTable, row: number): string {
  const parts: unknown[] = [`#${table.index[row]}`, table.state[row], table.origin[row], table.says[row]];
  for (const [name, column] of table.decisions) {
    const value = column[row];
    if (value !== null && value !== undefined) parts.push(`${name}=${value}`);
  }
  return parts.join(" ").toLowerCase();
}
