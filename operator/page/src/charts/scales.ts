/** The axis of a figure for what trials are laid out along: numbers, moments, or the values of a decision. */
import type { DecisionInfo, Details } from "../api/types";
import { axisValues, type Axis } from "../data/axes";
import { objectiveOf } from "../data/objectives";
import type { DecisionValue, TrialTable } from "../data/table";
import type { Scale } from "./draw/axes";
import { ABSENT, shortText } from "./pure/text";
import { floorOf } from "./pure/curves";
import { around, between, extent, momentTicks, numberTicks, type Tick } from "./pure/ticks";

const TITLES: Partial<Record<Axis, string>> = {
  step: "last rung",
  sequence: "result",
  index: "trial",
  started: "started",
  ended: "ended",
  seconds: "seconds",
  gpuSeconds: "GPU seconds",
  attempts: "attempts",
  policyRatio: "policy ratio",
  rank: "rank",
};
const COUNTS: ReadonlySet<string> = new Set(["step", "sequence", "index", "attempts", "rank"]);
const MOMENTS: ReadonlySet<string> = new Set(["started", "ended"]);

export function titleOf(axis: Axis, details: Details): string {
  if (axis === "value" || axis === "reward") return details.summary.metric;
  return TITLES[axis] ?? axis.slice(axis.indexOf(":") + 1);
}

/** Values of a decision in the order of the space, its absence last if a trial lacks it. */
export interface Categories {
  readonly values: readonly (DecisionValue | null)[];
  readonly labels: readonly string[];
  /** By value. */
  readonly places: ReadonlyMap<DecisionValue | null, number>;
  /** Whether all are numbers, and so go from low to high. */
  readonly ordered: boolean;
}

export function categoriesOf(decision: DecisionInfo | undefined, column: ArrayLike<DecisionValue | null> | undefined): Categories {
  const values: (DecisionValue | null)[] = [...(decision?.values ?? [])];
  const places = new Map<DecisionValue | null, number>(values.map((value, place) => [value, place]));
  let absent = false;
  for (let row = 0; row < (column?.length ?? 0); row++) {
    const value = column![row] ?? null;
    if (value === null) absent = true;
    else if (!places.has(value)) {
      // A record may be older than its search.
      places.set(value, values.length);
      values.push(value);
    }
  }
  if (absent) {
    places.set(null, values.length);
    values.push(null);
  }
  return { values, labels: values.map(shortText), places, ordered: ordered(values) };
}

function ordered(values: readonly (DecisionValue | null)[]): boolean {
  const known = values.filter((value) => value !== null);
  return known.length > 2 && known.every((value) => typeof value === "number");
}

export function decisionOf(axis: Axis, details: Details): DecisionInfo | undefined {
  return axis.startsWith("decision:") ? details.space.find((decision) => `decision:${decision.name}` === axis) : undefined;
}

/** The axis, and where on it the trials of some rows are: NaN for those that are nowhere. */
export interface Laid {
  readonly scale: Scale;
  readonly at: Float64Array;
  readonly categories: Categories | null;
  /** How many are far worse than the others and drawn at the edge; ``extremes`` are of all. */
  readonly stray: number;
  readonly extremes: readonly [number, number];
}

export function lay(axis: Axis, table: TrialTable, rows: ArrayLike<number>, details: Details): Laid {
  const column = axisValues(table, axis);
  if (axis.startsWith("decision:")) {
    const known = new Array<DecisionValue | null>(rows.length);
    for (let place = 0; place < rows.length; place++) known[place] = column?.[rows[place]!] ?? null;
    const categories = categoriesOf(decisionOf(axis, details), known);
    const at = new Float64Array(rows.length);
    for (let place = 0; place < rows.length; place++) at[place] = categories.places.get(known[place]!)!;
    return { scale: bandScale(titleOf(axis, details), categories.labels), at, categories, stray: 0, extremes: [0, 0] };
  }
  const at = new Float64Array(rows.length);
  for (let place = 0; place < rows.length; place++) {
    const value = column?.[rows[place]!];
    at[place] = typeof value === "number" && Number.isFinite(value) ? value : NaN;
  }
  const extremes = extent(at);
  let stray = 0;
  const objective = objectiveOf(axis, details);
  if (objective !== undefined) {
    // A diverged candidate must not squeeze all others.
    const { minimize } = objective;
    const floor = floorOf(at, minimize);
    for (let place = 0; place < at.length; place++) {
      if (!(minimize ? at[place]! > floor : at[place]! < floor)) continue;
      at[place] = floor;
      stray++;
    }
  }
  return { scale: numberScale(axis, at, details), at, categories: null, stray, extremes };
}

export function bandScale(label: string, labels: readonly string[]): Scale {
  const ticks: Tick[] = labels.map((text, at) => ({ at, text }));
  return { bounds: [-0.5, Math.max(0.5, labels.length - 0.5)], ticks: () => ticks, label, bands: true };
}

export function numberScale(axis: Axis, at: Float64Array, details: Details): Scale {
  const bounds = around(at);
  if (MOMENTS.has(axis)) return { bounds, ticks: (intervals) => momentTicks(...bounds, intervals), label: titleOf(axis, details) };
  return plainScale(bounds, titleOf(axis, details), COUNTS.has(axis));
}

export function plainScale(bounds: readonly [number, number], label: string, whole = false): Scale {
  return { bounds, ticks: (intervals) => numberTicks(bounds[0], bounds[1], whole, intervals), label };
}

export function countScale(low: number, high: number, label: string): Scale {
  return plainScale(between(low, high), label, true);
}

export { ABSENT };
