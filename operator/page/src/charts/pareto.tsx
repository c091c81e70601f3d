/** Two metrics against each other: the front, what it dominates, infeasible candidates, and limits. */
import { useMemo } from "preact/hooks";
import { axisValues } from "../data/axes";
import { crosses, dots, strength } from "./draw/dots";
import type { Pen } from "./draw/pen";
import { Figure, type Marks } from "./figure";
import type { Entry } from "./parts";
import type { ParetoProps } from "./props";
import { findFront, rangeAround } from "./pure/pareto";
import { counted, general } from "./pure/text";
import { plainScale, titleOf } from "./scales";
import { linesOf, marksAt, said, winnerOf } from "./trials";

interface Limit {
  readonly value: number;
  readonly upright: boolean;
  readonly hard: boolean;
}

export function Pareto(props: ParetoProps) {
  const { details, lessX, lessY } = props;
  const table = props.trials.value;
  const found = useMemo(() => {
    const number = (axis: typeof props.x, row: number): number => {
      const value = axisValues(table, axis)?.[row];
      return typeof value === "number" ? value : NaN;
    };
    const rows: number[] = [];
    for (let row = 0; row < table.length; row++)
      if (!table.confirmation[row] && Number.isFinite(number(props.x, row)) && Number.isFinite(number(props.y, row))) rows.push(row);
    const infeasible = rows.filter((row) => table.state[row] === "Infeasible");
    const feasible = rows.filter((row) => !Number.isNaN(table.reward[row]!) && table.state[row] !== "Infeasible");
    const xs = feasible.map((row) => number(props.x, row));
    const ys = feasible.map((row) => number(props.y, row));
    const front = findFront(ys.map((value) => (lessY ? -value : value)), xs.map((value) => (lessX ? -value : value)));
    const limits = limitsOf(props);
    const ruled = (upright: boolean) => limits.filter((limit) => limit.upright === upright).map((limit) => limit.value);
    const across = rangeAround(xs, [...infeasible.map((row) => number(props.x, row)), ...ruled(true)]);
    const up = rangeAround(ys, [...infeasible.map((row) => number(props.y, row)), ...ruled(false)]);
    const near = infeasible.filter((row) => {
      const [x, y] = [number(props.x, row), number(props.y, row)];
      return x >= across[0] && x <= across[1] && y >= up[0] && y <= up[1];
    });
    const drawn = [...feasible, ...near];
    const marks = marksAt(table, drawn, drawn.map((row) => number(props.x, row)), drawn.map((row) => number(props.y, row)));
    return { marks, feasible: feasible.length, front, infeasible: infeasible.length, outside: infeasible.length - near.length, limits, across, up };
  }, [table, details, props.x, props.y, lessX, lessY]);

  const { marks, front, feasible } = found;
  const onFront = useMemo(() => new Set(front), [front]);
  const [xTitle, yTitle] = [titleOf(props.x, details), titleOf(props.y, details)];
  const winner = winnerOf(marks, details);
  const way = (less: boolean) => `${less ? "less" : "more"} is better`;
  const legend: Entry[] = [
    { text: `Pareto front (${front.length})`, kind: "dot", colour: "series-0" },
    { text: `dominated (${feasible - front.length})`, kind: "dot", colour: "faint-colour" },
  ];
  if (found.infeasible > 0)
    legend.push({ text: `infeasible (${found.infeasible}${found.outside > 0 ? `, ${found.outside} of them beyond the edges` : ""})`, kind: "cross", colour: "series-3" });
  if (winner >= 0) legend.push({ text: "best candidate", kind: "ring", colour: "series-1" });
  return (
    <Figure
      model={[found, winner]}
      title={`${yTitle} against ${xTitle}`}
      summary={
        `${counted(front.length, "trial is", "trials are")} on the Pareto front, ${feasible - front.length} dominated, ${found.infeasible} infeasible. For ${yTitle} ${way(lessY)}, for ${xTitle} ${way(lessX)}.`
      }
      height={props.height ?? 340}
      empty={marks.x.length === 0 && `No candidate has reported both ${yTitle} and ${xTitle}.`}
      x={plainScale(found.across, `${xTitle} (${way(lessX)})`)}
      y={plainScale(found.up, `${yTitle} (${way(lessY)})`)}
      marks={marks}
      link={props}
      points={(pen, places) => {
        const all = places ?? Array.from(marks.x.keys());
        const { series, faint } = pen.palette;
        const good = all.filter((place) => onFront.has(place));
        const rest = all.filter((place) => place < feasible && !onFront.has(place));
        const bad = all.filter((place) => place >= feasible);
        if (places === null) {
          dots(pen, marks.x, marks.y, rest, faint, 2.5, strength(feasible));
          crosses(pen, marks.x, marks.y, bad, series[3]!, 3, 0.8);
          dots(pen, marks.x, marks.y, good, series[0]!, 4, 1);
        } else {
          dots(pen, marks.x, marks.y, rest, faint, 3);
          crosses(pen, marks.x, marks.y, bad, series[3]!, 3.5, 1);
          dots(pen, marks.x, marks.y, good, series[0]!, 4.5);
        }
      }}
      above={(pen) => {
        for (const limit of found.limits)
          pen.rule(limit.value, limit.upright, `${limit.hard ? "limit" : "target"} ${general(limit.value)}`, limit.hard ? [7, 4] : [2, 4], limit.hard ? pen.palette.text : pen.palette.faint);
        border(pen, marks, front, lessX, lessY, [found.across, found.up]);
        if (winner >= 0) pen.ring(pen.x(marks.x[winner]!), pen.y(marks.y[winner]!), 8, pen.palette.series[1]!);
      }}
      tip={(place) => {
        const row = marks.row[place]!;
        return [
          `trial ${table.index[row]}`,
          `${yTitle} ${said(props.y, table, row)}`,
          `${xTitle} ${said(props.x, table, row)}`,
          place >= feasible ? "infeasible" : onFront.has(place) ? "on the front" : "dominated",
          ...linesOf(table, row, details).slice(2),
        ];
      }}
      legend={legend}
      table={() => ({
        head: ["trial", yTitle, xTitle, "decisions"],
        rows: front.map((place) => {
          const row = marks.row[place]!;
          const decisions = [...table.decisions].filter(([, column]) => column[row] !== null).map(([name, column]) => `${name}=${column[row]}`);
          return [marks.trial[place]!, said(props.y, table, row), said(props.x, table, row), decisions.join(" ")];
        }),
      })}
    />
  );
}

