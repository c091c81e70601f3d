// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { render } from "preact";
import { act } from "preact/test-utils";
import { expect, test, vi } from "vitest";
import { inSight } from "../../src/charts/sight";
import { emptyTable, type TrialTable } from "../../src/data/table";

test("a chart out of sight is not made anew, and catches up once it is seen", async () => {
  let notice: (entries: readonly { isIntersecting: boolean }[]) => void = () => {};
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      constructor(callback: typeof notice) {
        notice = callback;
      }
      observe(): void {}
      disconnect(): void {}
    },
  );
  const made: [number, string][] = [];
  const Chart = inSight(({ trials, title }: { trials: typeof table; title: string }) => {
    made.push([trials.value.revision, title]);
    return <p>{title}</p>;
  });
  const at = (revision: number): TrialTable => ({ ...emptyTable, revision });
  const table = signal(at(1));
  const show = (title: string, trials = table) => act(() => render(<Chart trials={trials} title={title} />, document.body));

  await show("a");
  await act(() => void (table.value = at(2)));
  expect(made).toEqual([[1, "a"], [2, "a"]]);
  await act(() => notice([{ isIntersecting: false }]));
  await act(() => void (table.value = at(3)));
  await show("b");
  expect(made).toHaveLength(2);
  await act(() => notice([{ isIntersecting: true }]));
  expect(made.at(-1)).toEqual([3, "b"]);

  await act(() => notice([{ isIntersecting: false }]));
  await show("another", signal(at(9)));
  expect(made.at(-1)).toEqual([9, "another"]);
  expect(document.body.textContent).toBe("another");
});
