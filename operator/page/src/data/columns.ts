/** The columns of a table of trials: which there are, what a cell says, and the order of rows by one of them. */
import type { Details } from "../api/types";
import { decision, duration, moment, number } from "../format";
import { axisValues, type Axis } from "./axes";
import { axisOf } from "./objectives";
import type { DecisionValue, TrialTable } from "./table";

export interface Column {
  /** As in addresses; an axis, or a column of words. */
  readonly key: string;
  readonly title: string;
  readonly numeric: boolean;
  /** In CSS pixels. */
  readonly width: number;
  readonly shown: boolean;
  readonly axis: Axis | null;
  readonly text: (table: TrialTable, row: number) => string;
}

const DECISIONS_SHOWN = 10;
const METRICS_SHOWN = 3;
/** The longest that a fraction is written. */
const FRACTION = "0.000123456";

/** All columns of a search, in the order in which they are shown. */
export function columnsOf(details: Details, metrics: readonly string[]): Column[] {
  const { objectives } = details.summary;
  const others = metrics.filter((name) => !objectives.some((each) => each.metric === name));
  const numbers = (key: Axis, title: string, width: number, shown: boolean, text: (value: number) => string): Column => ({
    key,
    title,
    width,
    shown,
    numeric: true,
    axis: key,
    text: (table, row) => text(Number(axisValues(table, key)?.[row] ?? NaN)),
  });
  const words = (key: string, title: string, width: number, shown: boolean, text: Column["text"]): Column => ({
    key,
    title,
    width,
    shown,
    numeric: false,
    axis: null,
    text,
  });
  return [
    words("state", "state", 108, true, (table, row) => table.state[row] ?? ""),
    ...objectives.map((each) => numbers(axisOf(each, objectives), each.metric, objectives.length > 1 ? widthOf(each.metric, [0.5]) : 104, true, number)),
    ...(objectives.length > 1 ? [numbers("rank", "rank", 70, true, (value) => (value === Infinity ? "–" : number(value)))] : []),
    ...(details.rungs.length > 0 ? [numbers("step", "step", 70, true, number)] : []),
    words("origin", "origin", 104, true, (table, row) => table.origin[row] ?? ""),
    numbers("parent", "parent", 76, false, number),
    ...details.space.map((each, place): Column => ({
      key: `decision:${each.name}`,
      title: each.name,
      width: widthOf(each.name, each.values),
      shown: place < DECISIONS_SHOWN,
      numeric: each.values.every((value) => typeof value === "number"),
      axis: `decision:${each.name}`,
      text: (table, row) => decision(table.decisions.get(each.name)?.[row]),
    })),
    ...others.map((name, place) => numbers(`metric:${name}`, name, widthOf(name, [0.5]), place < METRICS_SHOWN, number)),
    numbers("seconds", "took", 106, true, duration),
    numbers("gpuSeconds", "GPU time", 106, details.summary.usesGpus, duration),
    numbers("attempts", "attempts", 86, false, number),
    numbers("sequence", "result", 76, false, number),
    numbers("policyRatio", "policy ratio", 104, false, number),
    numbers("started", "started", 190, false, (value) => (Number.isNaN(value) ? "–" : moment(value))),
    numbers("ended", "ended", 190, false, (value) => (Number.isNaN(value) ? "–" : moment(value))),
    words("says", "says", 280, true, (table, row) => table.says[row] ?? ""),
  ];
}

/** Wide enough for the values, within reason; fractions differ in length. */
function widthOf(name: string, values: readonly DecisionValue[]): number {
  const texts = values.map((value) => (typeof value === "number" && !Number.isInteger(value) ? FRACTION : decision(value)));
  const longest = Math.max(name.length + 3, ...texts.map((text) => text.length));
  return Math.max(64, Math.min(220, 24 + longest * 9));
}

export interface Sorting {
  readonly key: string;
  readonly descending: boolean;
}

/** ``-value`` in an address is descending. */
export function readSorting(text: string | null): Sorting {
  if (!text) return { key: "index", descending: true };
  return text.startsWith("-") ? { key: text.slice(1), descending: true } : { key: text, descending: false };
}

export const writeSorting = (sorting: Sorting): string => `${sorting.descending ? "-" : ""}${sorting.key}`;

/** Rows that pass, in order; those without a value come last, and those with the same by their index. */
export function orderedRows(table: TrialTable, passing: Uint8Array, sorting: Sorting, column: Column | undefined): Int32Array {
  let passed = 0;
  for (let row = 0; row < table.length; row++) passed += passing[row] ?? 0;
  const rows = new Int32Array(passed);
  for (let row = 0, i = 0; row < table.length; row++) if (passing[row]) rows[i++] = row;
  const sign = sorting.descending ? -1 : 1;
  if (column === undefined) return sorting.descending ? rows.reverse() : rows;
  const values = column.axis === null ? null : axisValues(table, column.axis);
  if (values instanceof Float64Array) {
    return rows.sort((a, b) => {
      const left = values[a]!;
      const right = values[b]!;
      if (left === right) return a - b;
      if (Number.isNaN(left)) return Number.isNaN(right) ? a - b : 1;
      if (Number.isNaN(right)) return -1;
      return sign * (left - right);
    });
  }
  const keys = Array.from({ length: table.length }, (_, row) =>
    values === null ? column.text(table, row) : (values?.[row] ?? null),
  );
  return rows.sort((a, b) => {
    const left = keys[a]!;
    const right = keys[b]!;
    if (left === right) return a - b;
    if (left === null) return 1;
    if (right === null) return -1;
    if (typeof left === "number" && typeof right === "number") return sign * (left - right);
    return sign * (String(left) < String(right) ? -1 : 1);
  });
}

