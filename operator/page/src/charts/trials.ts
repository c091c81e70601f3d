/** Points of trials, and what is said of one of them. */
import type { Details } from "../api/types";
import { axisValues, type Axis } from "../data/axes";
import type { TrialTable } from "../data/table";
import type { Marks } from "./figure";
import { general, shortText } from "./pure/text";

/** The marks of some rows whose places on both axes are known. */
export function marksAt(table: TrialTable, rows: ArrayLike<number>, x: ArrayLike<number>, y: ArrayLike<number>): Marks {
  const most = rows.length;
  const [across, up] = [new Float64Array(most), new Float64Array(most)];
  const [row, trial] = [new Int32Array(most), new Int32Array(most)];
  let length = 0;
  for (let place = 0; place < most; place++) {
    if (!Number.isFinite(x[place]!) || !Number.isFinite(y[place]!)) continue;
    across[length] = x[place]!;
    up[length] = y[place]!;
    row[length] = rows[place]!;
    trial[length] = table.index[rows[place]!]!;
    length++;
  }
  return { x: across.subarray(0, length), y: up.subarray(0, length), row: row.subarray(0, length), trial: trial.subarray(0, length) };
}

/** Rows with a finite value that are no confirmations. */
export function rowsWithValue(table: TrialTable, column: ArrayLike<number> = table.value): Int32Array {
  const rows: number[] = [];
  for (let row = 0; row < table.length; row++)
    if (Number.isFinite(column[row]!) && !table.confirmation[row]) rows.push(row);
  return Int32Array.from(rows);
}

export function linesOf(table: TrialTable, row: number, details: Details): string[] {
  const lines = [`trial ${table.index[row]}`];
  const { metric, objectives } = details.summary;
  if (objectives.length > 1) {
    const at = table.state[row] === "Stopped" || table.state[row] === "Paused" ? ` at step ${table.step[row]}` : "";
    for (const each of objectives) {
      const value = table.objectives.get(each.metric)?.[row] ?? NaN;
      if (!Number.isNaN(value)) lines.push(`${each.metric} ${general(value)}${at}`);
    }
    const standing = standingOf(table, row);
    if (standing !== "") lines.push(standing);
  } else if (!Number.isNaN(table.reward[row]!)) lines.push(`${metric} ${general(table.reward[row]!)}`);
  else if (!Number.isNaN(table.value[row]!)) lines.push(`${metric} ${general(table.value[row]!)} at step ${table.step[row]}`);
  if (table.state[row] !== "Succeeded") lines.push(String(table.state[row]).toLowerCase());
  return lines;
}

/** How a trial stands to the front of several objectives, in words; empty if that is not known. */
export function standingOf(table: TrialTable, row: number): string {
  const rank = table.rank[row]!;
  if (Number.isNaN(rank)) return "";
  if (rank === Infinity) return "worse than a reference";
  return rank === 0 ? "on the front" : `dominated, rank ${rank}`;
}

/** The trial of the best candidate among the given marks; -1 if it is not there. */
export function winnerOf(marks: Marks, details: Details): number {
  return details.winner === null ? -1 : marks.trial.indexOf(details.winner);
}

/** What a trial has on an axis, in words. */
export function said(axis: Axis, table: TrialTable, row: number): string {
  const value = axisValues(table, axis)?.[row] ?? null;
  if (typeof value !== "number" || axis.startsWith("decision:")) return shortText(value);
  if (Number.isNaN(value)) return "-";
  if (axis === "started" || axis === "ended") return new Date(value * 1000).toLocaleString();
  return general(value);
}
