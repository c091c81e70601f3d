/** Round numbers along an axis, and the range of an axis. */
import { timeTicks } from "d3-time";
import { general } from "./text";

const MAX_INTERVALS = 6;
const STEPS = [1, 2, 2.5, 5, 10] as const;

export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** Round numbers, or ``whole`` ones, from ``low`` to ``high``. */
export function ticks(low: number, high: number, whole = false, intervals = MAX_INTERVALS): number[] {
  if (!(high > low)) return whole && !Number.isInteger(low) ? [] : [low];
  let least = (high - low) / intervals;
  if (whole) least = Math.max(least, 1);
  const scale = 10 ** Math.floor(Math.log10(least));
  const step = STEPS.map((factor) => factor * scale).find((one) => one >= least && !(whole && one % 1 !== 0)) ?? 10 * scale;
  const first = Math.ceil(low / step);
  const found = [];
  for (let place = first; place <= Math.floor(high / step); place++) found.push(rounded(place * step));
  return found;
}

export function numberTicks(low: number, high: number, whole = false, intervals = MAX_INTERVALS): Tick[] {
  return ticks(low, high, whole, intervals).map((at) => ({ at, text: whole ? at.toLocaleString("en") : general(at) }));
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
  const air = 0.05 * (high - low) || 0.05 * Math.abs(high) || 1;
  return [low - air, high + air];
}

/** The range of what is counted or measured from the first to the last. */
export function between(low: number, high: number): [number, number] {
  if (!(low <= high)) return [0, 1];
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

function rounded(value: number): number {
  return Math.abs(value) < 1e9 ? Number(value.toFixed(12)) : value;
}
