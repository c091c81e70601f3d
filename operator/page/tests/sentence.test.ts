import fc from "fast-check";
import { expect, test } from "vitest";
import { pieces, unquoted } from "../src/data/sentence";

test("what is between backticks is code", () => {
  expect(pieces("resumed by `evonas run` here")).toEqual([
    { text: "resumed by ", code: false },
    { text: "evonas run", code: true },
    { text: " here", code: false },
  ]);
  expect(pieces("`a``b`").map((piece) => piece.code)).toEqual([true, true]);
  expect(unquoted("use `evonas pin`")).toBe("use evonas pin");
});

test.each(["it's `open", "`", "``", "` \n `", "<b>`</b>"])("%j has no code", (text) => {
  expect(pieces(text)).toEqual([{ text, code: false }]);
});

test("no character is lost but the backticks of code", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("`", "\n", "a", "<", "𝒳")).map((each) => each.join("")), (text) => {
      const written = pieces(text).map((piece) => (piece.code ? `\`${piece.text}\`` : piece.text));
      expect(written.join("")).toBe(text);
    }),
  );
});
