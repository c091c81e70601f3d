/** Trials across all axes at once: what is brushed or selected in one figure is so in all, and in the table. */
import { useMemo } from "preact/hooks";
import { query, setQuery } from "../../address";
import type { Details } from "../../api/types";
import { DecisionScatter, Parallel, Pareto } from "../../charts";
import { asAxis, type Axis } from "../../data/axes";
import { Section, Waiting } from "../../parts/boxes";
import { axisTitle, Filters } from "../../parts/filters";
import { useResource } from "../../parts/hooks";
import type { ViewProps } from ".";
import { TrialsTable, useColumns } from "./trials";

/** More axes than this are too narrow to be read on a screen. */
const AXES = 12;

export function ExploreView({ search, details, open }: ViewProps) {
  useResource(search.table);
  const columns = useColumns(search, details);
  const { trials, selection } = search;
  const metrics = [...trials.value.metrics.keys()].filter((name) => name !== details.summary.metric);
  const parameters = query.value;
  const axes = useMemo(
    (): Axis[] => [...details.space.slice(0, AXES).map((each): Axis => `decision:${each.name}`), "value"],
    [JSON.stringify(details.space)],
  );
  if (search.table.data.value === null)
    return <Waiting problem={search.table.problem} what="the trials" retry={search.table.ask} />;

  const all: Axis[] = [
    "value",
    ...details.space.map((each): Axis => `decision:${each.name}`),
    ...metrics.map((name): Axis => `metric:${name}`),
    "seconds",
    "sequence",
  ];
  const x = asAxis(parameters.get("x") ?? "") ?? axes[0]!;
  const y = asAxis(parameters.get("y") ?? "") ?? "value";
  const constrained = details.constraints.map((each) => each.metric).find((name) => metrics.includes(name));
  const second = asAxis(parameters.get("cost") ?? "") ?? `metric:${constrained ?? metrics[0] ?? ""}`;
  const less = (parameters.get("costless") ?? "1") === "1";
  const shared = { details, trials, selection, open };
  return (
    <>
      <Filters search={search} details={details} columns={columns} />
      <div class="stack">
        <Section title="All decisions" note="A line is a trial. Drag along an axis to keep only what passes there.">
          <Parallel {...shared} axes={axes} height={320} />
          {details.space.length > AXES && <p class="faint">The first {AXES} of {details.space.length} decisions.</p>}
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
          {metrics.length > 0 && (
            <Section
              title="Front"
              note="Candidates that no other one is as good as in both and better in one."
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

export function AxisSelect(props: {
  label: string;
  value: Axis;
  axes: readonly Axis[];
  details: Details;
  change: (axis: Axis) => void;
}) {
  return (
    <label class="pickone">
      <span class="faint">{props.label}</span>
      <select value={props.value} onChange={(event) => props.change(asAxis(event.currentTarget.value) ?? props.value)}>
        {props.axes.map((axis) => (
          <option key={axis} value={axis}>
            {axisTitle(axis, props.details)}
          </option>
        ))}
      </select>
    </label>
  );
}
