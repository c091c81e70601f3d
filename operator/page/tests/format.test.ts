import { expect, test } from "vitest";
import { age, cut, decision, duration, hours, number, spentName, timeIn, timeUnit } from "../src/format";

test.each([
  [0.8123456789, "0.812346"],
  [0, "0"],
  [1, "1"],
  [123456, "123456"],
  [1234567, "1.23457e+06"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [0.00001234567, "1.23457e-05"],
  [-2.5, "-2.5"],
  [999999.9, "1e+06"],
  [100, "100"],
  [1e100, "1e+100"],
  [Infinity, "inf"],
])("%d is written as Python's %s", (value, written) => {
  expect(number(value)).toBe(written);
});

test("no number is a dash", () => {
  for (const none of [null, undefined, NaN]) expect(number(none)).toBe("–");
});

test.each([
  [0.214, "0.21 s"],
  [45, "45 s"],
  [125, "2 min 5 s"],
  [3600, "1 h"],
  [11520, "3 h 12 min"],
  [200000, "2 d 7 h"],
])("%d seconds are %s", (seconds, written) => {
  expect(duration(seconds)).toBe(written);
});

test("ages have one unit", () => {
  expect([0, 59, 119, 120, 3599, 3600, 90000].map(age)).toEqual(["0 s", "59 s", "119 s", "2 min", "59 min", "1 h", "1 d"]);
});

test("decisions are written as they are", () => {
  expect([true, "relu", 0.001, null].map(decision)).toEqual(["true", "relu", "0.001", "–"]);
});

test("a long text is cut to its length", () => {
  expect(cut("x".repeat(10_000), 80)).toHaveLength(80);
});

test.each([
  [0, "seconds of trials", "0"],
  [0.01, "seconds of trials", "36"],
  [0.5, "minutes of trials", "30"],
  [2, "hours of trials", "2"],
  [1234.5, "hours of trials", "1234.5"],
])("%d hours are said in %s: %s", (spent, name, written) => {
  const unit = timeUnit(spent);
  expect([spentName(unit, false), timeIn(unit, spent)]).toEqual([name, written]);
});

test("a little of an hour is not nothing", () => {
  expect([0, 0.00123, 0.25, 12, null].map(hours)).toEqual(["0", "0.0012", "0.25", "12.00", "–"]);
});
