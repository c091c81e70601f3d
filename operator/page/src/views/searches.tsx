/** All searches, each on one line. */
import { signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { comparisonPath, query, searchPath, setQuery } from "../address";
import type { Summary } from "../api/types";
import { Sparkline } from "../charts";
import { ways } from "../data/objectives";
import { searches } from "../data/searches";
import { filterSearches, groupsOf, namesakes, readListSorting, sortSearches, stateOf, type ListKey, type ListSorting, type ListState } from "../data/list";
import { unquoted } from "../data/sentence";
import { page } from "../data/stream";
import { count, counted, hours, number } from "../format";
import { Bar, Empty, Scroll, Waiting } from "../parts/boxes";
import { Command } from "../parts/copy";
import { useResource, useTitle } from "../parts/hooks";
import { PhaseMark } from "../parts/state";
import { Age, Name, Sentence } from "../parts/text";

/** Searches that were picked for a comparison. */
const picked = signal<ReadonlySet<string>>(new Set());

export function SearchesView() {
  const { data, problem, ask } = useResource(searches);
  useTitle("Searches");
  const known = data.value;
  if (known === null)
    return (
      <>
        <h1 tabIndex={-1}>Searches</h1>
        <Waiting problem={problem} what="the searches" retry={ask} />
      </>
    );
  const all = [...known.byId.values()];
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Searches</h1>
        <p class="faint">{inShort(all)}</p>
      </div>
      {all.length === 0 ? <Nothing /> : <List all={all} />}
    </>
  );
}

function inShort(all: readonly Summary[]): string {
  const running = all.filter((search) => search.phase === "Running").length;
  const blocked = all.filter((search) => search.blocked !== null).length;
  const words = [counted(all.length, "search").replace("searchs", "searches"), `${count(running)} running`];
  return [...words, ...(blocked > 0 ? [`${count(blocked)} blocked`] : [])].join(", ");
}

function Nothing() {
  return (
    <div class="alone">
      <p>There are no searches here yet. This page looks at:</p>
      <ul>
        {page.value?.sources.map((source) => (
          <li key={source.name}>
            <bdi>{source.name}</bdi>
            {source.problem !== null && (
              <>
                {": "}
                <Sentence text={source.problem} />
              </>
            )}
          </li>
        ))}
      </ul>
      <p>Start one on this machine, or in a cluster; it appears here by itself.</p>
      <Command text="evonas run examples/counting.yaml" />
      <Command text="kubectl apply -f examples/counting.yaml" />
    </div>
  );
}

function List({ all }: { all: readonly Summary[] }) {
  const text = query.value.get("filter") ?? "";
  const phases = new Set(query.value.getAll("phase") as ListState[]);
  const sorting = readListSorting(query.value.get("sort"));
  const shown = useMemo(
    () => sortSearches(filterSearches(all, text, phases), sorting),
    [all, text, [...phases].join(), sorting.key, sorting.descending],
  );
  const groups = groupsOf(shown);
  const alike = useMemo(() => namesakes(all), [all]);
  const gpus = all.some((search) => search.usesGpus);
  const chosen = all.filter((search) => picked.value.has(search.id)).map((search) => search.id);
  return (
    <>
      <div class="filters">
        <input
          type="search"
          placeholder="Filter: name, label, agent"
          aria-label="Filter searches"
          value={text}
          onInput={(event) => setQuery({ filter: event.currentTarget.value || null })}
        />
        <Phases all={all} chosen={phases} />
        <span class="counts" role="status">
          {shown.length < all.length ? `${count(shown.length)} of ${count(all.length)}` : ""}
        </span>
        {chosen.length > 0 && (
          <span class="tools">
            {chosen.length > 1 ? (
              <a class="button primary" href={comparisonPath(chosen)}>
                Compare {chosen.length}
              </a>
            ) : (
              <span class="faint">Choose another one to compare.</span>
            )}
            <button type="button" class="link" onClick={() => (picked.value = new Set())}>
              Choose none
            </button>
          </span>
        )}
      </div>
      {shown.length === 0 ? (
        <Empty>No search passes the filter.</Empty>
      ) : (
        <Scroll label="Searches">
          <table class="list">
            <thead>
              <tr>
                <th class="pick">
                  <span class="unseen">Compare</span>
                </th>
                <Head sorting={sorting} by="name" title="search" class="stay" />
                <Head sorting={sorting} by="phase" title="state" />
                <Head sorting={sorting} by="best" title="best" number />
                <th class="trend">trend</th>
                <Head sorting={sorting} by="trials" title="trials" />
                {gpus && <Head sorting={sorting} by="gpus" title="GPU hours" number />}
                <Head sorting={sorting} by="age" title="age" number />
              </tr>
            </thead>
            {groups.map((group) => (
              <tbody key={group.label}>
                {groups.length > 1 && (
                  <tr class="group">
                    <th colSpan={gpus ? 8 : 7} scope="rowgroup">
                      <bdi>{group.label}</bdi> <span class="faint">{count(group.searches.length)}</span>
                    </th>
                  </tr>
                )}
                {group.searches.map((search) => (
                  <Row
                    key={search.id}
                    search={search}
                    gpus={gpus}
                    picked={picked.value.has(search.id)}
                    placed={alike.has(search.id)}
                  />
                ))}
              </tbody>
            ))}
          </table>
        </Scroll>
      )}
    </>
  );
}

