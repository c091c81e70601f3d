/** What an engineer keeps open: the course, what runs, the best candidate, what the search says of itself. */
import { useState } from "preact/hooks";
import type { Details } from "../../api/types";
import { Course, LearningCurves } from "../../charts";
import { standingOf } from "../../charts/trials";
import { axisValues } from "../../data/axes";
import { hasSeveral, objectiveAxes } from "../../data/objectives";
import type { Search } from "../../data/search";
import { rowOf, type TrialTable } from "../../data/table";
import { count, decision, duration, number } from "../../format";
import { Empty, Scroll, Section, Waiting } from "../../parts/boxes";
import { useResource } from "../../parts/hooks";
import { StateMark } from "../../parts/state";
import { Ago, Lasted, Name, Words } from "../../parts/text";
import { TrialLink, type ViewProps } from ".";
import { FrontPart, HypervolumePart, Members } from "./front";
import { type Over, OverSwitch } from "./switch";

const LATEST = 8;
const RUNNING = 12;

export function Overview({ search, details, open }: ViewProps) {
  useResource(search.table);
  const [over, setOver] = useState<Over>("results");
  const known = search.table.data.value !== null;
  if (!known) return <Waiting problem={search.table.problem} what="the trials" retry={search.table.ask} />;
  const { trials, selection } = search;
  const several = hasSeveral(details.summary);
  return (
    <div class="columns">
      <div class="stack">
        {several ? (
          <>
            <FrontPart search={search} details={details} open={open} height={360} />
            <HypervolumePart search={search} details={details} open={open} />
          </>
        ) : (
        <Section
          title="Course"
          tools={<OverSwitch value={over} change={setOver} />}
          note={details.summary.best === null ? undefined : `Rewards as points; the best so far, and the moving average of the last ${details.window} results, as lines.`}
        >
          {trials.value.length === 0 ? (
            <Empty>There are no trials yet.</Empty>
          ) : details.summary.ended !== null && details.summary.best === null ? (
            <Empty>The search ended without a result.</Empty>
          ) : (
            <Course details={details} trials={trials} selection={selection} open={open} over={over} height={320} />
          )}
        </Section>
        )}
        <LiveCurves search={search} details={details} open={open} />
        <Latest search={search} details={details} />
      </div>
      <div class="stack">
        {several ? <Members search={search} details={details} open={open} /> : <BestCandidate search={search} details={details} />}
        <Running search={search} details={details} />
        <Conditions details={details} />
      </div>
    </div>
  );
}

