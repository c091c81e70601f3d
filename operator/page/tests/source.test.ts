/** What the page's source must not contain: text of searches is only ever text. */
import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const FORBIDDEN = /dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\(|new Function\b|javascript:/;
const files = globSync("src/**/*.{ts,tsx}");

test("there are sources to look at", () => expect(files.length).toBeGreaterThan(20));

test.each(files)("%s makes no markup and no program of text", (file) => {
  expect(readFileSync(file, "utf8")).not.toMatch(FORBIDDEN);
});

test("the page asks nobody else for anything", () => {
  for (const file of [...files, ...globSync("src/**/*.css"), "index.html"])
    expect(readFileSync(file, "utf8").replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:\/\/[a-z]/i);
});
