import * as fc from "fast-check";
import { expect, test } from "vitest";
import { emptyTable, merge, rowOf, type TrialTable, withRanks } from "../src/data/table";
import { trialsAnswer, type TrialRecord } from "./answers";

const name = fc.constantFrom("blocks", "rate", "__proto__", "constructor", "שם");
const record = fc.record({
  state: fc.constantFrom("Running" as const, "Succeeded" as const, "Failed" as const),
  value: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: null }),
  says: fc.constantFrom("", "<b>out of memory</b>"),
  decisions: fc.dictionary(name, fc.oneof(fc.string(), fc.integer(), fc.boolean()), { maxKeys: 4 }),
  metrics: fc.dictionary(name, fc.double({ noNaN: true, noDefaultInfinity: true }), { maxKeys: 3 }),
});
/** Trials change in any order; the page reads after some of the changes. */
const story = fc.array(fc.record({ index: fc.nat({ max: 12 }), record, read: fc.boolean() }), { maxLength: 40 });

function contents(table: TrialTable) {
  return Array.from(table.index, (index, row) => ({
    index,
    state: table.state[row],
    value: table.value[row],
    says: table.says[row],
    decisions: [...table.decisions].map(([key, column]) => [key, column[row]]).filter(([, value]) => value !== null),
    metrics: [...table.metrics].map(([key, column]) => [key, column[row]]).filter(([, value]) => !Number.isNaN(value)),
  })).map((trial) => ({
    ...trial,
    decisions: trial.decisions.sort((a, b) => (a[0]! < b[0]! ? -1 : 1)),
    metrics: trial.metrics.sort((a, b) => (a[0]! < b[0]! ? -1 : 1)),
  }));
}

test("whatever the order of changes and readings, what is known is what a full reading says", () => {
  fc.assert(
    fc.property(story, (changes) => {
      const latest = new Map<number, { trial: TrialRecord; revision: number }>();
      let known = emptyTable;
      let revision = 0;
      const read = (): void => {
        const changed = [...latest.values()].filter((each) => each.revision > known.revision);
        known = merge(known, trialsAnswer(changed.map((each) => each.trial), revision, known.revision === 0));
      };
      for (const change of changes) {
        revision++;
        latest.set(change.index, { trial: { ...change.record, index: change.index }, revision });
        if (change.read) read();
      }
      read();
      const all = [...latest.values()].map((each) => each.trial).sort((a, b) => a.index - b.index);
      expect(contents(known)).toEqual(contents(merge(emptyTable, trialsAnswer(all, revision, true))));
      for (const trial of all) expect(known.index[rowOf(known, trial.index)]).toBe(trial.index);
      expect(rowOf(known, 13)).toBe(-1);
    }),
  );
});

const one = (index: number, value: number): TrialRecord => ({
  index,
  state: "Succeeded",
  value,
  says: "",
  decisions: { blocks: index },
  metrics: {},
});

test("an answer that was overtaken by a newer one changes nothing", () => {
  const known = merge(emptyTable, trialsAnswer([one(0, 0.5)], 7, true));
  expect(merge(known, trialsAnswer([one(0, 0.1)], 5, false))).toBe(known);
});

test("a search that was made anew under the same name has only its own trials", () => {
  const known = merge(emptyTable, trialsAnswer([one(0, 0.5), one(1, 0.6)], 7, true));
  const next = merge(known, trialsAnswer([one(0, 0.1)], 8, false, "another"));
  expect(Array.from(next.index)).toEqual([0]);
  expect(next.value[0]).toBe(0.1);
});

test("ranks belong to their trials, whether they are of a moment before or after", () => {
  const table = merge(emptyTable, trialsAnswer([one(1, 0.5), one(4, 0.6), one(7, 0.7)], 1, true));
  const ranks = { revision: 1, index: [1, 7, 9], rank: [0, null, 2], results: [], hypervolumes: [] };
  expect(Array.from(withRanks(table, ranks).rank)).toEqual([0, NaN, Infinity]);
  expect(Array.from(table.rank)).toEqual([NaN, NaN, NaN]);
  expect(withRanks(table, null)).toBe(table);
});

test("a table that is known does not change when another is made of it", () => {
  const known = merge(emptyTable, trialsAnswer([one(0, 0.5)], 1, true));
  merge(known, trialsAnswer([one(0, 0.9), one(1, 0.2)], 2, false));
  expect(known.length).toBe(1);
  expect(known.value[0]).toBe(0.5);
});
