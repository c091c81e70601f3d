// @vitest-environment happy-dom
// Charts as components: what they say, what keys do, and that whatever is said stays text. Nothing is drawn here.
import { signal } from "@preact/signals";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test, vi } from "vitest";
import { sample, type Sample } from "../../gallery/data";
import { Bands, Cost, Course, DecisionScatter, Hypervolume, Importance, LearningCurves, LineageTree, Parallel, Pareto, PolicyOverTime, PopulationShares, Sparkline, TrialCurve } from "../../src/charts";
import { emphasisOf } from "../../src/charts/emphasis";
import { newSelection } from "../../src/data/selection";
import { emptyTable, merge, withRanks } from "../../src/data/table";

function shown(data: Sample) {
  const trials = signal(merge(emptyTable, data.trials));
  const selection = newSelection(trials);
  const open = vi.fn();
  return { details: data.details, trials, selection, open };
}

let root: HTMLElement | null = null;

function mount(content: preact.ComponentChild): HTMLElement {
  root ??= document.body.appendChild(document.createElement("div"));
  act(() => render(content, root!));
  return root;
}

afterEach(() => {
  if (root !== null) act(() => render(null, root!));
  root?.remove();
  root = null;
});

const press = (element: Element, ...keys: string[]): void => {
  for (const key of keys) act(() => void element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })));
};
const chart = (): HTMLElement => root!.querySelector<HTMLElement>(".figure")!;
const spoken = (): string => root!.querySelector("[aria-live]")!.textContent!;

function all(data: Sample) {
  const shared = shown(data);
  const decision = data.details.space[0]!.name;
  const groups = [{ label: "one", searches: ["a"], averages: [1, 2], averageDeviations: [], bests: [1, 2], bestDeviations: [], hypervolumes: [1, 2], hypervolumeDeviations: [], reached: [] }];
  return (
    <>
      <Parallel {...shared} axes={[...data.details.space.map(({ name }) => `decision:${name}` as const), "value"]} />
      <Course {...shared} over="results" />
      <Course {...shared} over="time" />
      <DecisionScatter {...shared} x={`decision:${decision}`} y="value" />
      <Importance importance={data.importance} chosen={null} choose={() => {}} />
      <PopulationShares {...shared} decision={decision} />
      <PolicyOverTime details={data.details} policy={data.policy} decision={decision} />
      <Pareto {...shared} x="metric:latency_ms" y="value" lessX lessY={false} />
      <LearningCurves {...shared} curves={data.curves} metric="accuracy" running={false} />
      <Cost improvements={data.improvements} minimize={false} gpus open={shared.open} />
      <Bands comparison={{ metric: "accuracy", minimize: false, objectives: [], reference: null, window: 50, groups }} show="averages" />
      <Bands comparison={{ metric: "accuracy", minimize: false, objectives: [], reference: null, window: 50, groups }} show="hypervolumes" />
      <TrialCurve steps={[1, 2, 3]} metrics={{ accuracy: [0.1, null, 0.3] }} rungs={[1]} />
      {data.trial !== null && <LineageTree {...shared} trial={data.trial} />}
      <Sparkline values={data.details.summary.trend} label="trend" />
    </>
  );
}

test.each([0, 1, 2, 5, 60, 400])("all charts are there with %i trials, each with a name and its numbers as a table", (count) => {
  const page = mount(all(sample(count)));
  const figures = [...page.querySelectorAll(".figure")];
  expect(figures.length).toBeGreaterThan(count < 2 ? 1 : 8);
  for (const figure of figures) expect(figure.getAttribute("aria-label")!.length).toBeGreaterThan(20);
  const buttons = [...page.querySelectorAll<HTMLButtonElement>(".as-table > button")];
  expect(buttons.length).toBeGreaterThanOrEqual(figures.length);
  for (const button of buttons) {
    act(() => button.click());
    expect(button.parentElement!.querySelector("table")).not.toBeNull();
  }
});

test("forty decisions, and a search whose results are all equal, are shown", () => {
  const data = sample(30, 40);
  const equal = { ...data.trials, columns: { ...data.trials.columns, reward: data.trials.columns.reward.map((one) => one && 0.5), value: data.trials.columns.value.map((one) => one && 0.5) } };
  mount(all({ ...data, trials: equal }));
  expect(root!.querySelectorAll(".figure").length).toBeGreaterThan(8);
});

