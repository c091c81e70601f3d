import { expect, test } from "vitest";
import { sensible } from "../src/data/permissions";

const may = { action: "unpin", allowed: true, reason: "" } as const;

test("unpinning is offered if a trial is pinned", () => {
  expect(sensible(may, { pinned: [3] })).toBe(may);
  expect(sensible(may, { pinned: [] })).toEqual({ action: "unpin", allowed: false, reason: "no trial is pinned" });
});

test("another reason is not replaced, nor another action refused", () => {
  const forbidden = { action: "unpin", allowed: false, reason: "this page only shows" } as const;
  expect(sensible(forbidden, { pinned: [] })).toBe(forbidden);
  expect(sensible({ ...may, action: "pin" }, { pinned: [] }).allowed).toBe(true);
});
