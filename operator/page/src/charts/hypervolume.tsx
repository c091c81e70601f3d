/** How the hypervolume of several objectives grew: each trial that added to the front, and what the front came to. */
import { useMemo } from "preact/hooks";
import { Figure } from "./figure";
import type { HypervolumeProps } from "./props";
import { floorOf, resultsInOrder } from "./pure/curves";
import { counted, general } from "./pure/text";
import { around, between, momentTicks } from "./pure/ticks";
import { countScale, plainScale } from "./scales";
import { linesOf, marksAt } from "./trials";

export function Hypervolume(props: HypervolumeProps) {
  const { details, ranks, over } = props;
  const table = props.trials.value;
  const found = useMemo(() => {
    const results = resultsInOrder(table);
    const when = (count: number): number => (over === "results" ? count : (table.ended[results[count - 1]!] ?? NaN));
    // The ranks may be of a moment before or after.
    const steps = ranks.results.map((count, place) => ({ count, volume: ranks.hypervolumes[place]! })).filter(({ count }) => count <= results.length);
    const grown = steps.filter(({ count }) => count > 0);
    const marks = marksAt(table, grown.map(({ count }) => results[count - 1]!), grown.map(({ count }) => when(count)), grown.map(({ volume }) => volume));
    const start = over === "results" ? 0 : results.reduce((least, row) => Math.min(least, table.started[row] || Infinity), Infinity);
    const known = steps.filter(({ count }) => count === 0).at(-1)?.volume ?? 0;
    const last = Math.max(start, ...Array.from(results, (row, place) => (over === "results" ? place + 1 : table.ended[row] || -Infinity)));
    // Results of several places may end in another order than they were recorded.
    const line = [...grown].map(({ count, volume }) => [when(count), volume] as const).filter(([x]) => Number.isFinite(x)).sort(([a], [b]) => a - b);
    let most = known;
    const ys = line.map(([, volume]) => (most = Math.max(most, volume)));
    const moments = between(start, last);
    // What the first results added says little, and must not squeeze all that came after.
    const all = new Float64Array(results.length);
    for (let place = 0, at = 0; place < all.length; place++) {
      while (at < grown.length && grown[at]!.count <= place + 1) at++;
      all[place] = at === 0 ? known : grown[at - 1]!.volume;
    }
    const floor = all.length === 0 ? 0 : floorOf(all, false);
    const shown = { ...marks, y: marks.y.map((volume) => Math.max(volume, floor)) };
    return {
      marks: shown, y: plainScale(around([floor, most]), "hypervolume"), early: marks.y.reduce((count, volume) => count + (volume < floor ? 1 : 0), 0), grown, results: results.length,
      xs: [start, ...line.map(([x]) => x), last], ys: [known, ...ys, most],
      x: over === "time" ? { bounds: moments, ticks: (room: number) => momentTicks(...moments, room), label: "ended" } : countScale(0, Math.max(last, 2), "results"),
    };
  }, [table, ranks, over]);

  const { marks, grown, ys } = found;
  const before = (place: number) => (place === 0 ? found.ys[0]! : grown[place - 1]!.volume);
  return (
    <Figure
      model={[found]}
      title={`hypervolume over ${over}`}
      summary={
        found.results === 0 ? "" : `${counted(found.results, "result")}, of which ${grown.length} added to the front when they were recorded; the hypervolume came to ${general(ys.at(-1)!)}.`
      }
      height={props.height ?? 240}
      empty={found.results === 0 && "There are no results yet."}
      x={found.x}
      y={found.y}
      marks={marks}
      link={props}
      below={(pen) => pen.line(found.xs, ys, pen.palette.series[2]!, { stairs: true })}
      points={(pen, places) => {
        for (const place of places ?? marks.x.keys()) {
          pen.g.globalAlpha = places === null ? pen.fade : 1;
          pen.dot(pen.x(marks.x[place]!), pen.y(marks.y[place]!), marks.x.length > 60 ? 2 : 3, pen.palette.series[2]!);
        }
        pen.g.globalAlpha = 1;
      }}
      tip={(place) => [...linesOf(table, marks.row[place]!, details), `hypervolume ${general(grown[place]!.volume)}, ${general(grown[place]!.volume - before(place))} more`]}
      legend={[
        { text: "hypervolume", kind: "line", colour: "series-2" },
        { text: "a trial that added to the front", kind: "dot", colour: "series-2" },
        ...(found.early > 0 ? [{ text: `${counted(found.early, "early one")} below the edge`, kind: "mark" as const, colour: "series-2" }] : []),
      ]}
      table={() => ({
        head: ["results", "trial", "hypervolume", "gain"],
        rows: grown.map(({ count, volume }, place) => [count, marks.trial[place] ?? "-", general(volume), general(volume - before(place))] as const).reverse(),
      })}
    />
  );
}
