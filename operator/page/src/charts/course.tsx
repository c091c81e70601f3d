/** A search's course: each result, the best so far, and the moving average. */
import { useMemo } from "preact/hooks";
import { dots, strength } from "./draw/dots";
import { Figure } from "./figure";
import type { Entry } from "./parts";
import type { CourseProps } from "./props";
import { bestSoFar, floorOf, movingAverage, resultsInOrder } from "./pure/curves";
import { counted, general } from "./pure/text";
import { around, between, momentTicks } from "./pure/ticks";
import { countScale, plainScale } from "./scales";
import { linesOf, marksAt, winnerOf } from "./trials";

export function Course(props: CourseProps) {
  const { details, over } = props;
  const { metric, minimize } = details.summary;
  const table = props.trials.value;
  const found = useMemo(() => {
    let rows = resultsInOrder(table);
    if (over === "time") rows = rows.filter((row) => Number.isFinite(table.ended[row]!)).sort((a, b) => table.ended[a]! - table.ended[b]!);
    const rewards = Float64Array.from(rows, (row) => table.reward[row]!);
    const averages = movingAverage(rewards, details.window);
    const bests = bestSoFar(rewards, minimize);
    const xs = Float64Array.from(rows, (row, place) => (over === "time" ? table.ended[row]! : place + 1));
    const floor = floorOf(rewards, minimize);
    const edge = (value: number) => (minimize ? Math.min(value, floor) : Math.max(value, floor));
    const shown = rewards.map(edge);
    const stray = rewards.reduce((count, value) => count + (edge(value) === value ? 0 : 1), 0);
    const targets = details.target === null ? [] : [details.target];
    const y = plainScale(around([...shown, ...targets]), metric);
    const [first, last] = [xs[0] ?? 1, xs.at(-1) ?? 1];
    const moments = between(first, last);
    const x = over === "time" ? { bounds: moments, ticks: (room: number) => momentTicks(...moments, room), label: "ended" } : countScale(1, Math.max(last, 2), "results");
    return { rewards, averages, bests, xs, stray, x, y, marks: marksAt(table, rows, xs, shown) };
  }, [table, over, metric, minimize, details.window, details.target]);

  const { marks, rewards } = found;
  const winner = winnerOf(marks, details);
  const legend: Entry[] = [
    { text: "result", kind: "dot", colour: "faint-colour" },
    { text: `moving average of the last ${details.window} results`, kind: "line", colour: "series-0" },
    { text: "best so far", kind: "line", colour: "series-2" },
  ];
  if (winner >= 0) legend.push({ text: "best candidate", kind: "ring", colour: "series-1" });
  if (details.target !== null) legend.push({ text: `target ${general(details.target)}`, kind: "dash", colour: "text-colour" });
  if (found.stray > 0) legend.push({ text: `${found.stray.toLocaleString("en")} far worse, at the edge`, kind: "mark", colour: "faint-colour" });

  return (
    <Figure
      model={[found, winner]}
      title={`${metric} over ${over}`}
      summary={
        rewards.length === 0
          ? ""
          : `${counted(rewards.length, "result")}; the best is ${general(found.bests.at(-1)!)}, the moving average ends at ${general(found.averages.at(-1)!)}.`
      }
      height={props.height ?? 320}
      empty={rewards.length === 0 && "There are no results yet."}
      x={found.x}
      y={found.y}
      marks={marks}
      link={props}
      points={(pen, places) => {
        if (places === null) dots(pen, marks.x, marks.y, marks.x.keys(), pen.palette.faint, 2.2, strength(marks.x.length));
        else dots(pen, marks.x, marks.y, places, pen.palette.accent, 2.6);
      }}
      above={(pen) => {
        if (details.target !== null) pen.rule(details.target, false, "target", [2, 4], pen.palette.faint);
        pen.line(found.xs, found.averages, pen.palette.series[0]!);
        pen.line(found.xs, found.bests, pen.palette.series[2]!, { stairs: true });
        if (winner >= 0) pen.ring(pen.x(marks.x[winner]!), pen.y(marks.y[winner]!), 6, pen.palette.series[1]!);
      }}
      tip={(place) => [
        ...linesOf(table, marks.row[place]!, details),
        `moving average ${general(found.averages[place]!)}`,
        `best so far ${general(found.bests[place]!)}`,
      ]}
      legend={legend}
      table={() => ({
        head: ["result", "trial", metric, "moving average", "best so far"],
        rows: Array.from(marks.trial, (trial, place) => [
          place + 1,
          trial,
          general(rewards[place]!),
          general(found.averages[place]!),
          general(found.bests[place]!),
        ]).reverse(),
      })}
    />
  );
}
