/** All charts on one page, with ``?trials=400&decisions=11&theme=dark``: for looking at them and measuring them. */
import { signal } from "@preact/signals";
import { render } from "preact";
import { Bands, chosenDecisions, Cost, Course, DecisionScatter, Importance, LearningCurves, LineageTree, Parallel, Pareto, PolicyOverTime, PopulationShares, Sparkline, TrialCurve } from "../src/charts";
import { movingAverage } from "../src/charts/pure/curves";
import type { Axis } from "../src/data/axes";
import { newSelection } from "../src/data/selection";
import { emptyTable, merge, type TrialTable } from "../src/data/table";
import { choose, showTheme } from "../src/theme";
import "../src/style/base.css";
import "./gallery.css";
import { sample } from "./data";

const asked = new URLSearchParams(location.search);
const data = sample(Number(asked.get("trials") ?? 400), Number(asked.get("decisions") ?? 11));
const trials = signal<TrialTable>(merge(emptyTable, data.trials));
const selection = newSelection(trials);
const chosen = signal<string>(data.details.space[0]!.name);
const open = (trial: number): void => {
  document.title = `trial ${trial}`;
};

// For measuring: what a script changes here, all charts show.
Object.assign(globalThis, {
  gallery: {
    selection,
    trials,
    append(): void {
      const { trials: now } = sample(trials.value.length + 1, data.details.space.length);
      trials.value = merge(trials.value, { ...now, revision: trials.value.revision + 1 });
    },
  },
});

function Gallery() {
  const { details } = data;
  const axes: Axis[] = [...chosenDecisions(details.space, data.importance).map(({ name }) => `decision:${name}` as const), "value"];
  const shared = { details, trials, selection, open };
  const noise = Array.from({ length: 60 }, (_, place) => 0.9 - 0.5 / (1 + place / 6) + 0.02 * Math.sin(place * 7));
  const averages = [...movingAverage(noise, 10)];
  const groups = trials.value.length === 0 ? [] : [
    { label: "EvoNAS (5 runs)", searches: ["a", "b"], averages, averageDeviations: averages.map((_, place) => 0.02 + place / 4000), bests: averages.map((one) => one + 0.03), bestDeviations: averages.map(() => 0.01), hypervolumes: [], hypervolumeDeviations: [], reached: [] },
    { label: "Random", searches: ["c"], averages: averages.slice(0, 44).map((one) => one * 0.9), averageDeviations: [], bests: averages.map((one) => one * 0.95), bestDeviations: [], hypervolumes: [], hypervolumeDeviations: [], reached: [] },
  ];
  const comparison = { metric: "accuracy", minimize: false, objectives: details.summary.objectives, reference: null, window: 50, groups };
  return (
    <>
      <section class="wide"><h2>Parallel coordinates</h2><Parallel {...shared} axes={axes} /></section>
      <section><h2>Course</h2><Course {...shared} over="results" /></section>
      <section><h2>Over time</h2><Course {...shared} over="time" /></section>
      <section><h2>A decision</h2><DecisionScatter {...shared} x={`decision:${chosen.value}`} y="value" /></section>
      <section><h2>What matters</h2><Importance importance={data.importance} chosen={chosen.value} choose={(name) => (chosen.value = name)} /></section>
      <section><h2>Population</h2><PopulationShares {...shared} decision={chosen.value} /></section>
      <section><h2>Policy</h2><PolicyOverTime details={details} policy={data.policy} decision={chosen.value} /></section>
      <section><h2>Two metrics</h2><Pareto {...shared} x="metric:latency_ms" y="value" lessX lessY={false} /></section>
      <section><h2>Learning curves</h2><LearningCurves {...shared} curves={data.curves} metric="accuracy" running={false} /></section>
      <section><h2>Cost</h2><Cost improvements={data.improvements} minimize={false} gpus open={open} /></section>
      <section><h2>Seeds</h2><Bands comparison={comparison} show="averages" /></section>
      <section><h2>Two numbers</h2><DecisionScatter {...shared} x="metric:latency_ms" y="seconds" /></section>
      <section><h2>One trial</h2><TrialCurve steps={data.curves.curves[0]?.steps ?? []} metrics={{ accuracy: data.curves.curves[0]?.metrics["accuracy"] ?? [], loss: (data.curves.curves[0]?.metrics["accuracy"] ?? []).map((one) => 3 - 2 * (one ?? 0)) }} rungs={[1, 4, 16]} /></section>
      <section class="wide"><h2>Lineage</h2>{data.trial === null ? <p>none</p> : <LineageTree {...shared} trial={data.trial} />}</section>
      <section><h2>Trend</h2><p>Best <Sparkline values={details.summary.trend} label="trend" /> and flat <Sparkline values={[1, 1, 1]} label="flat" /> and one <Sparkline values={[1]} label="one" /></p></section>
    </>
  );
}

if (asked.get("theme") !== null) choose(asked.get("theme") === "dark" ? "dark" : "light");
showTheme(document.documentElement);
render(<Gallery />, document.getElementById("page")!);
