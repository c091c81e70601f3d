import { expect, test } from "vitest";
import type { Details } from "../src/api/types";
import { columnsOf } from "../src/data/columns";
import { csv } from "../src/data/csv";
import { emptyTable, merge } from "../src/data/table";
import { summary, trialsAnswer } from "./answers";

test("a table for other programs has all digits, quotes what it must, and no formula of somebody else", () => {
  const trial = { state: "Succeeded" as const, metrics: {} };
  const table = merge(
    emptyTable,
    trialsAnswer(
      [
        { ...trial, index: 0, value: 0.123456789012, says: 'say "no", or\nmore', decisions: { op: "=cmd()" } },
        { ...trial, index: 1, value: null, says: "", decisions: {} },
      ],
      1,
      true,
    ),
  );
  const details = { summary: summary(), space: [{ name: "op", values: ["=cmd()"], ordered: false, when: null }], rungs: [] };
  const columns = columnsOf(details as unknown as Details, []).filter((column) => ["value", "decision:op", "says"].includes(column.key));
  expect(csv(table, [1, 0], columns)).toBe(
    'trial,accuracy,op,says\r\n1,,,\r\n0,0.123456789012,\'=cmd(),"say ""no"", or\nmore"\r\n',
  );
});
