import { expect, test } from "vitest";
import { ahead, heardTheTime } from "../src/api/clock";

const after = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();

test("ages are right although the browser's clock is wrong by an hour", () => {
  heardTheTime(after(3600));
  expect(Math.abs(ahead.value - 3600)).toBeLessThan(3);
  const known = ahead.value;
  heardTheTime(after(3599));
  expect(ahead.value).toBe(known);
  heardTheTime(null);
  heardTheTime("no date");
  expect(ahead.value).toBe(known);
  heardTheTime(after(-3600));
  expect(Math.abs(ahead.value + 3600)).toBeLessThan(3);
  heardTheTime(after(-4));
  expect(ahead.value).toBe(0);
});