test("hostile names and values stay text", () => {
  const data = sample(40);
  const name = `<img src=x onerror="alert(1)">\u202e${"long".repeat(2500)}`;
  const space = [{ name, values: ["<script>alert(1)</script>", "b"], ordered: false, when: null }, ...data.details.space.slice(1)];
  const { decisions } = data.trials.columns;
  const column = decisions[data.details.space[0]!.name]!.map((_, place) => space[0]!.values[place % 2]!);
  const columns = { ...data.trials.columns, decisions: { ...decisions, [name]: column } };
  const details = { ...data.details, space, summary: { ...data.details.summary, metric: "<b>metric</b>" } } as unknown as Sample["details"];
  const importance = { explained: 0.5, shares: [{ decision: name, share: 1 }] };
  const page = mount(all({ ...data, details, importance, trials: { ...data.trials, columns } as Sample["trials"] }));
  expect(page.querySelectorAll("img, script, b")).toHaveLength(0);
  expect(page.textContent).toContain("<script>alert(1)</script>");
  const figure = page.querySelectorAll<HTMLElement>(".figure")[1]!;
  press(figure, "ArrowRight");
  expect(figure.textContent).toContain("<b>metric</b>");
  expect(page.querySelectorAll("img, script, b")).toHaveLength(0);
});

test("keys walk from point to point, open a trial, select it, and let go", () => {
  const shared = shown(sample(60));
  mount(<Course {...shared} over="results" />);
  press(chart(), "Home");
  const first = shared.selection.hovered.value;
  expect(first).not.toBeNull();
  expect(spoken()).toContain(`trial ${first}`);
  press(chart(), "ArrowRight");
  expect(shared.selection.hovered.value).not.toBe(first);
  press(chart(), "ArrowLeft", "Enter");
  expect(shared.open).toHaveBeenCalledWith(first);
  press(chart(), " ");
  expect([...shared.selection.selected.value]).toEqual([first]);
  press(chart(), "End", " ");
  expect(shared.selection.selected.value.size).toBe(2);
  press(chart(), "Escape");
  expect(shared.selection.selected.value.size).toBe(0);
  expect(shared.selection.hovered.value).toBeNull();
});

test("keys brush the axes of parallel coordinates, and take all brushes away", () => {
  const data = sample(60);
  const shared = shown(data);
  const axes = data.details.space.slice(0, 3).map(({ name }) => `decision:${name}` as const);
  mount(<Parallel {...shared} axes={[...axes, "value"]} />);
  press(chart(), "ArrowRight", "ArrowRight", "ArrowUp", " ");
  const brush = shared.selection.brushes.value.get(axes[1]!);
  expect(brush).toEqual({ values: [data.details.space[1]!.values[1]] });
  expect(spoken()).toContain("brushed");
  press(chart(), "End", " ");
  expect(shared.selection.brushes.value.size).toBe(2);
  press(chart(), "Escape");
  expect(shared.selection.brushes.value.size).toBe(0);
});

test("a value in the legend of the population is a brush", () => {
  const data = sample(60);
  const shared = shown(data);
  const { name, values } = data.details.space[1]!;
  mount(<PopulationShares {...shared} decision={name} />);
  const button = root!.querySelectorAll<HTMLButtonElement>(".legend button")[2]!;
  act(() => button.click());
  expect(shared.selection.brushes.value.get(`decision:${name}`)).toEqual({ values: [values[2]] });
  expect(root!.querySelectorAll(".legend button")[2]!.getAttribute("aria-pressed")).toBe("true");
  act(() => button.click());
  expect(shared.selection.brushes.value.size).toBe(0);
});

test("what stands out passes the filters and, if some are selected, is among them", () => {
  const { selection } = shown(sample(60));
  const emphasis = emphasisOf(selection);
  const standing = () => [...(emphasis.value ?? [])].flatMap((one, row) => (one === 1 ? [row] : []));
  expect(emphasis.value).toBeNull();
  selection.selected.value = new Set([3, 7, 11]);
  expect(standing()).toEqual([3, 7, 11]);
  selection.brushes.value = new Map([["index", { from: 5, to: 8 }]]);
  expect(standing()).toEqual([7]);
  selection.selected.value = new Set();
  expect(standing()).toEqual([5, 6, 7, 8]);
});

test("a lineage is a tree that keys walk along", () => {
  const data = sample(400);
  const shared = shown(data);
  mount(<LineageTree {...shared} trial={data.trial!} />);
  const itself = root!.querySelector<SVGGElement>(`[data-trial="${data.trial!.index}"]`)!;
  expect(itself.getAttribute("tabindex")).toBe("0");
  press(itself, "Enter");
  expect(shared.open).toHaveBeenCalledWith(data.trial!.index);
  press(itself, "ArrowLeft");
  const parent = data.trial!.lineage.at(-2)!.index;
  expect(root!.querySelector('[tabindex="0"][role="treeitem"]')!.getAttribute("data-trial")).toBe(String(parent));
});

