// Properties of what charts compute.
import fc from "fast-check";
import { expect, test } from "vitest";
import { brushed, stepsOf, toggled, type Line } from "../../src/charts/pure/brushing";
import { mixed } from "../../src/charts/pure/colours";
import { bestSoFar, merits, movingAverage } from "../../src/charts/pure/curves";
import { visible } from "../../src/charts/pure/downsample";
import { chosenDecisions } from "../../src/charts/pure/importance";
import { jitter } from "../../src/charts/pure/jitter";
import { familyOf, MAX_MEMBERS } from "../../src/charts/pure/lineage";
import { median } from "../../src/charts/pure/median";
import { findFront } from "../../src/charts/pure/pareto";
import { Joiner, opacityOf } from "../../src/charts/pure/segments";
import { valueShares } from "../../src/charts/pure/shares";
import type { TrialDetails } from "../../src/api/types";
import { emptyTable } from "../../src/data/table";
import { around, between, momentTicks, numberTicks, partOf, ticks } from "../../src/charts/pure/ticks";

const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 });
const numbers = fc.array(number, { maxLength: 60 });

test("a moving average lies between what it is an average of", () => {
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 70 }), (values, window) => {
      movingAverage(values, window).forEach((average, place) => {
        const part = values.slice(Math.max(0, place - window + 1), place + 1);
        expect(average).toBeGreaterThanOrEqual(Math.min(...part) - 1e-3);
        expect(average).toBeLessThanOrEqual(Math.max(...part) + 1e-3);
      });
    }),
  );
});

test("the best so far never gets worse, and ends with the best", () => {
  fc.assert(
    fc.property(numbers, fc.boolean(), (values, minimize) => {
      const bests = bestSoFar(values, minimize);
      const sign = minimize ? -1 : 1;
      for (let place = 1; place < bests.length; place++) expect(sign * bests[place]!).toBeGreaterThanOrEqual(sign * bests[place - 1]!);
      if (values.length > 0) expect(bests.at(-1)).toBe(minimize ? Math.min(...values) : Math.max(...values));
    }),
  );
});

test("nothing dominates a point of the front, and something of the front dominates every other or equals it", () => {
  const coarse = fc.integer({ min: 0, max: 6 });
  fc.assert(
    fc.property(fc.array(fc.tuple(coarse, coarse), { maxLength: 40 }), (points) => {
      const front = findFront(points.map(([x]) => x), points.map(([, y]) => y));
      const dominates = (a: [number, number], b: [number, number]) => a[0] >= b[0] && a[1] >= b[1] && (a[0] > b[0] || a[1] > b[1]);
      points.forEach((point, place) => {
        expect(front.includes(place)).toBe(!points.some((other) => dominates(other, point)));
      });
    }),
  );
});

test("the shares of each step add up to one and are of the latest results", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 400 }), fc.integer({ min: 1, max: 50 }), (taken, population) => {
      const { steps, shares } = valueShares(taken, 4, population);
      expect(steps.at(-1)).toBe(taken.length);
      steps.forEach((step, at) => {
        const latest = taken.slice(Math.max(0, step - population), step);
        shares[at]!.forEach((share, value) => expect(share).toBeCloseTo(latest.filter((one) => one === value).length / latest.length, 9));
      });
    }),
  );
});

test("ticks are within their range, ascend, and are whole where things are counted", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.double({ noNaN: true, min: 1e-6, max: 1e9 }), fc.boolean(), (low, extent, whole) => {
      const found = ticks(low, low + extent, whole);
      expect(found.length).toBeLessThan(20);
      found.forEach((tick, place) => {
        expect(tick).toBeGreaterThanOrEqual(low - 1e-6 * extent - 1e-9);
        expect(tick).toBeLessThanOrEqual(low + extent + 1e-6 * extent + 1e-9);
        if (place > 0) expect(tick).toBeGreaterThan(found[place - 1]!);
        if (whole) expect(Number.isInteger(tick)).toBe(true);
      });
    }),
  );
  expect(numberTicks(1, 2, true).map((tick) => tick.text)).toEqual(["1", "2"]);
});

