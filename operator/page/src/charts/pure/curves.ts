/** The two curves of the Evo-NAS paper, and which results they are of (``recorded/curves.py``). */
import type { TrialTable } from "../../data/table";

const IMPORTED = "imported";

/**
 * The rows of the results in the order in which they were recorded, without confirmations; ``imported`` ones are results
 * of another search.
 */
export function resultsInOrder(table: TrialTable, imported = false): Int32Array {
  const rows: number[] = [];
  for (let row = 0; row < table.length; row++)
    if (!Number.isNaN(table.reward[row]!) && !table.confirmation[row] && (imported || table.origin[row] !== IMPORTED))
      rows.push(row);
  const sequence = (row: number) => table.sequence[row]! || 0;
  return Int32Array.from(rows.sort((a, b) => sequence(a) - sequence(b) || table.index[a]! - table.index[b]!));
}

/** The mean of the last ``window`` rewards, fewer at the beginning. */
export function movingAverage(rewards: ArrayLike<number>, window: number): Float64Array {
  const averages = new Float64Array(rewards.length);
  for (let place = 0; place < rewards.length; place++) {
    const first = Math.max(0, place - window + 1);
    // Added anew each time: a running sum would keep what a huge value has rounded away.
    let sum = 0;
    for (let at = first; at <= place; at++) sum += rewards[at]!;
    const count = place - first + 1;
    averages[place] = Number.isFinite(sum) ? sum / count : meanOfLargest(rewards, first, place);
  }
  return averages;
}

/** Where the sum is more than a number can be, or no number is known. */
function meanOfLargest(rewards: ArrayLike<number>, first: number, last: number): number {
  const count = last - first + 1;
  let mean = 0;
  for (let at = first; at <= last; at++) mean += rewards[at]! / count;
  return mean;
}

export function bestSoFar(rewards: ArrayLike<number>, minimize: boolean): Float64Array {
  const bests = new Float64Array(rewards.length);
  let best = minimize ? Infinity : -Infinity;
  for (let place = 0; place < rewards.length; place++) {
    const reward = rewards[place]!;
    if (minimize ? reward < best : reward > best) best = reward;
    bests[place] = best;
  }
  return bests;
}

/** How many interquartile ranges beyond the worse quartile a value is drawn at most. */
export const STRAY = 3;

/** The worst value that is drawn: a diverging candidate must not squeeze all others. */
export function floorOf(values: ArrayLike<number>, minimize: boolean): number {
  let known = 0;
  const all = new Float64Array(values.length);
  for (let place = 0; place < values.length; place++) if (Number.isFinite(values[place]!)) all[known++] = minimize ? -values[place]! : values[place]!;
  const merits = all.subarray(0, known).sort();
  if (merits.length === 0) return minimize ? Infinity : -Infinity;
  const lower = merits[merits.length >> 2]!;
  const upper = merits[Math.floor((3 * merits.length) / 4)]!;
  const floor = Math.max(merits[0]!, lower - STRAY * (upper - lower));
  return minimize ? -floor : floor;
}

/** The rank of each value among all of them: 0 for the worst, 1 for the best, NaN for none. Equal values are equal. */
export function merits(values: ArrayLike<number>, minimize: boolean): Float32Array {
  const places: number[] = [];
  for (let place = 0; place < values.length; place++) if (!Number.isNaN(values[place]!)) places.push(place);
  const sign = minimize ? -1 : 1;
  places.sort((a, b) => sign * (values[a]! - values[b]!));
  const found = new Float32Array(values.length).fill(NaN);
  const last = Math.max(1, places.length - 1);
  let first = 0;
  for (let rank = 0; rank < places.length; rank++) {
    if (values[places[rank]!] !== values[places[first]!]) first = rank;
    found[places[rank]!] = first / last;
  }
  return found;
}
