/** Searches beside each other: the means of those that differ only in their seed, with a standard deviation. */
import { COLOURS } from "./draw/palette";
import { Figure } from "./figure";
import type { BandsProps } from "./props";
import { counted, general } from "./pure/text";
import { around } from "./pure/ticks";
import { countScale, plainScale } from "./scales";

const DEVIATIONS = { averages: "averageDeviations", bests: "bestDeviations", hypervolumes: "hypervolumeDeviations" } as const;

export function Bands({ comparison, show, height }: BandsProps) {
  const lines = comparison.groups.map((group) => ({
    label: group.label,
    runs: group.searches.length,
    values: group[show],
    deviations: group[DEVIATIONS[show]],
  }));
  const bounds = around(
    lines.flatMap(({ values, deviations }) => values.flatMap((value, place) => [value - (deviations[place] ?? 0), value + (deviations[place] ?? 0)])),
  );
  const most = Math.max(1, ...lines.map((line) => line.values.length));
  const { metric, window } = comparison;
  const value = show === "hypervolumes" ? "hypervolume" : metric;
  const title = show === "hypervolumes" ? "hypervolume of the front" : `${metric}, ${show === "averages" ? `moving average of the last ${window} results` : "best so far"}`;
  const ends = lines.filter((line) => line.values.length > 0);
  const said = (place: number, line: (typeof lines)[number]) =>
    `${line.label} ${general(line.values[place]!, 4)}${line.deviations.length > 0 ? ` ± ${general(line.deviations[place]!, 2)}` : ""}`;
  return (
    <Figure
      model={[comparison, show]}
      title={title}
      summary={`${counted(lines.length, "line")}; at their ends ${ends.slice(0, 8).map((line) => said(line.values.length - 1, line)).join(", ")}.`}
      height={height ?? 320}
      empty={ends.length === 0 && "There are no results yet."}
      x={countScale(1, Math.max(2, most), "results")}
      y={plainScale(bounds, value)}
      below={(pen) =>
        lines.forEach(({ values, deviations }, number) => {
          const xs = values.map((_, place) => place + 1);
          const at = (sign: number) => values.map((value, place) => value + sign * (deviations[place] ?? 0));
          if (deviations.length > 0) pen.area(xs, at(-1), at(1), pen.palette.series[number % COLOURS]!, 0.16);
        })
      }
      above={(pen) =>
        lines.forEach(({ values }, number) =>
          pen.line(values.map((_, place) => place + 1), values, pen.palette.series[number % COLOURS]!, { stairs: show !== "averages" }),
        )
      }
      tipAt={(x) => {
        const place = Math.min(most, Math.max(1, Math.round(x))) - 1;
        const known = lines.filter((line) => place < line.values.length);
        return known.length === 0 ? null : { x: place + 1, lines: [`after ${(place + 1).toLocaleString("en")} results`, ...known.slice(0, 12).map((line) => said(place, line))] };
      }}
      legend={lines.map((line, number) => ({ text: line.label, kind: "line", colour: `series-${number % COLOURS}` }))}
      table={() => ({
        head: ["results", ...lines.map((line) => line.label)],
        rows: Array.from({ length: Math.min(60, most) }, (_, row) => Math.round(((row + 1) * most) / Math.min(60, most))).map((result) => [
          result,
          ...lines.map((line) => (result <= line.values.length ? general(line.values[result - 1]!) : "-")),
        ]),
      })}
    />
  );
}
