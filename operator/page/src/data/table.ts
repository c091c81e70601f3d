/** The trials of a search by column, and what a delta makes of them. Knows neither the network nor the page. */
import type { Ranks, TrialColumns, TrialState, Trials } from "../api/types";

export type DecisionValue = string | number | boolean;

const NUMBERS = [
  "parent",
  "reward",
  "value",
  "step",
  "sequence",
  "started",
  "ended",
  "seconds",
  "gpuSeconds",
  "attempts",
  "policyRatio",
] as const;
const OTHERS = ["state", "origin", "confirmation", "reused", "says"] as const;

type NumberColumns = { readonly [name in (typeof NUMBERS)[number]]: Float64Array };

/**
 * Row i of each column is the same trial; rows are in the order of trial indexes. A table never changes: a delta makes
 * a new one. NaN is a number that a trial does not have, null a decision that it does not have.
 */
export interface TrialTable extends NumberColumns {
  readonly id: string;
  readonly uid: string;
  readonly revision: number;
  readonly length: number;
  readonly index: Int32Array;
  readonly state: readonly TrialState[];
  readonly origin: readonly string[];
  readonly confirmation: readonly boolean[];
  readonly reused: readonly boolean[];
  readonly says: readonly string[];
  readonly decisions: ReadonlyMap<string, readonly (DecisionValue | null)[]>;
  readonly metrics: ReadonlyMap<string, Float64Array>;
  /** By metric, of several objectives; empty with a single one. */
  readonly objectives: ReadonlyMap<string, Float64Array>;
  /** 0 on the front of several objectives, 1 on that of the others, and so on; infinity if worse than a reference. */
  readonly rank: Float64Array;
}

export const emptyTable: TrialTable = {
  id: "",
  uid: "",
  revision: 0,
  length: 0,
  index: new Int32Array(0),
  ...(Object.fromEntries(NUMBERS.map((name) => [name, new Float64Array(0)])) as unknown as NumberColumns),
  state: [],
  origin: [],
  confirmation: [],
  reused: [],
  says: [],
  decisions: new Map(),
  metrics: new Map(),
  objectives: new Map(),
  rank: new Float64Array(0),
};

/** The row of a trial, or -1. */
export function rowOf(table: TrialTable, trial: number): number {
  // Trials are numbered from 0 and none is taken away, as a rule: its row is its number.
  if (table.index[trial] === trial) return trial;
  let low = 0;
  let high = table.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = table.index[middle]!;
    if (found === trial) return middle;
    if (found < trial) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** What is known after an answer. An answer that is older than what is known changes nothing. */
export function merge(known: TrialTable, answer: Trials): TrialTable {
  const fresh = answer.complete || answer.uid !== known.uid;
  if (!fresh && answer.revision <= known.revision) return known;
  const old = fresh ? emptyTable : known;
  const given = answer.columns;
  const index = union(old.index, given.index);
  const length = index.length;
  const kept = places(index, old.index);
  const put = places(index, given.index);

  const numbers = (before: Float64Array | undefined, now: readonly (number | null)[] | undefined): Float64Array => {
    const column = new Float64Array(length).fill(NaN);
    if (before !== undefined) for (let i = 0; i < kept.length; i++) column[kept[i]!] = before[i]!;
    for (let i = 0; i < put.length; i++) column[put[i]!] = now?.[i] ?? NaN;
    return column;
  };
  const others = <T>(before: readonly T[] | undefined, now: readonly T[] | undefined, none: T): T[] => {
    const column = new Array<T>(length).fill(none);
    if (before !== undefined) for (let i = 0; i < kept.length; i++) column[kept[i]!] = before[i]!;
    for (let i = 0; i < put.length; i++) column[put[i]!] = now?.[i] ?? none;
    return column;
  };
  const named = <B, N, C>(
    before: ReadonlyMap<string, B>,
    now: Readonly<Record<string, N>>,
    column: (b: B | undefined, n: N | undefined) => C,
  ): Map<string, C> => {
    const names = new Set([...before.keys(), ...Object.keys(now)]);
    return new Map([...names].map((name) => [name, column(before.get(name), own(now, name))]));
  };

  return {
    id: answer.id,
    uid: answer.uid,
    revision: answer.revision,
    length,
    index,
    ...(Object.fromEntries(NUMBERS.map((name) => [name, numbers(old[name], given[name])])) as unknown as NumberColumns),
    ...(Object.fromEntries(
      OTHERS.map((name) => [name, others<unknown>(old[name], given[name], "")]),
    ) as unknown as Pick<TrialTable, (typeof OTHERS)[number]>),
    decisions: named(old.decisions, given.decisions, (b, n) => others<DecisionValue | null>(b, n, null)),
    metrics: named(old.metrics, given.metrics, numbers),
    objectives: named(old.objectives, given.objectives, numbers),
    rank: new Float64Array(length).fill(NaN),
  };
}

/** The table with ranks, which any result may have changed, and which may be of a moment before or after. */
export function withRanks(table: TrialTable, ranks: Ranks | null): TrialTable {
  if (ranks === null || ranks.index.length === 0) return table;
  const rank = new Float64Array(table.length).fill(NaN);
  ranks.index.forEach((trial, place) => {
    const row = rowOf(table, trial);
    if (row >= 0) rank[row] = ranks.rank[place] ?? Infinity;
  });
  return { ...table, rank };
}

/** An entry that is there by itself: names of decisions and metrics may be those of any object's methods. */
function own<V>(record: Readonly<Record<string, V>>, name: string): V | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function union(known: Int32Array, given: TrialColumns["index"]): Int32Array {
  const last = known.length > 0 ? known[known.length - 1]! : -1;
  const present = new Set(known);
  const added = [...new Set(given)].filter((trial) => !present.has(trial)).sort((a, b) => a - b);
  const index = new Int32Array(known.length + added.length);
  index.set(known);
  index.set(added, known.length);
  return added.length > 0 && added[0]! < last ? index.sort() : index;
}

/** The row in ``index`` of each of ``trials``, which it has all. */
function places(index: Int32Array, trials: ArrayLike<number>): Int32Array {
  const rows = new Map<number, number>();
  const dense = index.length > 0 && index[0] === 0 && index[index.length - 1] === index.length - 1;
  if (!dense) index.forEach((trial, row) => rows.set(trial, row));
  return Int32Array.from(trials, (trial) => (dense ? trial : rows.get(trial)!));
}
