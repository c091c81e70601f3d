/** One trial in full. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { go, searchPath, trialPath } from "../address";
import { api, Refused } from "../api/client";
import type { Details, Summary, TrialDetails } from "../api/types";
import { TrialCurve, LineageTree } from "../charts";
import { withoutLog } from "../data/log";
import { openTrial, searchOf, type OneTrial, type Search } from "../data/search";
import { count, counted, decision, duration, number } from "../format";
import { Callout, Empty, Fact, Scroll, Section, Waiting } from "../parts/boxes";
import { useMade, useResource, useTitle } from "../parts/hooks";
import { StateMark } from "../parts/state";
import { Ago, Lasted, Moment, Name, Words } from "../parts/text";
import { Actions } from "./actions";
import { Crumbs, TrialLink } from "./search";
import { NotFound } from "./unknown";

export function TrialView({ id, index }: { id: string; index: number }) {
  const search = searchOf(id);
  const one = useMade(() => openTrial(id, index), `${id} ${index}`);
  const { data, problem, ask } = useResource(one.details);
  const details = useResource(search.details).data.value;
  // The lineage shows its members as they ended.
  useResource(search.table);
  const trial = data.value;
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
        <Fact term={summary.metric.length > 24 ? "reward" : summary.metric}>
          <b class="figure">{number(trial.reward ?? last?.value)}</b>
          {trial.reward === null && last !== undefined && <span class="faint"> at step {count(last.step)}</span>}
        </Fact>
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

function Decisions({ search, details, trial }: { search: Search; details: Details; trial: TrialDetails }) {
  const changes = new Map(trial.lineage.at(-1)?.changes.map((change) => [change.decision, change]) ?? []);
  const shown = details.space.filter((each) => Object.hasOwn(trial.decisions, each.name));
  const lost = [...changes.values()].filter((change) => !Object.hasOwn(trial.decisions, change.decision));
  return (
    <Section title="Decisions" note={trial.parent !== null ? "What differs from its parent is marked." : undefined}>
      <Scroll label="Decisions">
        <table class="pairs">
          <tbody>
            {shown.map((each) => {
              const change = changes.get(each.name);
              return (
                <tr key={each.name} class={change ? "changed" : undefined}>
                  <th scope="row">
                    <Name text={each.name} most={60} />
                  </th>
                  <td>
                    <Name text={decision(trial.decisions[each.name])} most={120} />
                    {change && (
                      <span class="faint">
                        {" "}
                        was <Name text={written(change.before)} most={60} />
                        {trial.mutated.includes(each.name) && ", mutated"}
                      </span>
                    )}
                  </td>
                </tr>
              );
            })}
            {lost.map((change) => (
              <tr key={change.decision} class="changed">
                <th scope="row">
                  <Name text={change.decision} most={60} />
                </th>
                <td>
                  –{" "}
                  <span class="faint">
                    was <Name text={written(change.before)} most={60} />
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <button
        type="button"
        class="small"
        onClick={() => {
          search.selection.selected.value = new Set([trial.index]);
          go(`${searchPath(search.id)}?tab=explore&select=${trial.index}`);
        }}
      >
        Show among the others
      </button>
    </Section>
  );
}

function Proposal({ one }: { one: OneTrial }) {
  const { data, problem, ask } = useResource(one.explanation);
  const explanation = data.value;
  return (
    <Section title="Why this candidate">
      {explanation === null ? (
        <Waiting problem={problem} what="the explanation" retry={ask} />
      ) : (
        <>
          <pre class="block" tabIndex={0} aria-label="Explanation" dir="ltr">
            {explanation.text}
          </pre>
          {explanation.problem !== null && (
            <p class="faint">
              <Words text={explanation.problem} />
            </p>
          )}
        </>
      )}
    </Section>
  );
}

function CurvePart({ one, details, trial }: { one: OneTrial; details: Details; trial: TrialDetails }) {
  const { data } = useResource(one.curve);
  const curve = data.value;
  const has = curve !== null && curve.steps.length > 0;
  if (!has && trial.rungs.length === 0) return null;
  return (
    <Section title="Learning curve">
      {has && <TrialCurve steps={curve.steps} metrics={curve.metrics} rungs={details.rungs} height={240} />}
      {trial.rungs.length > 0 && (
        <Scroll label="Rungs">
          <table>
            <thead>
              <tr>
                <th class="number">step</th>
                <th class="number">{details.summary.metric}</th>
                <th>decided</th>
              </tr>
            </thead>
            <tbody>
              {trial.rungs.map((rung) => (
                <tr key={rung.step}>
                  <td class="number">{count(rung.step)}</td>
                  <td class="number">{rung.value === null ? "diverged" : number(rung.value)}</td>
                  <td class="says">
                    <Words text={rung.decided || "–"} most={160} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Section>
  );
}

function Metrics({ details, trial }: { details: Details; trial: TrialDetails }) {
  const entries = Object.entries(trial.metrics);
  if (entries.length === 0) return null;
  return (
    <Section title="Metrics">
      <Scroll label="Metrics">
        <table class="pairs">
          <tbody>
            {entries.map(([name, value]) => {
              const constraint = details.constraints.find((each) => each.metric === name);
              return (
                <tr key={name}>
                  <th scope="row">
                    <Name text={name} most={60} />
                  </th>
                  <td class="tabular">
                    {number(value)}
                    {constraint && (
                      <span class="faint">
                        {constraint.target !== null && ` target ${number(constraint.target)}`}
                        {constraint.maximum !== null && ` at most ${number(constraint.maximum)}`}
                      </span>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}

function Attempts({ trial }: { trial: TrialDetails }) {
  const inPods = trial.attempts.some((attempt) => attempt.pod !== null || attempt.node !== null);
  return (
    <Section title="Attempts">
      {trial.attempts.length === 0 ? (
        <Empty>{trial.ended === null ? "None yet." : "None is recorded."}</Empty>
      ) : (
        <Scroll label="Attempts">
          <table>
            <thead>
              <tr>
                <th class="number">attempt</th>
                <th>outcome</th>
                {inPods && <th>pod</th>}
                {inPods && <th>node</th>}
                <th class="number">started</th>
                <th class="number">took</th>
              </tr>
            </thead>
            <tbody>
              {trial.attempts.map((attempt) => (
                <tr key={attempt.number}>
                  <td class="number">{attempt.number}</td>
                  <td class="says">
                    {attempt.running ? <span class="mark busy">Running</span> : <Words text={attempt.outcome} most={160} />}
                  </td>
                  {inPods && (
                    <td>
                      <Name text={attempt.pod ?? "–"} most={60} />
                    </td>
                  )}
                  {inPods && (
                    <td>
                      <Name text={attempt.node ?? "–"} most={60} />
                    </td>
                  )}
                  <td class="number">
                    <Ago since={attempt.started} />
                  </td>
                  <td class="number">
                    <Lasted from={attempt.started} to={attempt.running ? null : (attempt.ended ?? attempt.started)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Section>
  );
}

/** Generations that are shown before anybody asks for all: a search may have thousands. */
const GENERATIONS = 20;