test("labels tell ticks apart however small, large or close they are", () => {
  for (const [low, high] of [[1e-299, 5e-299], [-1.7e308, 1.7e308], [1e6, 1e6 + 2], [1e16, 1e16 + 4], [-1e-12, 1e-12]] as const) {
    const labels = numberTicks(low, high).map((tick) => tick.text);
    expect(labels.length).toBeGreaterThan(1);
    expect(new Set(labels).size).toBe(labels.length);
  }
  expect(numberTicks(1e-299, 3e-299).map((tick) => tick.text)).toEqual(["1e-299", "1.5e-299", "2e-299", "2.5e-299", "3e-299"]);
  expect(ticks(0, 5e-324)).toEqual([0]);
});

test("the largest numbers have a place, and a mean", () => {
  expect(around([-1.7e308, 1.7e308]).every(Number.isFinite)).toBe(true);
  expect(partOf(0, ...around([-1.7e308, 1.7e308]))).toBe(0.5);
  expect([...movingAverage([1.7e308, 1.7e308, -1.7e308], 2)]).toEqual([1.7e308, 1.7e308, 0]);
});

test("an axis has an extent whatever it is of", () => {
  fc.assert(
    fc.property(fc.array(fc.double(), { maxLength: 30 }), (values) => {
      const [low, high] = around(values);
      if (Number.isFinite(low) && Number.isFinite(high)) expect(low).toBeLessThan(high);
      for (const value of values) if (Number.isFinite(value)) expect(value >= low && value <= high).toBe(true);
    }),
  );
  expect(between(5, 5)).toEqual([4.5, 5.5]);
  expect(between(NaN, NaN)).toEqual([0, 1]);
  expect(momentTicks(1_790_000_000, 1_790_003_600).length).toBeGreaterThan(2);
});

test("what is left out of a line is not seen: each column of pixels keeps its ends and its extremes", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.double({ noNaN: true, min: 0, max: 20 }), number), { maxLength: 80 }), (points) => {
      const sorted = [...points].sort((a, b) => a[0] - b[0]);
      const [xs, ys] = [sorted.map(([x]) => x), sorted.map(([, y]) => y)];
      const kept = visible(xs, ys);
      expect([...kept]).toEqual([...new Set(kept)].sort((a, b) => a - b));
      const columns = new Map<number, number[]>();
      xs.forEach((x, place) => columns.set(Math.floor(x), [...(columns.get(Math.floor(x)) ?? []), place]));
      for (const places of columns.values()) {
        const values = places.map((place) => ys[place]!);
        const shown = places.filter((place) => kept.includes(place)).map((place) => ys[place]!);
        expect(shown.length).toBeLessThanOrEqual(4);
        expect([Math.min(...shown), Math.max(...shown)]).toEqual([Math.min(...values), Math.max(...values)]);
        expect([kept.includes(places[0]!), kept.includes(places.at(-1)!)]).toEqual([true, true]);
      }
    }),
  );
});

test("lines that coincide look as if each were drawn over those before it", () => {
  const line = fc.record({ from: fc.integer({ min: 0, max: 3 }), to: fc.integer({ min: 0, max: 3 }), merit: fc.double({ noNaN: true, min: 0, max: 1 }) });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), fc.double({ noNaN: true, min: 0.05, max: 0.9 }), (lines, opacity) => {
      const found = new Joiner(10).join([...lines.keys()], lines.map((one) => one.from), lines.map((one) => one.to), lines.map((one) => one.merit), opacity);
      const seen = new Map<string, { alpha: number; premultiplied: number }>();
      for (const { from, to, merit } of lines) {
        const below = seen.get(`${from} ${to}`) ?? { alpha: 0, premultiplied: 0 };
        seen.set(`${from} ${to}`, {
          alpha: opacity + below.alpha * (1 - opacity),
          premultiplied: merit * opacity + below.premultiplied * (1 - opacity),
        });
      }
      expect(found).toHaveLength(seen.size);
      for (const segment of found) {
        const expected = seen.get(`${segment.from} ${segment.to}`)!;
        expect(segment.opacity).toBeCloseTo(expected.alpha, 4);
        expect(segment.merit).toBeCloseTo(expected.premultiplied / expected.alpha, 4);
      }
    }),
  );
  const joiner = new Joiner(10);
  expect(joiner.join([0], [2], [-1], [1], 0.5)).toEqual([]);
  expect(joiner.join([0], [2], [3], [1], 0.5)).toEqual(joiner.join([0], [2], [3], [1], 0.5));
  expect(opacityOf(10)).toBeGreaterThan(opacityOf(10_000));
});

