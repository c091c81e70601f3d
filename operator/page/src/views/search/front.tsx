/** The front of a search with several objectives: the drawing of two of them, its members, and how it grew. */
import { useState } from "preact/hooks";
import { query, searchPath, setQuery, writeBrush } from "../../address";
import type { Objective } from "../../api/types";
import { Hypervolume, Pareto } from "../../charts";
import { axisOf, objectiveAxes } from "../../data/objectives";
import type { Brushes } from "../../data/selection";
import { rowOf } from "../../data/table";
import { count, decision, number } from "../../format";
import { Empty, Scroll, Section, Waiting } from "../../parts/boxes";
import { Name } from "../../parts/text";
import { AxisSelect } from "./axis_select";
import { type Over, OverSwitch } from "./switch";
import { TrialLink, type ViewProps } from ".";

/** So many members are listed at first. */
const LISTED = 10;
/** There is room for so many columns of objectives and decisions; other decisions are in the trial's own view. */
const COLUMNS = 5;

/** The filter by which the table shows no others. */
const ON_FRONT: Brushes = new Map([["rank", { from: 0, to: 0 }]]);

/** Two objectives against each other; of more than two, which is part of the address. */
export function FrontPart({ search, details, open, height }: ViewProps & { height: number }) {
  const { objectives } = details.summary;
  const named = (name: string, otherwise: Objective): Objective =>
    objectives.find((each) => each.metric === query.value.get(name)) ?? otherwise;
  const up = named("up", objectives[0]!);
  const across = named("across", objectives.find((each) => each !== up)!);
  const axes = objectiveAxes(details);
  const metricOf = (axis: string): string => axis.slice(axis.indexOf(":") + 1);
  return (
    <Section
      title="Front"
      note={objectives.length > 2 ? "No trial on the front is dominated in all objectives together; in the two that are drawn it may be." : undefined}
      tools={
        objectives.length > 2 && (
          <>
            <AxisSelect label="Vertical" value={axisOf(up, objectives)} axes={axes} details={details} change={(axis) => setQuery({ up: metricOf(axis) })} />
            <AxisSelect
              label="Horizontal"
              value={axisOf(across, objectives)}
              axes={axes.filter((axis) => axis !== axisOf(up, objectives))}
              details={details}
              change={(axis) => setQuery({ across: metricOf(axis) })}
            />
          </>
        )
      }
    >
      {search.ranks.data.value === null ? (
        <Waiting problem={search.ranks.problem} what="the front" retry={search.ranks.ask} />
      ) : (
        <Pareto
          details={details}
          trials={search.trials}
          selection={search.selection}
          open={open}
          x={axisOf(across === up ? objectives.find((each) => each !== up)! : across, objectives)}
          y={axisOf(up, objectives)}
          lessX={across.minimize}
          lessY={up.minimize}
          height={height}
        />
      )}
    </Section>
  );
}

export function HypervolumePart({ search, details, open }: ViewProps) {
  const [over, setOver] = useState<Over>("results");
  const ranks = search.ranks.data.value;
  if (ranks === null) return null;
  return (
    <Section
      title="Hypervolume"
      note="What the front dominates, up to the reference, in the product of the objectives' units."
      tools={<OverSwitch value={over} change={setOver} />}
    >
      <Hypervolume details={details} trials={search.trials} selection={search.selection} open={open} ranks={ranks} over={over} height={240} />
    </Section>
  );
}

/** The members that stand for all, each with its values. */
export function Members({ search, details }: ViewProps) {
  const { front, summary } = details;
  const [all, setAll] = useState(false);
  if (front === null) return null;
  const table = search.trials.value;
  const shown = all ? front.members : front.members.slice(0, LISTED);
  // What all have in common tells none of them from another.
  const differing = details.space
    .filter(({ name }) => new Set(front.members.map(({ index }) => table.decisions.get(name)?.[rowOf(table, index)] ?? null)).size > 1)
    .slice(0, COLUMNS - summary.objectives.length);
  const onFront = `${searchPath(search.id)}?tab=trials&brush=${encodeURIComponent(writeBrush("rank", ON_FRONT.get("rank")!))}`;
  return (
    <Section
      title="On the front"
      tools={
        front.size > 0 && (
          <a href={onFront} onClick={() => (search.selection.brushes.value = ON_FRONT)}>
            All in the table
          </a>
        )
      }
      note={front.size > front.members.length ? `${count(front.members.length)} of ${count(front.size)}, which stand for all.` : undefined}
    >
      {front.size === 0 ? (
        <Empty>{front.reference === null ? "There are no results yet." : "All results are worse than a reference."}</Empty>
      ) : (
        <Scroll label="Trials on the front">
          <table>
            <thead>
              <tr>
                <th class="number">trial</th>
                {summary.objectives.map((each) => (
                  <th key={each.metric} class="number">
                    <Name text={each.metric} most={24} />
                  </th>
                ))}
                {differing.map(({ name }) => (
                  <th key={`decision ${name}`}>
                    <Name text={name} most={24} />
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((member) => (
                <tr key={member.index}>
                  <td class="number">
                    <TrialLink id={search.id} trial={member.index} />
                  </td>
                  {member.values.map((value, place) => (
                    <td key={place} class="number">
                      {number(value)}
                    </td>
                  ))}
                  {differing.map(({ name }) => (
                    <td key={name}>
                      <Name text={decision(table.decisions.get(name)?.[rowOf(table, member.index)])} most={24} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {front.members.length > LISTED && (
        <button type="button" class="link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Fewer" : `${count(front.members.length - LISTED)} more`}
        </button>
      )}
      {details.confirmed.length > 0 && <Confirmed search={search} details={details} />}
    </Section>
  );
}

/** What training the most valuable members again has shown. */
function Confirmed({ search, details }: Pick<ViewProps, "search" | "details">) {
  return (
    <>
      <h3>Confirmed</h3>
      <p class="faint">The most valuable of them, trained again with new seeds: means and standard deviations.</p>
      <Scroll label="Confirmed trials">
        <table>
          <thead>
            <tr>
              <th class="number">trial</th>
              <th class="number">runs</th>
              {details.summary.objectives.map((each) => (
                <th key={each.metric} class="number">
                  <Name text={each.metric} most={24} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {details.confirmed.map((each) => (
              <tr key={each.index}>
                <td class="number">
                  <TrialLink id={search.id} trial={each.index} />
                </td>
                <td class="number">{count(each.runs)}</td>
                {details.summary.objectives.map(({ metric }, place) => (
                  <td key={metric} class="number">
                    {number(each.means[place], 4)}
                    {(each.deviations[place] ?? null) !== null && <span class="faint"> ± {number(each.deviations[place], 2)}</span>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}
