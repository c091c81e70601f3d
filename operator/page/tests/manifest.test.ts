import { expect, test } from "vitest";
import { nameProblem, renamed, yamlName } from "../src/data/manifest";

test("the name in the metadata is changed, and no other", () => {
  const manifest = "kind: ArchitectureSearch\nmetadata:\n  labels:\n    name: kept\n  name: old\nspec:\n  searchSpace:\n  - name: blocks\n";
  expect(renamed(manifest, "new")).toBe(manifest.replace("name: old", "name: new"));
});

test("a name in flow style is changed", () => {
  expect(renamed("metadata: {labels: none, name: old}\nspec: {}\n", "new")).toBe("metadata: {labels: none, name: new}\nspec: {}\n");
  expect(renamed("metadata: {name: old}  # mine\n", "new")).toBe("metadata: {name: new}  # mine\n");
});

test("a manifest without a name to be found stays as it is", () => {
  expect(renamed("spec: {}\n", "new")).toBe("spec: {}\n");
  expect(renamed("metadata:\n  labels: {}\nspec:\n  name: x\n", "new")).toBe("metadata:\n  labels: {}\nspec:\n  name: x\n");
});

test.each([
  ["digits", "digits"],
  ["123", '"123"'],
  ["true", '"true"'],
  ["a: b", '"a: b"'],
  ["", '""'],
])("the name %s is %s in YAML", (name, written) => {
  expect(yamlName(name)).toBe(written);
});

test("names that Kubernetes would refuse are refused with the reason", () => {
  expect(nameProblem("digits-2")).toBeNull();
  for (const name of ["", "Digits", "-a", "a-", "a b", "x".repeat(64)]) expect(nameProblem(name)).not.toBeNull();
});
