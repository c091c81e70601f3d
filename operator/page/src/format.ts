/** Numbers, durations and moments in words, as the command line has them. */
import { general } from "./charts/pure/text";
import type { DecisionValue } from "./data/table";

export { counted, cut } from "./charts/pure/text";

/** Six significant digits, as Python's ``format(value, ".6g")``; a dash for no number. */
export function number(value: number | null | undefined, digits = 6): string {
  return value === null || value === undefined || Number.isNaN(value) ? "–" : general(value, digits);
}

const WHOLE = new Intl.NumberFormat("en-US");

/** A count with separators of thousands. */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** A decision's value; ``null`` is a decision that the candidate does not have. */
export function decision(value: DecisionValue | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? number(value) : String(value);
}

const UNITS: readonly (readonly [number, string])[] = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/** Two units at most: ``3 h 12 min``, ``45 s``, ``0.21 s``. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds < 10) return `${number(seconds, 2)} s`;
  const whole = Math.round(seconds);
  const first = UNITS.findIndex(([size]) => whole >= size);
  const [size, unit] = UNITS[first]!;
  const next = UNITS[first + 1];
  const major = Math.floor(whole / size);
  const rest = next === undefined ? 0 : Math.floor((whole % size) / next[0]);
  return rest > 0 && major < 100 ? `${major} ${unit} ${rest} ${next![1]}` : `${major} ${unit}`;
}

/** One unit, for columns: ``3h``, ``45s``. */
export function age(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  const [size, unit] = UNITS.find(([each]) => whole >= each * (each === 60 ? 2 : 1)) ?? UNITS[3]!;
  return `${Math.floor(whole / size)} ${unit}`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** In the viewer's zone. */
export function moment(seconds: number): string {
  return CLOCK.format(seconds * 1000);
}

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** The time of the day in the viewer's zone. */
export function clock(seconds: number): string {
  return TIME.format(seconds * 1000);
}

/** In UTC, to the second. */
export function iso(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** Hours with two decimals, as the report has them; of less than one hour, two digits. */
export function hours(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value < 1 ? number(value, 2) : value.toFixed(2);
}

/** A unit of what trials take, for all values of a table or an axis. */
export interface TimeUnit {
  /** In the plural. */
  readonly name: "seconds" | "minutes" | "hours";
  readonly perHour: number;
}

/** The greatest unit of which there are at least two at most. */
export function timeUnit(mostHours: number): TimeUnit {
  if (mostHours >= 2) return { name: "hours", perHour: 1 };
  return mostHours >= 2 / 60 ? { name: "minutes", perHour: 60 } : { name: "seconds", perHour: 3600 };
}

/** Hours in a unit, without its name. */
export function timeIn(unit: TimeUnit, spent: number): string {
  return number(spent * unit.perHour, spent * unit.perHour < 1000 ? 3 : 6);
}

/** ``GPU minutes`` or ``minutes of trials``. */
export function spentName(unit: TimeUnit, gpus: boolean): string {
  return gpus ? `GPU ${unit.name}` : `${unit.name} of trials`;
}

/** A value that the server has written, with as many digits as others have. */
export function written(text: string): string {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? text : number(value);
}
