// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { filterSearches, groupsOf, namesakes, readListSorting, sortSearches, stateOf } from "../src/data/list";
import { mergeSearches } from "../src/data/searches";
import { searchesAnswer, summary } from "./answers";

const a = summary({ id: "run:a", name: "a", created: 100, labels: { owner: "mara" } });
const b = summary({ id: "run:b", name: "b", created: 200, best: null, phase: "Complete" });
const c = summary({ id: "cluster:default:c", name: "c", created: 300, origin: "cluster", namespace: "default", best: { index: 0, value: 2 } });

test("a change replaces one search, and what is gone is taken away", () => {
  const known = mergeSearches(null, searchesAnswer([a, b], 5, true));
  const better = { ...a, best: { index: 3, value: 0.95 } };
  const next = mergeSearches(known, searchesAnswer([better], 6, false, ["run:b"]));
  expect([...next.byId]).toEqual([["run:a", better]]);
  expect(mergeSearches(next, searchesAnswer([b], 4, false))).toBe(next);
  expect([...mergeSearches(next, searchesAnswer([c], 1, true)).byId.keys()]).toEqual(["cluster:default:c"]);
});

test("searches without a best value come last in either direction", () => {
  const names = (text: string) => sortSearches([b, a, c], readListSorting(text)).map((search) => search.name);
  expect(names("best")).toEqual(["a", "c", "b"]);
  expect(names("-best")).toEqual(["c", "a", "b"]);
  expect(names("age")).toEqual(["c", "b", "a"]);
  expect(names("no such column")).toEqual(["c", "b", "a"]);
});

test("the filter finds labels, and all words have to be found", () => {
  expect(filterSearches([a, b, c], "OWNER=mara evonas", new Set())).toEqual([a]);
  expect(filterSearches([a, b, c], "mara nobody", new Set())).toEqual([]);
  expect(filterSearches([a, b, c], "", new Set(["Complete"] as const))).toEqual([b]);
});

test("what cannot be read is a state of its own, and never said to be pending", () => {
  const torn = summary({ id: "run:torn", name: "torn", phase: null, problem: "line 3 is damaged", says: "line 3 is damaged" });
  expect(stateOf(torn)).toBe("Unreadable");
  expect(filterSearches([a, b, torn], "", new Set(["Unreadable"] as const))).toEqual([torn]);
  expect(filterSearches([a, b, torn], "", new Set(["Pending"] as const))).toEqual([]);
});

test("searches are grouped by where they are recorded", () => {
  expect(groupsOf([a, c, b]).map((group) => [group.label, group.searches.length])).toEqual([
    ["In the cluster, namespace default", 1],
    ["Runs on this machine", 2],
  ]);
});

test("searches of the same name are told apart by their place, which the filter finds, too", () => {
  const again = summary({ id: "run2:a", name: "a", created: 400, reference: "again/a" });
  const elsewhere = summary({ id: "cluster:default:a", name: "a", created: 500, origin: "cluster", namespace: "default" });
  expect([...namesakes([a, b, again, elsewhere])]).toEqual(["run:a", "run2:a"]);
  expect(filterSearches([a, b, again], "again/", new Set())).toEqual([again]);
});