const OBJECTIVES = [
  { metric: "accuracy", minimize: false, target: null, reference: 0.5 },
  { metric: "latency_ms", minimize: true, target: 2, reference: null },
  { metric: "energy", minimize: true, target: null, reference: null },
];

/** A search with several objectives: the values of each trial, and ranks as the server finds them. */
function several(values: readonly (readonly number[])[], rank: readonly (number | null)[], count = 2) {
  const data = sample(values.length);
  const objectives = OBJECTIVES.slice(0, count);
  const all = <T,>(value: T): T[] => values.map(() => value);
  const columns = {
    ...data.trials.columns,
    state: all("Succeeded" as const),
    reward: values.map((each) => each[0]!),
    value: values.map((each) => each[0]!),
    sequence: values.map((_, place) => place + 1),
    objectives: Object.fromEntries(objectives.map(({ metric }, place) => [metric, values.map((each) => each[place]!)])),
  };
  const ranks = { revision: 1, index: values.map((_, place) => place), rank, results: [1, 3], hypervolumes: [2, 5.5] };
  const trials = signal(withRanks(merge(emptyTable, { ...data.trials, columns }), ranks));
  const front = { size: 2, hypervolume: 5.5, reference: [0.5, 9, 9].slice(0, count), members: [] };
  const confirmed = [{ index: 0, runs: 2, wins: 0, mean: 0.8, deviation: 0.1, means: [0.8, 4, 1], deviations: [0.1, null, null] }];
  const details = { ...data.details, front, confirmed, summary: { ...data.details.summary, objectives } } as unknown as Sample["details"];
  return { shared: { details, trials, selection: newSelection(trials), open: vi.fn() }, ranks };
}

const POINTS = [[0.9, 5, 1], [0.7, 6, 2], [0.8, 3, 3], [0.6, 7, 0.5], [0.4, 1, 1]] as const;

test("the front of a search is that of its ranks: what is dominated says by how far, what is worthless says so", () => {
  const { shared } = several(POINTS, [0, 1, 0, 2, null]);
  mount(<Pareto {...shared} x="objective:latency_ms" y="objective:accuracy" lessX lessY={false} />);
  expect(chart().getAttribute("aria-label")).toContain("2 trials are on the front, 3 dominated, 0 infeasible");
  press(chart(), "Home");
  expect(spoken()).toContain("worse than a reference");
  press(chart(), "ArrowRight");
  expect(spoken()).toBe("trial 2, accuracy 0.8, latency_ms 3, on the front");
  press(chart(), "End");
  expect(spoken()).toContain("dominated, rank 2");
  press(chart(), "Enter");
  expect(shared.open).toHaveBeenCalledWith(3);
  act(() => root!.querySelector<HTMLButtonElement>(".as-table > button")!.click());
  expect([...root!.querySelectorAll("tbody tr")].map((row) => row.firstElementChild!.textContent)).toEqual(["0", "2"]);
});

test("of three objectives two are drawn, and the table has all", () => {
  const { shared } = several(POINTS, [0, 1, 0, 0, null], 3);
  mount(<Pareto {...shared} x="objective:energy" y="objective:accuracy" lessX lessY={false} />);
  expect(chart().getAttribute("aria-label")).toContain("3 trials are on the front");
  act(() => root!.querySelector<HTMLButtonElement>(".as-table > button")!.click());
  expect([...root!.querySelectorAll("th")].map((cell) => cell.textContent)).toEqual(["trial", "accuracy", "energy", "latency_ms", "decisions"]);
});

test("a hypervolume names the trials that made it grow", () => {
  const { shared, ranks } = several(POINTS, [0, 1, 0, 2, null]);
  mount(<Hypervolume {...shared} ranks={ranks} over="results" />);
  expect(chart().getAttribute("aria-label")).toContain("5 results, of which 2 added to the front when they were recorded; the hypervolume came to 5.5");
  press(chart(), "End");
  expect(spoken()).toContain("trial 2");
  expect(spoken()).toContain("hypervolume 5.5, 3.5 more");
  mount(<Hypervolume {...shared} ranks={{ ...ranks, index: [], rank: [], results: [9], hypervolumes: [1] }} over="time" />);
  expect(chart().getAttribute("aria-label")).toContain("of which 0 added");
});
