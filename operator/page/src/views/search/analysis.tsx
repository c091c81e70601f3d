/** What follows from all trials together: what matters, what the population and the policy came to, what it cost. */
import type { Analysis, Details } from "../../api/types";
import { Cost, DecisionScatter, Importance, PolicyOverTime, PopulationShares } from "../../charts";
import { query, setQuery } from "../../address";
import { hasSeveral, objectiveAxes } from "../../data/objectives";
import { count, counted, number, spentName, timeIn, timeUnit } from "../../format";
import { Empty, Scroll, Section, Waiting } from "../../parts/boxes";
import { useResource } from "../../parts/hooks";
import { StateMark } from "../../parts/state";
import { Name, Words } from "../../parts/text";
import { TrialLink, type ViewProps } from ".";

export function AnalysisView({ search, details, open }: ViewProps) {
  useResource(search.table);
  const { data, problem, ask } = useResource(search.analysis);
  const analysis = data.value;
  if (analysis === null) return <Waiting problem={problem} what="the analysis" retry={ask} />;
  if (analysis.results === 0) return <Empty>There are no results to analyse.</Empty>;
  const decision =
    details.space.find((each) => each.name === query.value.get("decision"))?.name ??
    analysis.importance?.shares[0]?.decision ??
    details.space[0]?.name;
  const choose = (name: string): void => setQuery({ decision: name });
  const shared = { details, trials: search.trials, selection: search.selection, open };
  return (
    <div class="columns even">
      <div class="stack">
        <Matters analysis={analysis} predicts={hasSeveral(details.summary) ? details.summary.metric : "rewards"} chosen={decision ?? null} choose={choose} />
        <Origins analysis={analysis} metric={hasSeveral(details.summary) ? details.summary.metric : null} />
        <StoppingPart analysis={analysis} details={details} />
        <CostPart analysis={analysis} details={details} open={open} />
      </div>
      <div class="stack">
        {decision !== undefined && (
          <Section
            title="One decision"
            tools={
              <label class="pickone">
                <span class="faint">Decision</span>
                <select value={decision} onChange={(event) => choose(event.currentTarget.value)}>
                  {details.space.map((each) => (
                    <option key={each.name} value={each.name}>
                      {each.name}
                    </option>
                  ))}
                </select>
              </label>
            }
          >
            {objectiveAxes(details).map((axis) => (
              <div key={axis}>
                <h3>{hasSeveral(details.summary) ? <>Against <Name text={axis.slice(axis.indexOf(":") + 1)} most={40} /></> : "Against the reward"}</h3>
                <DecisionScatter {...shared} x={`decision:${decision}`} y={axis} height={hasSeveral(details.summary) ? 200 : 260} />
              </div>
            ))}
            <h3>
              Values of the latest {details.population === null ? details.window : details.population} results
              {details.population !== null && ", the population"}
            </h3>
            <PopulationShares {...shared} decision={decision} height={200} />
            <PolicyPart analysis={analysis} details={details} decision={decision} />
          </Section>
        )}
        <Failures analysis={analysis} id={search.id} />
      </div>
    </div>
  );
}

function Matters(props: { analysis: Analysis; predicts: string; chosen: string | null; choose: (decision: string) => void }) {
  const { importance } = props.analysis;
  return (
    <Section title="What matters" note={`Permutation importance in a random forest that predicts ${props.predicts}.`}>
      {importance === null ? (
        <Empty>It is not known yet: there are too few results, or all are the same.</Empty>
      ) : (
        <Importance importance={importance} chosen={props.chosen} choose={props.choose} />
      )}
    </Section>
  );
}

function PolicyPart({ analysis, details, decision }: { analysis: Analysis; details: Details; decision: string }) {
  const { policy } = analysis;
  if (policy === null) return null;
  return (
    <>
      <h3>What the policy would choose</h3>
      {policy.problem !== null ? (
        <Empty>
          <Words text={policy.problem} />
        </Empty>
      ) : (
        <PolicyOverTime details={details} policy={policy} decision={decision} height={200} />
      )}
      {policy.foreign && (
        <p class="faint">Other software versions made the proposals than those that derive the policy here.</p>
      )}
    </>
  );
}

/** In a sentence. */
function spent(hours: number, gpus: boolean): string {
  const unit = timeUnit(hours);
  return `${timeIn(unit, hours)} ${spentName(unit, gpus)}`;
}

