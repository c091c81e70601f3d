/** Which values of a decision the latest results have (``report/progress.py``), and what the policy would choose. */
import type { PolicyMoment } from "../../api/types";

export const MAX_STEPS = 120;

export interface Shares {
  /** After how many results. */
  readonly steps: readonly number[];
  /** By step, the share of each value. */
  readonly shares: readonly (readonly number[])[];
}

/**
 * The shares among the latest ``population`` results after each of some steps; ``taken`` has for each result, in their
 * order, the place of its value among ``values`` of them.
 */
export function valueShares(taken: ArrayLike<number>, values: number, population: number): Shares {
  const results = taken.length;
  if (results === 0) return { steps: [], shares: [] };
  const stride = Math.max(1, Math.floor(results / MAX_STEPS));
  const steps: number[] = [];
  for (let step = 1; step < results; step += stride) steps.push(step);
  steps.push(results);
  const counts = new Array<number>(values).fill(0);
  let first = 0;
  let last = 0;
  const shares = steps.map((step) => {
    for (; last < step; last++) counts[taken[last]!]!++;
    for (; first < step - population; first++) counts[taken[first]!]!--;
    return counts.map((count) => count / (last - first));
  });
  return { steps, shares };
}

/** What the policy would choose for a decision at each moment; ``values`` includes its absence if it may be absent. */
export function policyShares(moments: readonly PolicyMoment[], decision: string, values: number): Shares {
  const known = moments.filter((moment) => Object.hasOwn(moment.probabilities, decision));
  return {
    steps: known.map((moment) => moment.results),
    shares: known.map((moment) => Array.from({ length: values }, (_, place) => moment.probabilities[decision]![place] ?? 0)),
  };
}
