/** One trial in full. */
import { useState } from "preact/hooks";
import { searchPath, trialPath } from "../../address";
import { Refused } from "../../api/client";
import type { Details, TrialDetails } from "../../api/types";
import { hasSeveral } from "../../data/objectives";
import { openTrial, searchOf, type Search } from "../../data/search";
import { count, duration, number } from "../../format";
import { Callout, Fact, Waiting } from "../../parts/boxes";
import { useMade, useResource, useResourceIf, useTitle } from "../../parts/hooks";
import { StateMark } from "../../parts/state";
import { Lasted, Moment, Name, Words } from "../../parts/text";
import { Actions } from "../actions";
import { Crumbs, TrialLink } from "../search";
import { NotFound } from "../unknown";
import { Decisions, Proposal } from "./decisions";
import { Lineage } from "./lineage";
import { Log } from "./log";
import { Attempts, CurvePart, Metrics } from "./results";

export function TrialView({ id, index }: { id: string; index: number }) {
  const search = searchOf(id);
  const one = useMade(() => openTrial(id, index), `${id} ${index}`);
  const { data, problem, ask } = useResource(one.details);
  const details = useResource(search.details).data.value;
  // The lineage shows its members as they ended.
  useResource(search.table);
  const trial = data.value;
  useResourceIf(details !== null && hasSeveral(details.summary), search.ranks);
  useTitle(`Trial ${index}${details === null ? "" : ` of ${details.summary.name}`}`);
  if (trial === null || details === null) {
    const error = problem.value ?? search.details.problem.value;
    if (error instanceof Refused && error.status === 404)
      return <NotFound what={`There is no trial ${index} here`} why={error.message} back={searchPath(id)} />;
    return (
      <>
        <Crumbs id={id} />
        <h1 tabIndex={-1}>Trial {index}</h1>
        <Waiting problem={trial === null ? problem : search.details.problem} what="the trial" retry={ask} />
      </>
    );
  }
  return (
    <>
      <Header search={search} details={details} trial={trial} />
      <div class="columns even">
        <div class="stack">
          <Decisions search={search} details={details} trial={trial} />
          <Metrics details={details} trial={trial} />
          <Attempts trial={trial} />
        </div>
        <div class="stack">
          <Proposal one={one} />
          <CurvePart one={one} details={details} trial={trial} />
          <Lineage search={search} details={details} trial={trial} />
        </div>
      </div>
      <Log id={id} origin={details.summary.origin} trial={trial} />
    </>
  );
}

/** Whether it is on the front, or which trials keep it from there. */
function Standing({ id, standing }: { id: string; standing: NonNullable<TrialDetails["standing"]> }) {
  const { rank, equals, dominatedBy, dominating } = standing;
  if (equals !== null)
    return (
      <>
        the same values as <TrialLink id={id} trial={equals} />, which is on it
      </>
    );
  if (rank === 0) return <b>on it</b>;
  return (
    <>
      {rank === null ? "worse than a reference" : `rank ${count(rank)}`}
      {dominating > 0 && (
        <>
          , dominated by{" "}
          {dominatedBy.map((trial, place) => (
            <span key={trial}>
              {place > 0 && ", "}
              <TrialLink id={id} trial={trial} />
            </span>
          ))}
          {dominating > dominatedBy.length && ` and ${count(dominating - dominatedBy.length)} more on the front`}
        </>
      )}
    </>
  );
}

function Header({ search, details, trial }: { search: Search; details: Details; trial: TrialDetails }) {
  const [acting, setActing] = useState(false);
  const { summary } = details;
  const last = trial.rungs.at(-1);
  return (
    <>
      <Crumbs id={summary.id} name={summary.name} />
      <div class="title">
        <h1 tabIndex={-1}>Trial {trial.index}</h1>
        <StateMark state={trial.state} />
        {trial.pinned && <span class="mark quiet">Pinned</span>}
        <div class="tools">
          {!search.gone.value && (
            <button type="button" class="primary" onClick={() => setActing(true)}>
              Act…
            </button>
          )}
          {trial.index > 0 && (
            <a class="button" href={trialPath(summary.id, trial.index - 1)}>
              Previous
            </a>
          )}
          {trial.index + 1 < (summary.counts["total"] ?? 0) && (
            <a class="button" href={trialPath(summary.id, trial.index + 1)}>
              Next
            </a>
          )}
        </div>
      </div>
      {search.gone.value && (
        <Callout tone="bad">
          <p>This search has been deleted. What is shown is what was known of it last.</p>
        </Callout>
      )}
      {trial.outcome !== trial.state && (
        <p class="lead">
          <Words text={trial.outcome} />
        </p>
      )}
      <dl class="facts">
        {Object.keys(trial.objectives).length > 0 ? (
          Object.entries(trial.objectives).map(([metric, value]) => (
            <Fact key={metric} term={metric.length > 24 ? `${metric.slice(0, 23)}…` : metric}>
              <b class="figure">{number(value)}</b>
            </Fact>
          ))
        ) : (
          <Fact term={summary.metric.length > 24 ? "reward" : summary.metric}>
            <b class="figure">{number(trial.reward ?? last?.value)}</b>
            {trial.reward === null && last !== undefined && <span class="faint"> at step {count(last.step)}</span>}
          </Fact>
        )}
        {trial.standing !== null && (
          <Fact term="front">
            <Standing id={summary.id} standing={trial.standing} />
          </Fact>
        )}
        <Fact term="origin">
          <Name text={trial.origin} most={40} />
        </Fact>
        {trial.parent !== null && (
          <Fact term="parent">
            <TrialLink id={summary.id} trial={trial.parent} />
          </Fact>
        )}
        {trial.policyRatio !== null && (
          <Fact term="policy ratio" title="The policy's probability of it relative to a uniform one">
            {number(trial.policyRatio)}
          </Fact>
        )}
        <Fact term="started">
          <Moment at={trial.started} />
        </Fact>
        <Fact term={trial.ended === null ? "runs for" : "took"}>
          {trial.ended === null ? <Lasted from={trial.started} to={null} /> : duration(trial.seconds)}
        </Fact>
        {summary.usesGpus && <Fact term="GPU time">{duration(trial.gpuSeconds)}</Fact>}
        {trial.source !== null && (
          <Fact term="taken from">
            <Name text={trial.source} most={60} />
          </Fact>
        )}
        {trial.checkpoint !== null && (
          <Fact term="checkpoint">
            <code>
              <Name text={trial.checkpoint} most={80} />
            </code>
          </Fact>
        )}
        <Fact term="object">
          <code>
            <Name text={trial.name} most={80} />
          </code>
        </Fact>
      </dl>
      {acting && !search.gone.value && <Actions search={search} details={details} trial={trial.index} close={() => setActing(false)} />}
    </>
  );
}
