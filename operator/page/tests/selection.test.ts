// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { expect, test } from "vitest";
import { columnsOf, orderedRows, readSorting, writeSorting, type Column } from "../src/data/columns";
import { newSelection, passing } from "../src/data/selection";
import { readSelection, writeSelection } from "../src/data/share";
import { emptyTable, merge } from "../src/data/table";
import type { Details } from "../src/api/types";
import { summary, trialsAnswer } from "./answers";

const table = merge(
  emptyTable,
  trialsAnswer(
    [
      { index: 0, state: "Succeeded", value: 0.5, says: "", decisions: { op: "conv", blocks: 1 }, metrics: {} },
      { index: 1, state: "Failed", value: null, says: "Out of memory", decisions: { op: "pool", blocks: 3, kernel: 5 }, metrics: {} },
      { index: 2, state: "Succeeded", value: 0.9, says: "", decisions: { op: "conv", blocks: 3, kernel: 3 }, metrics: {} },
      { index: 3, state: "Running", value: null, says: "", decisions: { op: "conv", blocks: 2 }, metrics: {} },
    ],
    1,
    true,
  ),
);
const none = new Map();
const trials = (pass: Uint8Array) => [...pass.keys()].filter((row) => pass[row]);

test("a range passes numbers within it, and no trial without the number", () => {
  expect(trials(passing(table, new Map([["value", { from: 0.5, to: 0.6 }]]), new Set(), ""))).toEqual([0]);
  expect(trials(passing(table, new Map([["value", { from: -Infinity, to: Infinity }]]), new Set(), ""))).toEqual([0, 2]);
});

test("chosen values pass, and the absence of a decision is one of them", () => {
  expect(trials(passing(table, new Map([["decision:kernel", { values: [3, null] }]]), new Set(), ""))).toEqual([0, 2, 3]);
  expect(trials(passing(table, new Map([["decision:no such", { values: [1] }]]), new Set(), ""))).toEqual([]);
});

test("all filters have to be passed", () => {
  expect(trials(passing(table, none, new Set(["Succeeded"]), "blocks=3"))).toEqual([2]);
  expect(trials(passing(table, none, new Set(), "MEMORY pool"))).toEqual([1]);
  expect(trials(passing(table, none, new Set(), "#3"))).toEqual([3]);
});

test("the selection is what the address says, and the address what the selection is", () => {
  const one = newSelection(signal(table));
  one.selected.value = new Set([1, 2]);
  one.brushes.value = new Map([["value", { from: 0.1, to: 0.7 }]]);
  one.states.value = new Set(["Failed"]);
  one.text.value = "a b";
  const written = new URLSearchParams();
  for (const [name, value] of Object.entries(writeSelection(one)))
    for (const each of typeof value === "string" ? [value] : (value ?? [])) written.append(name, each);
  const other = newSelection(signal(table));
  readSelection(other, new URLSearchParams(written.toString()));
  for (const part of ["selected", "brushes", "states", "text"] as const) expect(other[part].value).toEqual(one[part].value);
});

const details = {
  summary: summary(),
  space: [
    { name: "op", values: ["conv", "pool"], ordered: false, when: null },
    { name: "kernel", values: [3, 5], ordered: true, when: { decision: "blocks", values: [3] } },
  ],
  rungs: [],
} as unknown as Details;
const columns = columnsOf(details, ["accuracy", "latency"]);
const order = (text: string) => {
  const sorting = readSorting(text);
  const column: Column | undefined = columns.find((each) => each.key === sorting.key);
  return [...orderedRows(table, new Uint8Array(table.length).fill(1), sorting, column)];
};

test("rows without a value come last in either direction", () => {
  expect(order("value")).toEqual([0, 2, 1, 3]);
  expect(order("-value")).toEqual([2, 0, 1, 3]);
  expect(order("decision:kernel")).toEqual([2, 1, 0, 3]);
  expect(order("-decision:kernel")).toEqual([1, 2, 0, 3]);
});

test("rows are ordered by words, and the latest come first unless said otherwise", () => {
  expect(order("state")).toEqual([1, 3, 0, 2]);
  expect(order("")).toEqual([3, 2, 1, 0]);
  expect(order("index")).toEqual([0, 1, 2, 3]);
  expect(writeSorting(readSorting("-decision:-x"))).toBe("-decision:-x");
});

test("the objective has one column, other metrics one each", () => {
  expect(columns.filter((column) => column.title === "accuracy").map((column) => column.key)).toEqual(["value"]);
  expect(columns.some((column) => column.key === "metric:latency")).toBe(true);
});

test("several objectives have a column each, beside the rank", () => {
  const objectives = ["accuracy", "latency"].map((metric) => ({ metric, minimize: metric === "latency", target: null, reference: null }));
  const details = { summary: summary({ objectives }), space: [], rungs: [] } as unknown as Details;
  const keys = columnsOf(details, ["accuracy", "latency", "energy"]).map((column) => column.key);
  expect(keys.slice(0, 4)).toEqual(["state", "objective:accuracy", "objective:latency", "rank"]);
  expect(keys.filter((key) => key.startsWith("metric:"))).toEqual(["metric:energy"]);
});
