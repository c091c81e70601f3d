/** What a search optimises: one value, or several of which none is the best. */
import type { Details, Objective, Summary } from "../api/types";
import type { Axis } from "./axes";

export function hasSeveral(summary: Pick<Summary, "objectives">): boolean {
  return summary.objectives.length > 1;
}

/** The axis of an objective in a search with these objectives. */
export function axisOf(objective: Objective, objectives: readonly Objective[]): Axis {
  return objectives.length > 1 ? `objective:${objective.metric}` : "value";
}

/** The axes of all objectives: the only one's is that of the reward. */
export function objectiveAxes(details: Details): Axis[] {
  const { objectives } = details.summary;
  return objectives.length > 1 ? objectives.map((each) => axisOf(each, objectives)) : ["value"];
}

/** What is said of an axis that is an objective's; undefined for any other. */
export function objectiveOf(axis: Axis, details: Details): Objective | undefined {
  const { objectives } = details.summary;
  if (axis === "value" || axis === "reward") return objectives[0];
  return axis.startsWith("objective:") ? objectives.find((each) => `objective:${each.metric}` === axis) : undefined;
}

/** ``maximise accuracy, minimise latency_ms, energy``: which way is said where it is another than before. */
export function ways(objectives: readonly Objective[]): readonly (readonly ["" | "maximise" | "minimise", Objective])[] {
  return objectives.map((each, place) => [each.minimize === objectives[place - 1]?.minimize ? "" : each.minimize ? "minimise" : "maximise", each] as const);
}