function CostPart({ analysis, details, open }: { analysis: Analysis; details: Details; open: (trial: number) => void }) {
  const gpus = details.summary.usesGpus;
  const rows = analysis.improvements;
  const several = hasSeveral(details.summary);
  const unit = timeUnit(rows.at(-1)?.hours ?? 0);
  return (
    <Section
      title="Cost"
      note={`In all ${gpus ? `${spent(analysis.gpuHours, true)} and ` : ""}${spent(analysis.trialHours, false)}${analysis.confirmationHours > 0 ? `, of which the confirmation of leaders took ${spent(analysis.confirmationHours, gpus)}` : ""}.`}
    >
      {several ? (
        <Cost improvements={rows} minimize={false} gpus={gpus} open={open} height={220} value="hypervolume" />
      ) : (
        <Cost improvements={rows} minimize={details.summary.minimize} gpus={gpus} open={open} height={220} />
      )}
      <Scroll label="Improvements">
        <table>
          <thead>
            <tr>
              <th class="number">trial</th>
              <th class="number">{several ? "hypervolume" : details.summary.metric}</th>
              <th class="number">gain</th>
              <th class="number">{spentName(unit, gpus)}</th>
              <th class="number">since the last</th>
            </tr>
          </thead>
          <tbody>
            {rows
              .slice(-12)
              .reverse()
              .map((row) => (
                <tr key={row.index}>
                  <td class="number">
                    <TrialLink id={details.summary.id} trial={row.index} />
                  </td>
                  <td class="number">{number(row.value)}</td>
                  <td class="number">{number(row.gain)}</td>
                  <td class="number">{timeIn(unit, row.hours)}</td>
                  <td class="number">{timeIn(unit, row.spent)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </Scroll>
      {rows.length > 12 && <p class="faint">The latest 12 of {count(rows.length)} improvements.</p>}
    </Section>
  );
}

/** Of several objectives, mean and best are of the first, the ``metric``. */
function Origins({ analysis, metric }: { analysis: Analysis; metric: string | null }) {
  const has = (key: "stopped" | "paused" | "reused"): boolean => analysis.origins.some((row) => row[key] > 0);
  return (
    <Section title="Where candidates came from">
      <Scroll label="Origins">
        <table>
          <thead>
            <tr>
              <th>origin</th>
              <th class="number">trials</th>
              <th class="number">results</th>
              {has("stopped") && <th class="number">stopped</th>}
              {has("paused") && <th class="number">paused</th>}
              {has("reused") && <th class="number">reused</th>}
              <th class="number">mean{metric !== null && <> <Name text={metric} most={24} /></>}</th>
              <th class="number">best{metric !== null && <> <Name text={metric} most={24} /></>}</th>
            </tr>
          </thead>
          <tbody>
            {analysis.origins.map((row) => (
              <tr key={row.origin}>
                <th scope="row">
                  <Name text={row.origin} most={40} />
                </th>
                <td class="number">{count(row.trials)}</td>
                <td class="number">{count(row.results)}</td>
                {has("stopped") && <td class="number">{count(row.stopped)}</td>}
                {has("paused") && <td class="number">{count(row.paused)}</td>}
                {has("reused") && <td class="number">{count(row.reused)}</td>}
                <td class="number">{number(row.mean)}</td>
                <td class="number">{number(row.best)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}

function StoppingPart({ analysis, details }: { analysis: Analysis; details: Details }) {
  const { stopping } = analysis;
  if (stopping === null) return null;
  const what = stopping.pauses ? "are paused" : `were stopped by the rule ${stopping.rule}`;
  return (
    <Section title="Stopping early">
      <p>
        {counted(stopping.cut, "trial")} {what}; {count(stopping.full)} were trained to the end
        {details.lastStep !== null && `, step ${count(details.lastStep)}`}. About {spent(stopping.savedHours, details.summary.usesGpus)} were
        saved, if each would have taken as long as the mean full training.
      </p>
      <Scroll label="Trials cut at rungs">
        <table>
          <thead>
            <tr>
              <th class="number">step</th>
              <th class="number">{stopping.pauses ? "paused" : "stopped"} there</th>
            </tr>
          </thead>
          <tbody>
            {stopping.at.map((pair) => (
              <tr key={pair[0]}>
                <td class="number">{count(Number(pair[0]))}</td>
                <td class="number">{count(Number(pair[1]))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}

function Failures({ analysis, id }: { analysis: Analysis; id: string }) {
  if (analysis.failures.length === 0) return null;
  return (
    <Section title="Without a result">
      <Scroll label="Trials without a result">
        <table>
          <thead>
            <tr>
              <th>state</th>
              <th>reason</th>
              <th class="number">trials</th>
              <th>latest</th>
              <th>the latest says</th>
            </tr>
          </thead>
          <tbody>
            {analysis.failures.map((row) => (
              <tr key={`${row.state} ${row.reason}`}>
                <td>
                  <StateMark state={row.state} />
                </td>
                <td>
                  <Name text={row.reason} most={60} />
                </td>
                <td class="number">{count(row.trials.length)}</td>
                <td class="links">
                  {row.trials.slice(-3).map((trial) => (
                    <TrialLink key={trial} id={id} trial={trial} />
                  ))}
                </td>
                <td class="says">
                  <Words text={row.message} most={200} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}