function limitsOf({ details, x, y }: ParetoProps): Limit[] {
  const named = (axis: string, metric: string) => axis === `metric:${metric}` || (metric === details.summary.metric && (axis === "value" || axis === "reward"));
  return details.constraints.flatMap((constraint) =>
    [true, false].flatMap((upright) => {
      if (!named(upright ? x : y, constraint.metric)) return [];
      const value = constraint.maximum ?? constraint.target;
      return value === null ? [] : [{ value, upright, hard: constraint.maximum !== null }];
    }),
  );
}

/** The border of what the front dominates: nothing feasible was found beyond it. */
function border(pen: Pen, marks: Marks, front: readonly number[], lessX: boolean, lessY: boolean, [across, up]: readonly (readonly [number, number])[]): void {
  if (front.length === 0) return;
  const worst = [across![lessX ? 1 : 0], up![lessY ? 1 : 0]] as const;
  const { g, palette } = pen;
  g.strokeStyle = palette.series[0]!;
  g.lineWidth = 1.4;
  g.globalAlpha = 0.6;
  g.beginPath();
  let last = pen.x(worst[0]);
  for (const place of front) {
    const [x, y] = [pen.x(marks.x[place]!), pen.y(marks.y[place]!)];
    g.lineTo(last, y);
    g.lineTo(x, y);
    last = x;
  }
  g.lineTo(last, pen.y(worst[1]));
  g.stroke();
  g.globalAlpha = 1;
}
