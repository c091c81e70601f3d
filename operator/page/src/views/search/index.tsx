/** One search: what it is doing, and the views of its trials. */
import { useEffect, useState } from "preact/hooks";
import { go, query, searchPath, trialPath } from "../../address";
import { Refused, reportAddress } from "../../api/client";
import type { Details, Summary } from "../../api/types";
import { hasSeveral, ways } from "../../data/objectives";
import { searchOf, type Search } from "../../data/search";
import { searches } from "../../data/searches";
import { shareSelection } from "../../data/share";
import { count, hours, number } from "../../format";
import { Callout, Fact, Waiting } from "../../parts/boxes";
import { useResource, useResourceIf, useTitle } from "../../parts/hooks";
import { PhaseMark } from "../../parts/state";
import { Age, Lasted, Name, Sentence, Words } from "../../parts/text";
import { Actions } from "../actions";
import { Progress } from "../searches";
import { NotFound } from "../unknown";
import { AnalysisView } from "./analysis";
import { EventsView } from "./events";
import { ExploreView } from "./explore";
import { ManifestView } from "./manifest";
import { Overview } from "./overview";
import { TrialsView } from "./trials";

const TABS = [
  ["overview", "Overview", Overview],
  ["trials", "Trials", TrialsView],
  ["explore", "Explore", ExploreView],
  ["analysis", "Analysis", AnalysisView],
  ["events", "Events", EventsView],
  ["manifest", "Manifest", ManifestView],
] as const;

/** What every view of a search is given. */
export interface ViewProps {
  readonly search: Search;
  readonly details: Details;
  readonly open: (trial: number) => void;
}

