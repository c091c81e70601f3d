import { expect, test } from "vitest";
import { emptyTable } from "../src/data/table";

test("a table without trials has no rows", () => {
  expect(emptyTable.length).toBe(0);
});