function Lineage({ search, details, trial }: { search: Search; details: Details; trial: TrialDetails }) {
  const { data, problem, ask } = search.table;
  const [whole, setWhole] = useState(false);
  const id = details.summary.id;
  const latest = useMemo(() => [...trial.lineage].reverse(), [trial.lineage]);
  return (
    <Section title="Lineage" note={`${counted(trial.lineage.length, "generation")} to here; ${childrenOf(trial)}.`}>
      {data.value === null ? (
        <Waiting problem={problem} what="the trials" retry={ask} />
      ) : (
        <LineageTree
          details={details}
          trials={search.trials}
          selection={search.selection}
          trial={trial}
          open={(index) => go(trialPath(id, index))}
          height={240}
        />
      )}
      <Scroll label="Lineage">
        <table>
          <thead>
            <tr>
              <th class="number">trial</th>
              <th class="number">{details.summary.metric}</th>
              <th>origin</th>
              <th>changes from its parent</th>
            </tr>
          </thead>
          <tbody>
            {latest.slice(0, whole ? undefined : GENERATIONS).map((step) => (
              <tr key={step.index}>
                <td class="number">
                  <TrialLink id={id} trial={step.index} />
                </td>
                <td class="number">{number(step.value)}</td>
                <td>
                  <Name text={step.origin} most={40} />
                </td>
                <td>
                  {step.changes.length === 0 && "–"}
                  <span class="decisions">
                    {step.changes.map((change) => (
                      <span key={change.decision}>
                        <span class="faint">
                          <Name text={change.decision} most={30} />
                        </span>{" "}
                        <Name text={written(change.before)} most={30} /> → <Name text={written(change.after)} most={30} />
                      </span>
                    ))}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {latest.length > GENERATIONS && (
        <button type="button" class="link" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? "The latest generations only" : `All ${count(latest.length)} generations`}
        </button>
      )}
      {trial.children.length > 0 && (
        <p>
          Children:{" "}
          {trial.children.slice(0, 40).map((child) => (
            <span key={child}>
              <TrialLink id={id} trial={child} />{" "}
            </span>
          ))}
          {trial.children.length > 40 && <span class="faint">and {trial.children.length - 40} more</span>}
        </p>
      )}
    </Section>
  );
}

function childrenOf({ children }: TrialDetails): string {
  if (children.length === 0) return "no children";
  return children.length === 1 ? "1 child" : `${count(children.length)} children`;
}

/** A value that the server has written, with as many digits as others have. */
function written(text: string): string {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? text : number(value);
}

const LOG_EVERY_MS = 3_000;
const TAILS = [200, 1000, 10_000] as const;

/** The end of what it printed, read again while it runs. */
function Log({ id, origin, trial }: { id: string; origin: Summary["origin"]; trial: TrialDetails }) {
  const without = withoutLog(origin, trial);
  const [attempt, setAttempt] = useState<number | null>(null);
  const [tail, setTail] = useState<number>(TAILS[0]);
  const [text, setText] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const box = useRef<HTMLPreElement>(null);
  const running = trial.attempts.some((each) => each.running);
  useEffect(() => {
    if (without !== null) return undefined;
    let stopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async (): Promise<void> => {
      try {
        const log = await api.log(id, trial.index, attempt, tail);
        if (stopped) return;
        const element = box.current;
        const atEnd = element === null || element.scrollHeight - element.scrollTop - element.clientHeight < 24;
        setText(log);
        setProblem(null);
        if (atEnd) requestAnimationFrame(() => box.current?.scrollTo(0, box.current.scrollHeight));
      } catch (error) {
        if (!stopped) setProblem(error instanceof Error ? error.message : String(error));
      }
      if (!stopped && running) timer = setTimeout(() => void read(), LOG_EVERY_MS);
    };
    void read();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [id, trial.index, trial.state, trial.attempts.length, attempt, tail, running, without]);
  return (
    <Section
      title="Log"
      tools={
        without === null && <>
          {trial.attempts.length > 1 && (
            <label class="pickone">
              <span class="faint">Attempt</span>
              <select
                value={attempt ?? ""}
                onChange={(event) => setAttempt(event.currentTarget.value === "" ? null : Number(event.currentTarget.value))}
              >
                <option value="">the latest</option>
                {trial.attempts.map((each) => (
                  <option key={each.number} value={each.number}>
                    {each.number}
                  </option>
                ))}
              </select>
            </label>
          )}
          <label class="pickone">
            <span class="faint">Last lines</span>
            <select value={tail} onChange={(event) => setTail(Number(event.currentTarget.value))}>
              {TAILS.map((lines) => (
                <option key={lines} value={lines}>
                  {count(lines)}
                </option>
              ))}
            </select>
          </label>
        </>
      }
      note={running ? "Read again every three seconds while it runs." : undefined}
    >
      {without !== null || problem !== null ? (
        <Empty>
          <Words text={without ?? problem!} />
        </Empty>
      ) : text === null ? (
        <Empty>Reading the log…</Empty>
      ) : text === "" ? (
        <Empty>It has printed nothing.</Empty>
      ) : (
        <pre class="block log" ref={box} tabIndex={0} aria-label="Log" dir="auto">
          {text}
        </pre>
      )}
    </Section>
  );
}
