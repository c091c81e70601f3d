// @vitest-environment happy-dom
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { comparisonPath, readBrushes, readSelected, routeOf, searchPath, trialPath, writeBrush, writeSelected } from "../src/address";
import type { Axis } from "../src/data/axes";
import type { Brush } from "../src/data/selection";

const route = (address: string) => {
  const url = new URL(address, "http://here");
  return routeOf(url.pathname, url.searchParams);
};

test("every name of a search survives its address", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), fc.nat(), (id, trial) => {
      fc.pre(id !== "." && id !== ".."); // Names of folders are not ids of searches.
      expect(route(searchPath(id))).toEqual({ view: "search", id });
      expect(route(trialPath(id, trial))).toEqual({ view: "trial", id, trial });
      expect(route(comparisonPath([id, "b"]))).toEqual({ view: "comparison", ids: [id, "b"] });
    }),
  );
});

test.each(["/nowhere", "/searches", "/searches/a/b", "/searches/a/trials/x", "/searches/a/trials/1/2", "/compare/a", "/searches/%E0%A4%A"])(
  "%s leads nowhere",
  (address) => {
    expect(route(address)).toEqual({ view: "unknown" });
  },
);

test("a selection survives its address", () => {
  expect(writeSelected(new Set([7, 1, 2, 3, 0]))).toBe("0-3,7");
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 500 })), (trials) => {
      expect([...readSelected(writeSelected(new Set(trials)))].sort()).toEqual([...trials].sort());
    }),
  );
});

test("nonsense in an address selects nothing, and no range is endless", () => {
  expect(readSelected("x,-1,1-,3.5")).toEqual(new Set());
  expect(readSelected("5-999999999", 10).size).toBe(6);
  expect(readBrushes(["", "{}", "[1]", '["nothing","in",1]', '["value","from","a",1]', '["value","in",{}]'])).toEqual(new Map());
});

test("brushes survive their address, with their types and open ends", () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
  const end = fc.double({ noNaN: true }).map((number) => (Object.is(number, -0) ? 0 : number));
  const brush: fc.Arbitrary<Brush> = fc.oneof(
    fc.record({ values: fc.array(value) }),
    fc.record({ from: end.filter((each) => each !== Infinity), to: end.filter((each) => each !== -Infinity) }),
  );
  fc.assert(
    fc.property(fc.string(), brush, (name, each) => {
      const axis: Axis = `decision:${name}`;
      expect(readBrushes([writeBrush(axis, each)])).toEqual(new Map([[axis, each]]));
    }),
  );
});
