/** Which decisions are shown where there is no room for all. */
import type { DecisionInfo, Importance } from "../../api/types";

export const MAX_DECISIONS = 12;

/** The most important decisions, in the order of the space; the first ones if importance is not known. */
export function chosenDecisions(space: readonly DecisionInfo[], importance: Importance | null, most = MAX_DECISIONS): DecisionInfo[] {
  const order = new Map(importance?.shares.map((share, place) => [share.decision, place]));
  const ranked = [...space].sort((a, b) => (order.get(a.name) ?? order.size) - (order.get(b.name) ?? order.size));
  const chosen = new Set(ranked.slice(0, most));
  return space.filter((decision) => chosen.has(decision));
}
