/** Two metrics against each other: the points that no other dominates, the Pareto front (``recorded/pareto.py``). */
import { representable } from "./ticks";

/**
 * Which of the points no other dominates, those with the largest first number first. Larger is better. A point dominates
 * another if it is at least as good in both numbers and better in one; equal points do not dominate each other.
 */
export function findFront(first: ArrayLike<number>, second: ArrayLike<number>): number[] {
  const places = Array.from({ length: first.length }, (_, place) => place);
  places.sort((a, b) => first[b]! - first[a]! || second[b]! - second[a]! || a - b);
  const front: number[] = [];
  for (const place of places) {
    const last = front[front.length - 1];
    const better = last === undefined || second[place]! > second[last]!;
    if (better || (first[place] === first[last] && second[place] === second[last])) front.push(place);
  }
  return front;
}

/** How far a drawing extends beyond the feasible points to show others, relative to their extent. */
const REACH = 0.5;

/** A range that holds all of ``within``, and of ``nearby`` those at most ``REACH`` of their extent beyond it. */
export function rangeAround(within: readonly number[], nearby: readonly number[]): [number, number] {
  const core = within.length > 0 ? within : nearby.length > 0 ? nearby : [0, 1];
  let low = Infinity;
  let high = -Infinity;
  const hold = (value: number): void => {
    if (value < low) low = value;
    if (value > high) high = value;
  };
  for (const value of core) hold(value);
  const extent = representable(high - low) || Math.abs(high) || 1;
  const [least, most] = [low - REACH * extent, high + REACH * extent];
  for (const value of nearby) if (value >= least && value <= most) hold(value);
  const air = 0.06 * (representable(high - low) || extent);
  return [representable(low - air), representable(high + air)];
}
