/**
 * The static report's script: charts in place of its figures, made of the data that the report holds. The figures stay
 * where scripts do not run. It asks for nothing, and knows no server.
 */
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { render, type ComponentChild } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Comparison, Curves, Details, Importance, ImprovementRow, Policy, Ranks, Trials } from "./api/types";
import { Bands, Cost, Course, DecisionScatter, Hypervolume, LearningCurves, Parallel, Pareto, PolicyOverTime, PopulationShares, type ParetoProps, type TrialsProps } from "./charts";
import { shortText } from "./charts/pure/text";
import { linesOf } from "./charts/trials";
import type { Axis } from "./data/axes";
import { axisOf, objectiveAxes } from "./data/objectives";
import { newSelection, type Selection } from "./data/selection";
import { emptyTable, merge, rowOf, withRanks, type TrialTable } from "./data/table";

/** What `report/charts.py` writes. */
interface Payload {
  readonly searches: readonly {
    /** As much of it as the charts read. */
    readonly details: Details;
    readonly trials: Trials;
    /** Of a search with several objectives. */
    readonly ranks: Ranks | null;
    readonly curves: Curves;
    readonly importance: Importance | null;
    readonly policy: Policy | null;
    readonly improvements: readonly ImprovementRow[];
    readonly decisions: readonly string[];
    readonly pareto: Pick<ParetoProps, "x" | "y" | "lessX" | "lessY"> | null;
  }[];
  readonly comparison: Comparison;
}

interface View {
  readonly data: Payload["searches"][number];
  readonly trials: ReadonlySignal<TrialTable>;
  readonly selection: Selection;
  readonly opened: Signal<number | null>;
}

function viewOf(data: Payload["searches"][number]): View {
  const trials = signal(withRanks(merge(emptyTable, data.trials), data.ranks));
  return { data, trials, selection: newSelection(trials), opened: signal<number | null>(null) };
}

/** The chart of a place in the report; null if there is nothing to draw there. */
function chartOf(kind: string, view: View | undefined, comparison: Comparison, decision: string): ComponentChild {
  if (kind === "averages" || kind === "bests" || kind === "hypervolumes") return <Bands comparison={comparison} show={kind} />;
  if (view === undefined) return null;
  const { data, trials, selection, opened } = view;
  const { details } = data;
  const shared = { details, trials, selection, open: (trial: number) => void (opened.value = trial) };
  switch (kind) {
    case "course":
      return <Course {...shared} over="results" />;
    case "parallel":
      return <Parallel {...shared} axes={[...data.decisions.map((name): Axis => `decision:${name}`), ...objectiveAxes(details)]} />;
    case "decision":
      return (
        <>
          <PopulationShares {...shared} decision={decision} />
          {data.policy !== null && data.policy.moments.length > 1 && <PolicyOverTime details={details} policy={data.policy} decision={decision} />}
        </>
      );
    case "matters": {
      const first = data.importance?.shares[0]?.decision;
      return first === undefined ? null : <DecisionScatter {...shared} x={`decision:${first}`} y="value" />;
    }
    case "pareto":
      return data.pareto === null ? null : <Pareto {...shared} {...data.pareto} />;
    case "front":
      return <Fronts {...shared} />;
    case "hypervolume":
      return data.ranks === null ? null : <Hypervolume {...shared} ranks={data.ranks} over="results" />;
    case "learning":
      return <LearningCurves {...shared} curves={data.curves} metric={details.summary.metric} running={false} />;
    case "cost":
      return <Cost improvements={data.improvements} minimize={details.summary.minimize} gpus={details.summary.usesGpus} open={shared.open} />;
    default:
      return null;
  }
}

/** The front in each pair of objectives. */
function Fronts(shared: TrialsProps) {
  const { objectives } = shared.details.summary;
  const pairs = objectives.flatMap((up, place) => objectives.slice(place + 1).map((across) => [up, across] as const));
  return (
    <div class={pairs.length > 1 ? "pair" : "wide"}>
      {pairs.map(([up, across]) => (
        <Pareto {...shared} key={`${up.metric} ${across.metric}`} x={axisOf(across, objectives)} y={axisOf(up, objectives)} lessX={across.minimize} lessY={up.minimize} />
      ))}
    </div>
  );
}

/** What is known of a trial that was opened. */
function Opened({ view }: { readonly view: View }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const trial = view.opened.value;
  useEffect(() => {
    if (trial !== null) dialog.current?.showModal();
  }, [trial]);
  const table = view.trials.value;
  const row = trial === null ? -1 : rowOf(table, trial);
  const lines = row < 0 ? [] : linesOf(table, row, view.data.details);
  const known = [...table.decisions].filter(([, column]) => (column[row] ?? null) !== null);
  return (
    <dialog ref={dialog} class="trial" aria-label={lines[0] ?? "trial"} onClose={() => (view.opened.value = null)}>
      <h3>{lines.join(", ")}</h3>
      <table>
        <tbody>
          {known.map(([name, column]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{shortText(column[row]!)}</td>
            </tr>
          ))}
          {[...table.metrics].filter(([, column]) => !Number.isNaN(column[row] ?? NaN)).map(([name, column]) => (
            <tr key={`metric ${name}`}>
              <th scope="row">{name}</th>
              <td>{shortText(column[row]!)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

function draw(): void {
  const payload = JSON.parse(document.getElementById("data")!.textContent!) as Payload;
  const views = payload.searches.map(viewOf);
  for (const place of document.querySelectorAll<HTMLElement>("[data-chart]")) {
    const { chart, search, decision } = place.dataset;
    const found = chartOf(chart!, views[Number(search)], payload.comparison, decision ?? "");
    if (found === null) continue;
    const caption = place.querySelector(":scope > figcaption");
    const room = document.createElement("div");
    place.replaceChildren(...(caption === null ? [room] : [caption, room]));
    render(found, room);
  }
  for (const view of views) render(<Opened view={view} />, document.body.appendChild(document.createElement("div")));
}

draw();