function Running({ search, details }: { search: Search; details: Details }) {
  const table = search.trials.value;
  const rows: number[] = [];
  for (let row = table.length - 1; row >= 0; row--) if (table.state[row] === "Running") rows.push(row);
  const waiting = table.state.filter((state) => state === "Queued" || state === "Pending").length;
  if (rows.length === 0 && waiting === 0) return null;
  return (
    <Section title="Running" note={waiting > 0 ? `${count(waiting)} more ${waiting === 1 ? "waits" : "wait"} for a free place.` : undefined}>
      {rows.length === 0 ? (
        <Empty>None runs at the moment.</Empty>
      ) : (
        <Scroll label="Running trials">
          <table>
            <thead>
              <tr>
                <th class="number">trial</th>
                {details.rungs.length > 0 && <th class="number">{details.summary.metric}</th>}
                {details.rungs.length > 0 && <th class="number">step</th>}
                <th>origin</th>
                <th class="number">running for</th>
                <th>candidate</th>
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, RUNNING).map((row) => (
                <tr key={table.index[row]}>
                  <td class="number">
                    <TrialLink id={search.id} trial={table.index[row]!} />
                  </td>
                  {details.rungs.length > 0 && <td class="number">{number(table.value[row])}</td>}
                  {details.rungs.length > 0 && <td class="number">{number(table.step[row])}</td>}
                  <td>
                    <Name text={table.origin[row]!} most={30} />
                  </td>
                  <td class="number">
                    <Lasted from={Number.isNaN(table.started[row]!) ? null : table.started[row]!} to={null} />
                  </td>
                  <td class="candidate">
                    <Candidate search={search} details={details} row={row} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {rows.length > RUNNING && <p class="faint">And {count(rows.length - RUNNING)} more.</p>}
    </Section>
  );
}

/** Decisions of a trial in a line. */
function Candidate({ search, details, row }: { search: Search; details: Details; row: number }) {
  const table = search.trials.value;
  const parts = details.space
    .map((each) => [each.name, table.decisions.get(each.name)?.[row]] as const)
    .filter(([, value]) => value !== null && value !== undefined);
  return (
    <span class="decisions">
      {parts.slice(0, 12).map(([name, value]) => (
        <span key={name}>
          <span class="faint">
            <Name text={name} most={24} />
          </span>{" "}
          <Name text={decision(value)} most={24} />
        </span>
      ))}
      {parts.length > 12 && <span class="faint">and {parts.length - 12} more</span>}
    </span>
  );
}

function LiveCurves({ search, details, open }: ViewProps) {
  const { data } = useResource(search.curves);
  const curves = data.value;
  if (curves === null || !curves.curves.some((curve) => curve.steps.length > 0)) return null;
  const running = curves.curves.some((curve) => curve.running && curve.steps.length > 0);
  return (
    <Section title={running ? "Learning curves of running trials" : "Learning curves"}>
      <LearningCurves
        details={details}
        trials={search.trials}
        selection={search.selection}
        open={open}
        curves={curves}
        metric={details.summary.metric}
        running={running}
        height={260}
      />
    </Section>
  );
}

function BestCandidate({ search, details }: { search: Search; details: Details }) {
  const { summary, recommended, confirmed } = details;
  const trial = details.winner ?? summary.best?.index;
  if (trial === undefined || trial === null) return null;
  const table = search.trials.value;
  const row = rowOf(table, trial);
  return (
    <Section title="Best candidate">
      <p>
        <TrialLink id={search.id} trial={trial} />
        {row >= 0 && !Number.isNaN(table.reward[row]!) && (
          <>
            {" "}
            with {summary.metric} <b>{number(table.reward[row])}</b>
          </>
        )}
        {recommended !== null && recommended.index === trial && (
          <>
            . Trained {recommended.runs === 1 ? "once" : `${recommended.runs} times`}, with a mean of{" "}
            {number(recommended.mean)}; it is expected to be worth {number(recommended.expected)} ±{" "}
            {number(recommended.deviation)}
          </>
        )}
        .
      </p>
      {row >= 0 && (
        <Scroll label="Decisions of the best candidate">
          <table class="pairs">
            <tbody>
              {details.space.map((each) => {
                const value = table.decisions.get(each.name)?.[row];
                return value === null || value === undefined ? null : (
                  <tr key={each.name}>
                    <th scope="row">
                      <Name text={each.name} most={60} />
                    </th>
                    <td>
                      <Name text={decision(value)} most={80} />
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Scroll>
      )}
      {confirmed.length > 0 && (
        <>
          <h3>Confirmed</h3>
          <p class="faint">The leaders, trained again with new seeds.</p>
          <Scroll label="Confirmed leaders">
            <table>
              <thead>
                <tr>
                  <th class="number">trial</th>
                  <th class="number">runs</th>
                  <th class="number">mean</th>
                  <th class="number">deviation</th>
                  <th class="number">won</th>
                </tr>
              </thead>
              <tbody>
                {confirmed.map((each) => (
                  <tr key={each.index}>
                    <td class="number">
                      <TrialLink id={search.id} trial={each.index} />
                    </td>
                    <td class="number">{each.runs}</td>
                    <td class="number">{number(each.mean)}</td>
                    <td class="number">{number(each.deviation)}</td>
                    <td class="number">{each.wins}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </>
      )}
    </Section>
  );
}

/** Those that ended last, the latest first; without sorting all, since this is done at each change. */
function latestRows(table: TrialTable): number[] {
  const latest: number[] = [];
  for (let row = table.length - 1; row >= 0; row--) {
    const ended = table.ended[row]!;
    const earliest = latest.length < LATEST ? -Infinity : table.ended[latest.at(-1)!]!;
    if (!(ended > earliest)) continue;
    const place = latest.findIndex((other) => table.ended[other]! < ended);
    latest.splice(place < 0 ? latest.length : place, 0, row);
    latest.length = Math.min(latest.length, LATEST);
  }
  return latest;
}

function Latest({ search, details }: { search: Search; details: Details }) {
  const table = search.trials.value;
  const latest = latestRows(table);
  if (latest.length === 0) return null;
  const several = hasSeveral(details.summary);
  const speaks = latest.some((row) => table.says[row] !== "");
  return (
    <Section title="Latest">
      <Scroll label="Trials that ended last">
        <table class={several ? undefined : "latest"}>
          <thead>
            <tr>
              <th class="number">trial</th>
              <th>state</th>
              {details.summary.objectives.map((each) => (
                <th key={each.metric} class="number">
                  <Name text={each.metric} most={24} />
                </th>
              ))}
              {several && <th>front</th>}
              <th class="number took">took</th>
              <th class="number">ended</th>
              {speaks && <th class="says">says</th>}
            </tr>
          </thead>
          <tbody>
            {latest.map((row) => (
              <tr key={table.index[row]}>
                <td class="number">
                  <TrialLink id={search.id} trial={table.index[row]!} />
                </td>
                <td>
                  <StateMark state={table.state[row]!} />
                </td>
                {objectiveAxes(details).map((axis) => (
                  <td key={axis} class="number">
                    {number(axisValues(table, axis)?.[row] as number | undefined)}
                  </td>
                ))}
                {several && <td class="nowrap">{standingOf(table, row) || "–"}</td>}
                <td class="number took">{duration(table.seconds[row])}</td>
                <td class="number">
                  <Ago since={table.ended[row]!} />
                </td>
                {speaks && (
                  <td class="says">{table.says[row] !== "" && <Words text={table.says[row]!} most={120} />}</td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}

function Conditions({ details }: { details: Details }) {
  if (details.conditions.length === 0) return null;
  return (
    <Section title="Conditions">
      <Scroll label="Conditions">
        <table>
          <thead>
            <tr>
              <th>condition</th>
              <th>status</th>
              <th>reason</th>
              <th>message</th>
              <th class="number">since</th>
            </tr>
          </thead>
          <tbody>
            {details.conditions.map((each) => (
              <tr key={each.type}>
                <th scope="row">
                  <Name text={each.type} />
                </th>
                <td>{each.status}</td>
                <td>
                  <Name text={each.reason} />
                </td>
                <td class="says">
                  <Words text={each.message} most={200} />
                </td>
                <td class="number">
                  <Ago since={each.since} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}
