/** Round numbers along an axis, and the range of an axis. */
import { timeTicks } from "d3-time";
import { general } from "./text";

const MAX_INTERVALS = 6;
const STEPS = [1, 2, 2.5, 5, 10] as const;
/** Closer than that, numbers have no digits left to be told apart by. */
const LEAST_STEP = 1e-306;
const MOST_DIGITS = 17;

export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** Round numbers, or ``whole`` ones, from ``low`` to ``high``. */
export function ticks(low: number, high: number, whole = false, intervals = MAX_INTERVALS): number[] {
  if (!(high > low)) return whole && !Number.isInteger(low) ? [] : [low];
  let least = Math.max(halfBetween(low, high) / (intervals / 2), LEAST_STEP);
  if (whole) least = Math.max(least, 1);
  const exponent = Math.floor(Math.log10(least));
  const scale = 10 ** exponent;
  const step = STEPS.map((factor) => factor * scale).find((one) => one >= least && !(whole && one % 1 !== 0)) ?? 10 * scale;
  const [first, last] = [Math.ceil(low / step), Math.floor(high / step)];
  // Far from 0, steps may be smaller than what lies between two numbers: a set, and no place that is the same as the next.
  const found = new Set<number>();
  for (let count = 0; count <= last - first; count++) found.add(rounded((first + count) * step, 2 - exponent));
  return [...found];
}

export function numberTicks(low: number, high: number, whole = false, intervals = MAX_INTERVALS): Tick[] {
  const found = ticks(low, high, whole, intervals);
  if (whole) return found.map((at) => ({ at, text: at.toLocaleString("en") }));
  // As many digits as it takes to tell them apart.
  let digits = 6;
  while (digits < MOST_DIGITS && new Set(found.map((at) => general(at, digits))).size < found.length) digits++;
  return found.map((at) => ({ at, text: general(at, digits) }));
}

/** Of seconds since 1970, in the viewer's own time zone. */
export function momentTicks(low: number, high: number, intervals = MAX_INTERVALS): Tick[] {
  const moments = timeTicks(new Date(low * 1000), new Date(high * 1000), intervals);
  const days = high - low > 36 * 3600;
  const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
  const time = new Intl.DateTimeFormat(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(high - low < 300 ? { second: "2-digit" } : {}),
  });
  const midnight = (moment: Date) => moment.getHours() === 0 && moment.getMinutes() === 0;
  return moments.map((moment) => ({
    at: moment.getTime() / 1000,
    text: days && midnight(moment) ? day.format(moment) : time.format(moment),
  }));
}

/** The least and the greatest of those that are finite; 0 and 1 if none is. */
export function extent(values: ArrayLike<number>): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let place = 0; place < values.length; place++) {
    const value = values[place]!;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, 1] : [low, high];
}

/** A range that holds all values with a small margin, also if there are none or all are equal. */
export function around(values: ArrayLike<number>): [number, number] {
  const [low, high] = extent(values);
  const air = 0.1 * halfBetween(low, high) || 0.05 * Math.abs(high) || 1;
  return [representable(low - air), representable(high + air)];
}

/** The range of what is counted or measured from the first to the last. */
export function between(low: number, high: number): [number, number] {
  if (!(low <= high)) return [0, 1];
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

/** Half of what lies between two numbers: the whole may be more than a number can be. */
export function halfBetween(low: number, high: number): number {
  return high / 2 - low / 2;
}

/** Where between two numbers a value lies: 0 at ``low``, 1 at ``high``. */
export function partOf(value: number, low: number, high: number): number {
  return halfBetween(low, value) / halfBetween(low, high);
}

/** What lies at such a part of the way between two numbers. */
export function valueAtPart(part: number, low: number, high: number): number {
  return low * (1 - part) + high * part;
}

/** The largest number for what is more than one can be. */
export function representable(value: number): number {
  return Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
}

function rounded(value: number, digits: number): number {
  if (Math.abs(value) >= 1e9) return value;
  if (digits <= 12) return Number(value.toFixed(12));
  // Of what is smaller than that, toFixed knows nothing.
  return Number(value.toPrecision(15));
}
