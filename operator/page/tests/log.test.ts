import { expect, test } from "vitest";
import { withoutLog } from "../src/data/log";

test("a log is asked for only where there may be one", () => {
  expect(withoutLog("run", { source: null, started: 5 })).toBeNull();
  expect(withoutLog("cluster", { source: null, started: null })).toMatch("has not started");
  expect(withoutLog("export", { source: null, started: 5 })).toMatch("export");
  expect(withoutLog("run", { source: "trial 3 of digits", started: 5 })).toMatch("trial 3 of digits");
});
