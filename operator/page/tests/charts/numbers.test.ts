// What the charts compute is what the report computes: numbers.json is written by Python (tests/unit/report/chart_numbers.py).
import { expect, test } from "vitest";
import { bestSoFar, floorOf, movingAverage } from "../../src/charts/pure/curves";
import { findFront, rangeAround } from "../../src/charts/pure/pareto";
import { valueShares } from "../../src/charts/pure/shares";
import { general, shortText } from "../../src/charts/pure/text";
import { around, ticks } from "../../src/charts/pure/ticks";
import numbers from "./numbers.json";

function close(found: Iterable<number>, expected: readonly number[]): void {
  const values = [...found];
  expect(values).toHaveLength(expected.length);
  values.forEach((value, place) => expect(value).toBeCloseTo(expected[place]!, 11));
}

test.each(Object.entries(numbers.averages))("the moving average of %s results", (window, averages) => {
  close(movingAverage(numbers.rewards, Number(window)), averages);
});

test("the best so far, both ways", () => {
  expect([...bestSoFar(numbers.rewards, true)]).toEqual(numbers.lowest);
  expect([...bestSoFar(numbers.rewards, false)]).toEqual(numbers.highest);
});

test("the front, with ties, in the same order", () => {
  const [first, second] = [0, 1].map((way) => numbers.points.map((point) => point[way]!)) as [number[], number[]];
  expect(findFront(first, second)).toEqual(numbers.front);
});

test("the shares of a decision's values, its absence last", () => {
  const places = numbers.taken.map((value) => (value === null ? 2 : ["x", "y"].indexOf(value)));
  const found = valueShares(places, 3, 25);
  expect(found.steps).toEqual(numbers.steps);
  found.shares.forEach((row, at) => close(row, numbers.shares[at]!));
});

test("how bad a value is drawn at most", () => {
  close([floorOf(numbers.diverged, false), floorOf(numbers.diverged, true)], numbers.floors);
});

test("ticks and ranges of axes", () => {
  for (const [low, high, whole, expected] of numbers.ticks as [number, number, boolean, number[]][]) close(ticks(low, high, whole), expected);
  for (const [values, range] of numbers.around as [number[], number[]][]) close(around(values), range);
  close(rangeAround([1, 3], [1e9, 3.5]), numbers.range);
});

test("numbers and values as text", () => {
  for (const [value, text] of numbers.general as [number, string][]) expect(general(value)).toBe(text);
  for (const [value, text] of numbers.short as [string | number | boolean, string][]) expect(shortText(value)).toBe(text);
});
