/** A candidate that somebody puts together, decision by decision. */
import type { DecisionInfo } from "../api/types";
import type { DecisionValue } from "./table";

/** Decisions that a candidate has, given those that were made: a conditional one only if its condition holds. */
export function applicable(space: readonly DecisionInfo[], made: ReadonlyMap<string, DecisionValue>): DecisionInfo[] {
  const present = new Set<string>();
  return space.filter((each) => {
    const holds =
      each.when === null || (present.has(each.when.decision) && each.when.values.includes(made.get(each.when.decision)!));
    if (holds) present.add(each.name);
    return holds;
  });
}

/** The candidate: what was decided where it applies, and the first value where nothing was. */
export function completed(
  space: readonly DecisionInfo[],
  made: ReadonlyMap<string, DecisionValue>,
): Record<string, DecisionValue> {
  const all = new Map(space.map((each) => [each.name, made.get(each.name) ?? each.values[0]!]));
  return Object.fromEntries(applicable(space, all).map((each) => [each.name, all.get(each.name)!]));
}
