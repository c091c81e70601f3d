/** Axes that trials are laid out along: objectives, decisions, metrics and what else a trial has as a number. */
import type { DecisionValue, TrialTable } from "./table";

const PLAIN = ["value", "reward", "step", "sequence", "started", "ended", "seconds", "gpuSeconds", "attempts", "policyRatio", "parent", "index", "rank"] as const;
export type PlainAxis = (typeof PLAIN)[number];

/** ``value``, ``decision:NAME``, ``metric:NAME`` or, of several objectives, ``objective:NAME``, as in addresses. */
export type Axis = PlainAxis | `${(typeof NAMED)[number]}${string}`;

const NAMED = ["decision:", "metric:", "objective:"] as const;

/** An axis by its name in an address; null if there is none of that name. */
export function asAxis(text: string): Axis | null {
  if (NAMED.some((kind) => text.startsWith(kind))) return text as Axis;
  return (PLAIN as readonly string[]).includes(text) ? (text as PlainAxis) : null;
}

/** The column of an axis, by row; undefined if no trial has it. NaN and null are values that a trial does not have. */
export function axisValues(table: TrialTable, axis: Axis): ArrayLike<DecisionValue | null> | undefined {
  if (axis.startsWith("decision:")) return table.decisions.get(axis.slice("decision:".length));
  if (axis.startsWith("metric:")) return table.metrics.get(axis.slice("metric:".length));
  if (axis.startsWith("objective:")) return table.objectives.get(axis.slice("objective:".length));
  return table[axis as PlainAxis];
}