test("equal values have equal merits, better ones greater, and none has none", () => {
  expect([...merits([3, 1, NaN, 1, 2], false)]).toEqual([1, 0, NaN, 0, Math.fround(2 / 3)]);
  expect([...merits([3, 1], true)]).toEqual([0, 1]);
  expect([...merits([5, 5], true)]).toEqual([0, 0]);
});

test("a point of a category stays at its place", () => {
  fc.assert(
    fc.property(fc.nat(20_000), (trial) => {
      expect(jitter(trial, 0)).toBe(jitter(trial, 0));
      expect(Math.abs(jitter(trial, 0))).toBeLessThanOrEqual(0.5);
    }),
  );
  const many = Array.from({ length: 2000 }, (_, trial) => jitter(trial, 0));
  expect(Math.abs(many.reduce((sum, one) => sum + one, 0) / many.length)).toBeLessThan(0.03);
});

test("the middle of numbers", () => {
  expect(median([])).toBeNaN();
  expect(median([3, NaN, 1])).toBe(2);
  expect(median([5, 1, 9])).toBe(5);
});

const VALUES: Line = { bounds: [0, 2], values: ["a", true, null], extremes: [0, 0] };
const NUMBERS: Line = { bounds: [0.5, 1], values: null, extremes: [-4, 0.99] };

test("a brush holds the values it covers, or the nearest", () => {
  expect(brushed(VALUES, 1.2, 0.4)).toEqual({ values: [true] });
  expect(brushed(VALUES, 0.5, 9)).toEqual({ values: [true, null] });
  expect(brushed(VALUES, 1.2, 1.4)).toEqual({ values: [true] });
});

test("a brush to the end of an axis holds what is drawn at that end", () => {
  expect(brushed(NUMBERS, 0.7, 0.5)).toEqual({ from: -4, to: 0.7 });
  expect(brushed(NUMBERS, 0.6, 0.7)).toEqual({ from: 0.6, to: 0.7 });
});

test("a step that is chosen twice is not chosen", () => {
  fc.assert(
    fc.property(fc.constantFrom(VALUES, NUMBERS), fc.nat(2), (line, step) => {
      const once = toggled(line, undefined, step);
      expect(once).not.toBeNull();
      expect(toggled(line, once!, step)).toBeNull();
      expect(stepsOf(line).length).toBeGreaterThan(step);
    }),
  );
  expect(toggled(VALUES, { values: ["a"] }, 2)).toEqual({ values: ["a", null] });
});

test("the most important decisions are chosen, in the order of the space", () => {
  const space = ["a", "b", "c", "d"].map((name) => ({ name, values: [1, 2], ordered: true, when: null }));
  const importance = { explained: 1, shares: [{ decision: "d", share: 0.7 }, { decision: "b", share: 0.3 }] };
  expect(chosenDecisions(space, importance, 2).map(({ name }) => name)).toEqual(["b", "d"]);
  expect(chosenDecisions(space, null, 3).map(({ name }) => name)).toEqual(["a", "b", "c"]);
});

test("colours between two are those of the style's color-mix", () => {
  expect(mixed("#c9d3e6", "#c2410c", 0)).toBe("#c9d3e6");
  expect(mixed("#c9d3e6", "#c2410c", 1)).toBe("#c2410c");
  // What a browser says of color-mix(in oklab, #ffffff 50%, #000000).
  expect(mixed("#000000", "#ffffff", 0.5)).toBe("#636363");
});

test("of a lineage of thousands, those nearest to the trial are drawn, with room for descendants", () => {
  const lineage = Array.from({ length: 5000 }, (_, index) => ({ index, origin: "mutation", value: null, changes: [] }));
  const children = Array.from({ length: 200 }, (_, child) => 5000 + child);
  const { root, hidden } = familyOf({ index: 4999, lineage, children } as unknown as TrialDetails, emptyTable);
  const drawn: number[] = [];
  for (const due = [root]; due.length > 0; ) {
    const member = due.pop()!;
    drawn.push(member.trial);
    due.push(...member.children);
  }
  expect(drawn.length).toBe(MAX_MEMBERS);
  expect(drawn).toContain(4998);
  expect(drawn.some((trial) => trial >= 5000)).toBe(true);
  expect(drawn.length + hidden).toBe(5200);
});
