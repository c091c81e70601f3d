/** Learning curves: a line for each trial over the steps of its training, and the curves of a single trial. */
import { useMemo } from "preact/hooks";
import { shade } from "./draw/palette";
import { Figure, type Marks } from "./figure";
import type { Entry } from "./parts";
import type { CurveProps, LearningCurvesProps } from "./props";
import { floorOf, merits } from "./pure/curves";
import { counted, general } from "./pure/text";
import { around, between, numberTicks, type Tick } from "./pure/ticks";
import { rowOf } from "../data/table";
import type { Scale } from "./draw/axes";
import { linesOf } from "./trials";
import { plainScale } from "./scales";

/** Rungs of which each is at least so many times the one before are spread on a logarithmic axis. */
const LEAST_GROWTH = 1.5;
/** So many lines are drawn at most: those that run, and of the others those that got furthest. */
const MAX_CURVES = 400;

interface Line {
  readonly trial: number;
  readonly row: number;
  readonly kind: "running" | "full" | "cut" | "other";
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  readonly last: number;
}

export function LearningCurves(props: LearningCurvesProps) {
  const { details, curves, metric, running } = props;
  const { minimize } = details.summary;
  const table = props.trials.value;
  const found = useMemo(() => {
    const log = isLogarithmic(details.rungs);
    const lines: Line[] = [];
    for (const curve of curves.curves) {
      if (running && !curve.running) continue;
      const values = Object.hasOwn(curve.metrics, metric) ? curve.metrics[metric]! : [];
      const places = [...curve.steps.keys()].filter((place) => Number.isFinite(values[place] ?? NaN) && (!log || curve.steps[place]! > 0));
      if (places.length === 0) continue;
      const row = rowOf(table, curve.index);
      const state = row < 0 ? "" : table.state[row]!;
      const kind = curve.running ? "running" : state === "Succeeded" ? "full" : state === "Stopped" || state === "Paused" ? "cut" : "other";
      const ys = places.map((place) => values[place]!);
      lines.push({ trial: curve.index, row, kind, xs: places.map((place) => curve.steps[place]!), ys, last: ys.at(-1)! });
    }
    const order = ["other", "cut", "full", "running"];
    const sign = minimize ? -1 : 1;
    lines.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.xs.at(-1)! - b.xs.at(-1)! || sign * (a.last - b.last));
    const omitted = Math.max(0, lines.length - MAX_CURVES);
    lines.splice(0, omitted);
    const floors = floorsBySteps(lines, minimize);
    const shown = lines.map((line) => line.ys.map((value, place) => (minimize ? Math.min : Math.max)(value, floors.get(line.xs[place]!) ?? value)));
    const ranks = merits(lines.map((line) => (line.kind === "full" ? line.last : NaN)), minimize);
    const at = (step: number) => (log ? Math.log(step) : step);
    const across = lines.map((line) => line.xs.map(at));
    const steps = lines.flatMap((line) => line.xs);
    const marks: Marks = {
      x: Float64Array.from(across.flat()),
      y: Float64Array.from(shown.flat()),
      trial: Int32Array.from(lines.flatMap((line) => line.xs.map(() => line.trial))),
      row: Int32Array.from(lines.flatMap((line) => line.xs.map(() => line.row))),
    };
    return { lines, across, shown, ranks, omitted, marks, values: lines.flatMap((line) => line.ys), steps, x: stepScale(steps, details.rungs, details.lastStep, log) };
  }, [curves, metric, running, table, details.rungs, minimize]);

  const { lines, marks } = found;
  const kinds = new Set(lines.map((line) => line.kind));
  const legend: Entry[] = [];
  if (kinds.has("running")) legend.push({ text: `running (${lines.filter((line) => line.kind === "running").length})`, kind: "line", colour: "series-0" });
  if (kinds.has("full")) legend.push({ text: "trained to the end: the stronger the colour, the better", kind: "line", colour: "full" });
  if (kinds.has("cut")) legend.push({ text: details.pauses ? "paused at its last point" : "stopped at its last point", kind: "line", colour: "faint-colour" });
  if (kinds.has("other")) legend.push({ text: "failed, infeasible, cancelled or waiting", kind: "dash", colour: "series-3" });
  if (found.omitted > 0) legend.push({ text: `${found.omitted.toLocaleString("en")} more, which got least far, are not drawn`, kind: "mark", colour: "faint-colour" });

  return (
    <Figure
      model={[found]}
      title={`learning curves of ${metric}`}
      summary={`${counted(lines.length, "trial")}, ${lines.filter((line) => line.kind === "running").length} of them running.`}
      height={props.height ?? 320}
      empty={lines.length === 0 && (running ? "No running trial has reported any progress." : "No trial has reported any progress.")}
      x={found.x}
      y={plainScale(around(marks.y), metric)}
      marks={marks}
      link={props}
      points={(pen, places) => {
        const strong = places === null ? null : new Set(places.map((place) => marks.trial[place]!));
        lines.forEach((line, number) => {
          if (strong !== null && !strong.has(line.trial)) return;
          const { palette, g } = pen;
          const colour = line.kind === "running" ? palette.series[0]! : line.kind === "full" ? shade(palette, found.ranks[number]!) : line.kind === "cut" ? palette.faint : palette.series[3]!;
          g.globalAlpha = (strong !== null || line.kind === "full" || line.kind === "running" ? 1 : 0.6) * pen.fade;
          const width = (line.kind === "running" ? 2 : line.kind === "full" ? 1.6 : 1) + (strong === null ? 0 : 0.8);
          const xs = found.across[number]!;
          const ys = found.shown[number]!;
          pen.line(xs, ys, colour, { width, dash: line.kind === "other" ? [4, 3] : [] });
          if (line.kind !== "full" || xs.length === 1) pen.dot(pen.x(xs.at(-1)!), pen.y(ys.at(-1)!), line.kind === "running" ? 3 : 2, colour);
          g.globalAlpha = 1;
        });
      }}
      tip={(place) => [
        ...(marks.row[place]! < 0 ? [`trial ${marks.trial[place]}`] : linesOf(table, marks.row[place]!, details)),
        `${metric} ${general(found.values[place]!)} at step ${found.steps[place]}`,
      ]}
      legend={legend}
      table={() => ({
        head: ["trial", "state", "last step", metric],
        rows: [...lines].reverse().map((line) => [line.trial, line.row < 0 ? "-" : String(table.state[line.row]), line.xs.at(-1)!, general(line.last)]),
      })}
    />
  );
}

