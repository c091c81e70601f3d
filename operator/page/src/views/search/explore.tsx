/** Trials across all axes at once: what is brushed or selected in one figure is so in all, and in the table. */
import { useMemo } from "preact/hooks";
import { query, setQuery } from "../../address";
import type { DecisionInfo, Importance } from "../../api/types";
import { chosenDecisions, DecisionScatter, MAX_DECISIONS, Parallel, Pareto } from "../../charts";
import { asAxis, type Axis } from "../../data/axes";
import { hasSeveral, objectiveAxes } from "../../data/objectives";
import { Section, Waiting } from "../../parts/boxes";
import { Filters } from "../../parts/filters";
import { useResource } from "../../parts/hooks";
import type { ViewProps } from ".";
import { AxisSelect } from "./axis_select";
import { FrontPart } from "./front";
import { TrialsTable, useColumns } from "./trials";

export function ExploreView({ search, details, open }: ViewProps) {
  useResource(search.table);
  const columns = useColumns(search, details);
  const { trials, selection } = search;
  const { objectives } = details.summary;
  const several = hasSeveral(details.summary);
  const metrics = [...trials.value.metrics.keys()].filter((name) => !objectives.some((each) => each.metric === name));
  const parameters = query.value;
  if (search.table.data.value === null)
    return <Waiting problem={search.table.problem} what="the trials" retry={search.table.ask} />;

  const all: Axis[] = [
    ...objectiveAxes(details),
    ...details.space.map((each): Axis => `decision:${each.name}`),
    ...metrics.map((name): Axis => `metric:${name}`),
    ...(several ? (["rank"] as const) : []),
    "seconds",
    "sequence",
  ];
  const x = asAxis(parameters.get("x") ?? "") ?? all.find((axis) => axis.startsWith("decision:"))!;
  const y = asAxis(parameters.get("y") ?? "") ?? all[0]!;
  const constrained = details.constraints.map((each) => each.metric).find((name) => metrics.includes(name));
  const second = asAxis(parameters.get("cost") ?? "") ?? `metric:${constrained ?? metrics[0] ?? ""}`;
  const less = (parameters.get("costless") ?? "1") === "1";
  const shared = { details, trials, selection, open };
  return (
    <>
      <Filters search={search} details={details} columns={columns} />
      <div class="stack">
        <Section title={details.space.length > MAX_DECISIONS ? "Decisions" : "All decisions"} note="A line is a trial. Drag along an axis to keep only what passes there.">
          {details.space.length > MAX_DECISIONS ? (
            <MostImportant search={search} details={details} open={open} />
          ) : (
            <AllDecisions search={search} details={details} open={open} importance={null} />
          )}
        </Section>
        <div class="columns even">
          <Section
            title="One against another"
            tools={
              <>
                <AxisSelect label="Horizontal" value={x} axes={all} details={details} change={(axis) => setQuery({ x: axis })} />
                <AxisSelect label="Vertical" value={y} axes={all} details={details} change={(axis) => setQuery({ y: axis })} />
              </>
            }
          >
            <DecisionScatter {...shared} x={x} y={y} height={320} />
          </Section>
          {several && <FrontPart search={search} details={details} open={open} height={320} />}
          {!several && metrics.length > 0 && (
            <Section
              title="Pareto front"
              note="No other candidate is better in one of the two metrics and at least as good in the other."
              tools={
                <>
                  <AxisSelect
                    label={`${details.summary.metric} against`}
                    value={second}
                    axes={metrics.map((name): Axis => `metric:${name}`)}
                    details={details}
                    change={(axis) => setQuery({ cost: axis })}
                  />
                  <label class="check">
                    <input
                      type="checkbox"
                      checked={less}
                      onChange={() => setQuery({ costless: less ? "0" : null })}
                    />
                    less is better
                  </label>
                </>
              }
            >
              <Pareto {...shared} x={second} y="value" lessX={less} lessY={details.summary.minimize} height={320} />
            </Section>
          )}
        </div>
      </div>
      <Section title="Trials">
        <TrialsTable search={search} columns={columns} open={open} height="28rem" />
      </Section>
    </>
  );
}

/** Parallel coordinates of a space with more decisions than there is room for. */
function MostImportant(props: ViewProps) {
  const { data, problem } = useResource(props.search.analysis);
  const importance = data.value?.importance ?? null;
  const waits = data.value === null && problem.value === null;
  return (
    <>
      <AllDecisions {...props} importance={importance} />
      <p class="faint">
        {importance === null ? `The first ${MAX_DECISIONS}` : `The ${MAX_DECISIONS} that matter most`} of {props.details.space.length} decisions{waits && ", until it is known which matter most"}.
      </p>
    </>
  );
}

function AllDecisions({ search, details, open, importance }: ViewProps & { importance: Importance | null }) {
  const chosen: readonly DecisionInfo[] = chosenDecisions(details.space, importance);
  const names = chosen.map((each) => each.name);
  const axes = useMemo((): Axis[] => [...names.map((name): Axis => `decision:${name}`), ...objectiveAxes(details)], [JSON.stringify([names, objectiveAxes(details)])]);
  return <Parallel details={details} trials={search.trials} selection={search.selection} open={open} axes={axes} height={320} />;
}
