/** What a brush on an axis of parallel coordinates covers. */
import type { Brush } from "../../data/selection";
import type { DecisionValue } from "../../data/table";
import { halfBetween, valueAtPart } from "./ticks";

/** An axis: numbers between its bounds, or values at 0, 1, 2 and so on. */
export interface Line {
  readonly bounds: readonly [number, number];
  readonly values: readonly (DecisionValue | null)[] | null;
  /** Of all numbers, also those that are drawn at an end of the axis because they are far beyond it. */
  readonly extremes: readonly [number, number];
}

export interface Step {
  readonly low: number;
  readonly high: number;
}

/** Into how many parts keys divide an axis of numbers. */
const PARTS = 10;

/** What keys can choose on an axis. */
export function stepsOf(line: Line): Step[] {
  if (line.values !== null) return line.values.map((_, place) => ({ low: place - 0.4, high: place + 0.4 }));
  const [low, high] = line.bounds;
  const part = (place: number) => valueAtPart(place / PARTS, low, high);
  return Array.from({ length: PARTS }, (_, place) => ({ low: part(place), high: part(place + 1) }));
}

/** The brush that reaches from one position to another; of values at least the nearest one. */
export function brushed(line: Line, from: number, to: number): Brush {
  const [low, high] = from <= to ? [from, to] : [to, from];
  if (line.values === null) return ranged(line, low, high);
  const within = line.values.filter((_, place) => place >= low && place <= high);
  if (within.length > 0) return { values: within };
  const nearest = Math.min(line.values.length - 1, Math.max(0, Math.round((low + high) / 2)));
  return { values: [line.values[nearest]!] };
}

/** The brush with one more or less of the steps; null for none. A range of numbers stays in one piece. */
export function toggled(line: Line, brush: Brush | undefined, step: number): Brush | null {
  if (line.values !== null) {
    const known = brush !== undefined && "values" in brush ? brush.values : [];
    const value = line.values[step]!;
    const next = known.includes(value) ? known.filter((one) => one !== value) : [...known, value];
    return next.length === 0 ? null : { values: next };
  }
  const { low, high } = stepsOf(line)[step]!;
  if (brush === undefined || !("from" in brush)) return ranged(line, low, high);
  const covered = brush.from <= low && brush.to >= high;
  return covered ? null : ranged(line, Math.min(brush.from, low), Math.max(brush.to, high));
}

/** A brush to an end of the axis covers what is drawn there. */
function ranged(line: Line, low: number, high: number): Brush {
  const [first, last] = line.bounds;
  const near = halfBetween(first, last) / 25;
  return {
    from: low <= first + near ? Math.min(low, line.extremes[0]) : low,
    to: high >= last - near ? Math.max(high, line.extremes[1]) : high,
  };
}

/** The parts of the axis that a brush covers. */
export function drawnBrush(line: Line, brush: Brush): readonly (readonly [number, number])[] {
  if ("from" in brush) return [[Math.max(line.bounds[0], brush.from), Math.min(line.bounds[1], brush.to)]];
  const half = line.values === null || line.values.length < 2 ? 0.2 : Math.min(0.4, (line.bounds[1] - line.bounds[0]) * 0.04);
  return brush.values.flatMap((value) => {
    const place = line.values?.indexOf(value) ?? -1;
    return place < 0 ? [] : [[place - half, place + half] as const];
  });
}
