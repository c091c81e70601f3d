/** Trials as a table for other programs. */
import type { Column } from "./columns";
import { axisValues } from "./axes";
import type { TrialTable } from "./table";

/** Spreadsheets take a text that begins so for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

function field(value: unknown): string {
  if (value === null || value === undefined || (typeof value === "number" && !Number.isFinite(value))) return "";
  if (typeof value !== "string") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows in the order given, with all digits. */
export function csv(table: TrialTable, rows: ArrayLike<number>, columns: readonly Column[]): string {
  const lines = [["trial", ...columns.map((column) => column.title)].map(field).join(",")];
  const values = columns.map((column) => (column.axis === null ? null : axisValues(table, column.axis)));
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!;
    const cells = columns.map((column, place) => {
      const by = values[place];
      return by === null ? column.text(table, row) : by?.[row];
    });
    lines.push([table.index[row], ...cells].map(field).join(","));
  }
  return `${lines.join("\r\n")}\r\n`;
}