export function SearchView({ id }: { id: string }) {
  const search = searchOf(id);
  const { data, problem, ask } = useResource(search.details);
  // Every view but the last needs the trials, which take the longest: they are asked for together with the search.
  useResource(search.table);
  useEffect(() => shareSelection(search.selection), [search]);
  const details = data.value;
  useResourceIf(details !== null && hasSeveral(details.summary), search.ranks);
  useTitle(details?.summary.name ?? "Search");
  if (details === null) {
    if (problem.value instanceof Refused && problem.value.status === 404)
      return <NotFound what="There is no such search here" why={problem.value.message} />;
    return (
      <>
        <Crumbs />
        <h1 tabIndex={-1} dir="auto">
          <Name text={searches.data.value?.byId.get(id)?.name ?? id} most={120} />
        </h1>
        <Waiting problem={problem} what="the search" retry={ask} />
      </>
    );
  }
  // Nothing is known that a view could show, and each would ask for more.
  if (details.summary.phase === null) return <Unreadable search={search} summary={details.summary} />;
  const tab = query.value.get("tab") ?? "overview";
  const [name, , View] = TABS.find(([each]) => each === tab) ?? TABS[0];
  return (
    <>
      <Header search={search} details={details} />
      <nav class="tabs" aria-label="Views of the search" ref={showCurrent}>
        {TABS.map(([each, title]) => (
          <a key={each} href={tabAddress(id, each)} aria-current={each === name ? "page" : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <View search={search} details={details} open={(trial) => go(trialPath(id, trial))} />
    </>
  );
}

/** On a narrow screen, the current one may be beyond the edge. */
function showCurrent(tabs: HTMLElement | null): void {
  const current = tabs?.querySelector<HTMLElement>("[aria-current]");
  if (tabs && current) tabs.scrollLeft = current.offsetLeft - (tabs.clientWidth - current.offsetWidth) / 2;
}

/** The filters and the selection go along. */
function tabAddress(id: string, tab: string): string {
  const next = new URLSearchParams(query.value);
  if (tab === "overview") next.delete("tab");
  else next.set("tab", tab);
  return `${searchPath(id)}${next.size > 0 ? `?${next}` : ""}`;
}

export function Crumbs({ id, name }: { id?: string; name?: string }) {
  return (
    <nav class="crumbs" aria-label="Breadcrumbs">
      <a href="/">Searches</a>
      {id !== undefined && (
        <>
          {" / "}
          <a href={searchPath(id)}>
            <Name text={name ?? id} most={50} />
          </a>
        </>
      )}
    </nav>
  );
}

function Unreadable({ search, summary }: { search: Search; summary: Summary }) {
  return (
    <>
      <Crumbs />
      <div class="title">
        <h1 tabIndex={-1} dir="auto">
          <Name text={summary.name} most={120} />
        </h1>
        <PhaseMark phase={null} />
      </div>
      <Callout tone="bad">
        <p>{search.gone.value ? "This search has been deleted." : <>Its record cannot be read: <Words text={summary.says} /></>}</p>
      </Callout>
    </>
  );
}

function Header({ search, details }: { search: Search; details: Details }) {
  const [acting, setActing] = useState(false);
  const { summary } = details;
  return (
    <>
      <Crumbs />
      <div class="title">
        <h1 tabIndex={-1} dir="auto">
          <Name text={summary.name} most={120} />
        </h1>
        <PhaseMark phase={summary.phase} />
        <div class="tools">
          {!search.gone.value && (
            <>
              <button type="button" class="primary" onClick={() => setActing(true)}>
                Act…
              </button>
              <a class="button" href={reportAddress([search.id])} download>
                Save as file
              </a>
            </>
          )}
          <a class="button" href={`${searchPath(search.id)}?tab=manifest&clone=1`}>
            Clone
          </a>
        </div>
      </div>
      {search.gone.value && (
        <Callout tone="bad">
          <p>This search has been deleted. What is shown is what was known of it last.</p>
        </Callout>
      )}
      {!search.gone.value && search.details.problem.value !== null && (
        <Callout tone="warn">
          <p>
            What is shown may be out of date: <Sentence text={search.details.problem.value.message} />
          </p>
        </Callout>
      )}
      {summary.problem !== null && (
        <Callout tone="bad">
          <p>
            Its record cannot be read: <Words text={summary.problem} />
          </p>
        </Callout>
      )}
      <p class={`lead${summary.blocked !== null ? " blocked" : ""}`}>
        {summary.blocked !== null && (
          <span class="mark bad">
            <Name text={summary.blocked} most={60} />
          </span>
        )}{" "}
        <Words text={summary.says} />
      </p>
      <Facts details={details} />
      {acting && !search.gone.value && <Actions search={search} details={details} close={() => setActing(false)} />}
    </>
  );
}

function Facts({ details }: { details: Details }) {
  const { summary, recommended } = details;
  const winner = details.winner;
  return (
    <dl class="facts">
      {summary.front !== null ? (
        <FrontFacts details={details} />
      ) : (
      <Fact term={`best ${summary.metric.length > 24 ? "value" : summary.metric}`}>
        {summary.best === null ? (
          "–"
        ) : (
          <>
            <b class="figure">{number(summary.best.value)}</b> <TrialLink id={summary.id} trial={summary.best.index} />
          </>
        )}
      </Fact>
      )}
      {winner !== null && winner !== summary.best?.index && (
        <Fact term={recommended?.index === winner ? "expected to be best" : "winner"}>
          <TrialLink id={summary.id} trial={winner} />
        </Fact>
      )}
      <Fact term="trials">
        <Progress search={summary} />
      </Fact>
      <Fact term="at a time">{count(details.parallelTrials)}</Fact>
      {summary.usesGpus && (
        <Fact term="GPU hours">
          {hours(summary.gpuHours)}
          {summary.maxGpuHours !== null && <span class="faint"> of {number(summary.maxGpuHours)}</span>}
        </Fact>
      )}
      <Fact term={summary.ended === null ? "age" : "took"}>
        {summary.ended === null ? <Age since={summary.created} /> : <Lasted from={summary.created} to={summary.ended} />}
      </Fact>
      <Fact term="agent">
        <Name text={summary.agent} most={24} />
      </Fact>
      <Fact term={hasSeveral(summary) ? "objectives" : "objective"}>
        {ways(summary.objectives).map(([way, each], place) => (
          <span key={each.metric}>
            {place > 0 && ", "}
            {way !== "" && `${way} `}
            <Name text={each.metric} most={30} />
            {each.target !== null && <span class="faint"> to {number(each.target)}</span>}
          </span>
        ))}
      </Fact>
      {summary.reused > 0 && <Fact term="reused">{count(summary.reused)}</Fact>}
      {details.learnedFrom !== "" && (
        <Fact term="learned from">
          <Name text={details.learnedFrom} most={60} />
        </Fact>
      )}
      <Fact term="source" title="How the command line refers to it">
        <code>
          <Name text={summary.reference} most={60} />
        </code>
      </Fact>
    </dl>
  );
}

function FrontFacts({ details }: { details: Details }) {
  const { objectives } = details.summary;
  const reference = details.front?.reference ?? null;
  const from = reference === null ? undefined : `from ${objectives.map((each, place) => `${each.metric} ${number(reference[place])}`).join(", ")}`;
  return (
    <>
      <Fact term="on the front">
        <b class="figure">{count(details.summary.front!.size)}</b>
      </Fact>
      <Fact term="hypervolume" {...(from === undefined ? {} : { title: from })}>
        <b class="figure">{number(details.summary.front!.hypervolume, 4)}</b>
      </Fact>
    </>
  );
}

export function TrialLink({ id, trial }: { id: string; trial: number }) {
  return <a href={trialPath(id, trial)}>trial {trial}</a>;
}