/** The curves of one trial: a figure for each metric, as each has a unit of its own. */
export function TrialCurve(props: CurveProps) {
  const metrics = Object.entries(props.metrics).filter(([, values]) => values.some((value) => value !== null && Number.isFinite(value)));
  return (
    <div class="curves">
      {metrics.map(([name, values]) => (
        <MetricCurve key={name} name={name} values={values} steps={props.steps} rungs={props.rungs} height={props.height ?? 220} />
      ))}
    </div>
  );
}

function MetricCurve({ name, values, steps, rungs, height }: { name: string; values: readonly (number | null)[]; steps: readonly number[]; rungs: readonly number[]; height: number }) {
  const places = [...steps.keys()].filter((place) => Number.isFinite(values[place] ?? NaN));
  const xs = places.map((place) => steps[place]!);
  const ys = places.map((place) => values[place]!);
  const none = new Int32Array(xs.length).fill(-1);
  const marks: Marks = { x: Float64Array.from(xs), y: Float64Array.from(ys), trial: none, row: none };
  return (
    <Figure
      model={[steps, values, rungs]}
      title={`${name} over the steps of the training`}
      summary={`${counted(xs.length, "value")}, the last ${ys.length === 0 ? "-" : general(ys.at(-1)!)}.`}
      height={height}
      x={plainScale(between(Math.min(...xs), Math.max(...xs)), "step of the training", true)}
      y={plainScale(around(ys), name)}
      marks={marks}
      below={(pen) => {
        for (const rung of rungs) pen.rule(rung, true, `rung ${rung}`, [2, 4], pen.palette.faint);
      }}
      points={(pen) => {
        pen.line(xs, ys, pen.palette.series[0]!);
        if (xs.length <= 60) for (const place of xs.keys()) pen.dot(pen.x(xs[place]!), pen.y(ys[place]!), 2.5, pen.palette.series[0]!);
      }}
      tip={(place) => [`step ${xs[place]}`, `${name} ${general(ys[place]!)}`]}
      table={() => ({ head: ["step", name], rows: xs.map((step, place) => [step, general(ys[place]!)]) })}
    />
  );
}

function isLogarithmic(rungs: readonly number[]): boolean {
  return rungs.length > 1 && rungs[0]! > 0 && rungs.every((rung, place) => place === 0 || rung >= LEAST_GROWTH * rungs[place - 1]!);
}

function stepScale(steps: readonly number[], rungs: readonly number[], last: number | null, log: boolean): Scale {
  const known = [...rungs, ...(last === null ? [] : [last])];
  let [low, high] = [Infinity, -Infinity];
  for (const step of [...steps, ...known]) {
    if (step < low) low = step;
    if (step > high) high = step;
  }
  const at = (step: number) => (log ? Math.log(step) : step);
  const bounds = between(Number.isFinite(low) ? at(low) : 0, Number.isFinite(high) ? at(high) : 1);
  const label = log ? "step of the training (logarithmic)" : "step of the training";
  const ticks = (room: number): readonly Tick[] => (known.length > 1 ? [...new Set(known)].map((step) => ({ at: at(step), text: step.toLocaleString("en") })) : numberTicks(bounds[0], bounds[1], true, room));
  return { bounds, ticks, label };
}

/** The worst value that is drawn at each step that several trials have. */
function floorsBySteps(lines: readonly Line[], minimize: boolean): Map<number, number> {
  const values = new Map<number, number[]>();
  for (const line of lines)
    line.xs.forEach((step, place) => {
      const found = values.get(step);
      if (found === undefined) values.set(step, [line.ys[place]!]);
      else found.push(line.ys[place]!);
    });
  return new Map([...values].filter(([, found]) => found.length >= 4).map(([step, found]) => [step, floorOf(found, minimize)]));
}