function Phases({ all, chosen }: { all: readonly Summary[]; chosen: ReadonlySet<ListState> }) {
  const counts = new Map<ListState, number>();
  for (const search of all) counts.set(stateOf(search), (counts.get(stateOf(search)) ?? 0) + 1);
  return (
    <div class="chips" role="group" aria-label="States">
      {[...new Set([...counts.keys(), ...chosen])].sort().map((phase) => (
        <button
          key={phase}
          type="button"
          class={`chip${chosen.has(phase) ? " on" : ""}`}
          aria-pressed={chosen.has(phase)}
          onClick={() => {
            const next = new Set(chosen);
            if (!next.delete(phase)) next.add(phase);
            setQuery({ phase: [...next] });
          }}
        >
          {phase} <b>{count(counts.get(phase) ?? 0)}</b>
        </button>
      ))}
    </div>
  );
}

function Head(props: { sorting: ListSorting; by: ListKey; title: string; number?: boolean; class?: string }) {
  const { sorting, by, title } = props;
  const current = sorting.key === by;
  const descending = current ? !sorting.descending : by !== "name" && by !== "phase" && by !== "age";
  return (
    <th
      scope="col"
      class={`${props.number ? "number" : ""} ${props.class ?? ""}`}
      aria-sort={current ? (sorting.descending ? "descending" : "ascending") : "none"}
    >
      <button type="button" onClick={() => setQuery({ sort: `${descending ? "-" : ""}${by}` })}>
        {title}
        <span aria-hidden="true">{current ? (sorting.descending ? " ▾" : " ▴") : ""}</span>
      </button>
    </th>
  );
}

interface RowProps {
  readonly search: Summary;
  readonly gpus: boolean;
  readonly picked: boolean;
  /** Whether its name says too little, and its place is shown. */
  readonly placed: boolean;
}

function Row({ search, gpus, picked: isPicked, placed }: RowProps) {
  // A summary is replaced as a whole when the search changes; a row of one that has not is not made anew.
  return useMemo(
    () => (
      <tr>
        <td class="pick">
          <input
            type="checkbox"
            aria-label={`Compare ${search.name}`}
            checked={isPicked}
            onChange={() => {
              const next = new Set(picked.value);
              if (!next.delete(search.id)) next.add(search.id);
              picked.value = next;
            }}
          />
        </td>
        <td class="stay">
          <a class="name" href={searchPath(search.id)}>
            <Name text={search.name} most={60} />
          </a>
          {placed && (
            <div class="faint under">
              <code>
                <Name text={search.reference} most={60} />
              </code>
            </div>
          )}
          <div class="faint under">
            {search.metric !== "" && (
              <>
                <Name text={search.agent} most={20} />
                {" · "}
                {ways(search.objectives).map(([way, { metric }], place) => (
                  <span key={metric}>
                    {place > 0 && ", "}
                    {way !== "" && `${way}s `}
                    <Name text={metric} most={30} />
                  </span>
                ))}
              </>
            )}
            {Object.entries(search.labels)
              .slice(0, 4)
              .map(([key, value]) => (
                <span class="label" key={key} title={`${key}=${value}`.slice(0, 500)}>
                  <Name text={key.split("/").at(-1)!} most={24} />
                  {value !== "" && (
                    <>
                      =<Name text={value} most={24} />
                    </>
                  )}
                </span>
              ))}
          </div>
        </td>
        <td class="says">
          <PhaseMark phase={search.phase} />
          {search.blocked !== null && (
            <>
              {" "}
              <span class="mark bad">
                <Name text={search.blocked} most={40} />
              </span>
            </>
          )}
          <div class="faint under" title={unquoted(search.problem ?? search.says).slice(0, 2000)}>
            <Sentence text={search.problem ?? search.says} />
          </div>
        </td>
        <td class="number best">
          {search.front === null ? (
            <span class="strong">{search.best === null ? "–" : number(search.best.value)}</span>
          ) : (
            <>
              <span class="strong">{count(search.front.size)}</span> on the front
              {search.front.hypervolume !== null && <div class="faint under">hypervolume {number(search.front.hypervolume, 4)}</div>}
            </>
          )}
        </td>
        <td class="trend">
          {search.trend.length > 1 && (
            <Sparkline values={search.trend} label={`${search.front === null ? "Best value so far" : "Hypervolume"} of ${search.name}`} width={96} height={26} />
          )}
        </td>
        <td class="trials">
          <Progress search={search} />
        </td>
        {gpus && (
          <td class="number gpus">
            {search.usesGpus ? hours(search.gpuHours) : "–"}
            {search.maxGpuHours !== null && <span class="faint"> / {number(search.maxGpuHours)}</span>}
          </td>
        )}
        <td class="number age">
          <Age since={search.created} />
        </td>
      </tr>
    ),
    [search, gpus, isPicked, placed],
  );
}

/** Trials that have ended and that run, of as many as there may be. */
export function Progress({ search }: { search: Summary }) {
  const total = search.counts["total"] ?? 0;
  const of = (...states: string[]): number => states.reduce((sum, state) => sum + (search.counts[state] ?? 0), 0);
  const most = Math.max(search.maxTrials, total, 1);
  const parts = [
    { label: "succeeded", share: of("succeeded") / most, tone: "good" as const },
    { label: "stopped or cancelled", share: of("stopped", "cancelled") / most, tone: "quiet" as const },
    { label: "paused", share: of("paused") / most, tone: "warn" as const },
    { label: "failed or infeasible", share: of("failed", "infeasible") / most, tone: "bad" as const },
    { label: "running", share: of("running") / most, tone: "busy" as const },
  ];
  const words = Object.entries(search.counts)
    .filter(([state, trials]) => state !== "total" && trials > 0)
    .map(([state, trials]) => `${trials} ${state}`);
  return (
    <>
      <span class="tabular nowrap">
        {count(total)}
        <span class="faint"> / {count(search.maxTrials)}</span>
      </span>
      <Bar parts={parts} label={words.join(", ") || "no trials yet"} />
    </>
  );
}

