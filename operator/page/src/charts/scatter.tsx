/** One axis against another, above all a decision against the objective. */
import { useMemo } from "preact/hooks";
import { dots, strength } from "./draw/dots";
import { Figure } from "./figure";
import type { Entry } from "./parts";
import type { ScatterProps } from "./props";
import { jitter } from "./pure/jitter";
import { median } from "./pure/median";
import { counted, general } from "./pure/text";
import { lay, titleOf } from "./scales";
import { linesOf, marksAt, rowsWithValue, said } from "./trials";

/** How much of the band of a category its points take. */
const SPREAD = 0.7;

export function DecisionScatter(props: ScatterProps) {
  const { details } = props;
  const table = props.trials.value;
  const found = useMemo(() => {
    const rows = props.y === "value" || props.x === "value" ? rowsWithValue(table) : Int32Array.from({ length: table.length }, (_, row) => row);
    const [x, y] = [lay(props.x, table, rows, details), lay(props.y, table, rows, details)];
    const spread = (at: Float64Array, bands: boolean, salt: number) =>
      bands ? at.map((value, place) => value + SPREAD * jitter(table.index[rows[place]!]!, salt)) : at;
    const up = spread(y.at, y.categories !== null, 1);
    const marks = marksAt(table, rows, spread(x.at, x.categories !== null, 0), up);
    const middles = x.categories === null || y.categories !== null ? null : x.categories.labels.map((_, place) => median(up.filter((_, at) => x.at[at] === place)));
    return { marks, x, scale: y.scale, middles, stray: y.stray + x.stray };
  }, [table, details, props.x, props.y]);

  const { marks, x, scale, middles } = found;
  const [xTitle, yTitle] = [titleOf(props.x, details), titleOf(props.y, details)];
  const legend: Entry[] = [{ text: "trial", kind: "dot", colour: "series-0" }];
  if (middles !== null) legend.push({ text: "median", kind: "line", colour: "text-colour" });
  if (found.stray > 0) legend.push({ text: `${found.stray.toLocaleString("en")} far worse, at the edge`, kind: "mark", colour: "series-0" });
  const best = middles === null ? "" : middles.map((middle, place) => `${x.categories!.labels[place]} ${Number.isNaN(middle) ? "-" : general(middle, 4)}`).slice(0, 12).join(", ");
  return (
    <Figure
      model={[found]}
      title={`${yTitle} against ${xTitle}`}
      summary={`${counted(marks.x.length, "trial")}.${best === "" ? "" : ` Medians: ${best}.`}`}
      height={props.height ?? 280}
      empty={marks.x.length === 0 && `No trial has both ${yTitle} and ${xTitle} yet.`}
      x={x.scale}
      y={scale}
      marks={marks}
      link={props}
      points={(pen, places) => {
        if (places === null) dots(pen, marks.x, marks.y, marks.x.keys(), pen.palette.series[0]!, 2.4, strength(marks.x.length));
        else dots(pen, marks.x, marks.y, places, pen.palette.accent, 2.6);
      }}
      above={(pen) => {
        pen.g.strokeStyle = pen.palette.text;
        pen.g.lineWidth = 2;
        pen.g.beginPath();
        middles?.forEach((middle, place) => {
          if (Number.isNaN(middle)) return;
          pen.g.moveTo(pen.x(place - SPREAD / 2), pen.y(middle));
          pen.g.lineTo(pen.x(place + SPREAD / 2), pen.y(middle));
        });
        pen.g.stroke();
      }}
      tip={(place) => {
        const row = marks.row[place]!;
        return [...linesOf(table, row, details), ...[props.x, props.y].filter((axis) => axis !== "value" && axis !== "reward").map((axis) => `${titleOf(axis, details)} ${said(axis, table, row)}`)];
      }}
      legend={legend}
      table={() => ({
        head: ["trial", xTitle, yTitle],
        rows: Array.from(marks.row, (row, place) => [marks.trial[place]!, said(props.x, table, row), said(props.y, table, row)]),
      })}
    />
  );
}
