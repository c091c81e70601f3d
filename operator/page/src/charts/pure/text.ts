/** Numbers and values as text, as the report and the command line write them. */
import type { DecisionValue } from "../../data/table";

/** As ``%g`` does: so many significant digits, no zeros at the end. */
export function general(value: number, digits = 6): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(digits - 1).split("e") as [string, string];
  const exponent = Number(power);
  if (exponent < -4 || exponent >= digits) {
    const sign = exponent < 0 ? "-" : "+";
    return `${stripped(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return stripped(value.toFixed(Math.max(0, digits - 1 - exponent)));
}

/** A decision's value with few digits; null is its absence. */
export function shortText(value: DecisionValue | null): string {
  if (value === null) return ABSENT;
  return typeof value === "number" && !Number.isInteger(value) ? general(value, 4) : String(value);
}

export const ABSENT = "absent";

/** Text that is no longer than that; what was left out is said by an ellipsis. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(1, length - 1))}…`;
}

/** ``1 trial``, ``2 trials``. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

function stripped(digits: string): string {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}
