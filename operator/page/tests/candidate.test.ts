import { expect, test } from "vitest";
import { applicable, completed } from "../src/data/candidate";

const space = [
  { name: "blocks", values: [1, 2, 3], ordered: true, when: null },
  { name: "kernel", values: [3, 5], ordered: true, when: { decision: "blocks", values: [3] } },
  { name: "dilated", values: [true, false], ordered: false, when: { decision: "kernel", values: [5] } },
];

test("a conditional decision is there only while its condition holds", () => {
  expect(completed(space, new Map([["blocks", 1]]))).toEqual({ blocks: 1 });
  expect(completed(space, new Map([["blocks", 3]]))).toEqual({ blocks: 3, kernel: 3 });
  expect(completed(space, new Map([["blocks", 3], ["kernel", 5]]))).toEqual({ blocks: 3, kernel: 5, dilated: true });
});

test("a decision whose condition's own decision is absent is absent, whatever was chosen before", () => {
  expect(completed(space, new Map<string, string | number | boolean>([["blocks", 2], ["kernel", 5], ["dilated", false]]))).toEqual({ blocks: 2 });
  expect(applicable(space, new Map([["blocks", 2], ["kernel", 5]])).map((each) => each.name)).toEqual(["blocks"]);
});
