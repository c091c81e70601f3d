/** Several searches side by side; those that differ only in their seed are one line with a band. */
import { useEffect } from "preact/hooks";
import { comparisonPath, searchPath } from "../address";
import { api, reportAddress } from "../api/client";
import type { Comparison, Summary } from "../api/types";
import { Bands } from "../charts";
import { newResource, type Resource } from "../data/resource";
import { searches } from "../data/searches";
import { listen } from "../data/stream";
import { count, hours, number } from "../format";
import { Callout, Empty, Scroll, Section, Waiting } from "../parts/boxes";
import { useMade, useResource, useTitle } from "../parts/hooks";
import { PhaseMark } from "../parts/state";
import { Age, Name } from "../parts/text";
import { Crumbs } from "./search";
import { Progress } from "./searches";

/** It reads all trials of all the searches. */
const EVERY_MS = 2_000;

function openComparison(ids: readonly string[]): Resource<Comparison> {
  const resource = newResource(() => api.comparison(ids), EVERY_MS);
  const stop = listen({
    notice: (notice) => {
      if (notice.kind === "search" && notice.id !== null && notice.id !== undefined && ids.includes(notice.id)) resource.ask();
    },
    catchUp: resource.ask,
  });
  return {
    ...resource,
    stop: () => {
      stop();
      resource.stop();
    },
  };
}

export function ComparisonView({ ids }: { ids: readonly string[] }) {
  const comparison = useMade(() => openComparison(ids), ids.join("\n"));
  useResource(searches);
  useEffect(() => (ids.length > 0 ? comparison.use() : undefined), [comparison]);
  useTitle("Comparison");
  const known = searches.data.value?.byId;
  const shown = ids.map((id) => known?.get(id)).filter((search) => search !== undefined);
  const missing = known === undefined ? [] : ids.filter((id) => !known.has(id));
  const data = comparison.data.value;
  return (
    <>
      <Crumbs />
      <div class="title">
        <h1 tabIndex={-1}>Comparison</h1>
        {ids.length > 0 && (
          <div class="tools">
            <a class="button" href={reportAddress(ids)} download>
              Save as file
            </a>
          </div>
        )}
      </div>
      {ids.length === 0 && (
        <Empty>
          Choose searches in <a href="/">the list</a> to compare them.
        </Empty>
      )}
      {missing.length > 0 && (
        <Callout tone="bad">
          <p>
            Not here, or deleted:{" "}
            {missing.map((id) => (
              <span key={id}>
                <Name text={id} />{" "}
              </span>
            ))}
          </p>
        </Callout>
      )}
      {ids.length > 0 && data === null && <Waiting problem={comparison.problem} what="the comparison" retry={comparison.ask} />}
      {data !== null && <Lines data={data} />}
      {shown.length > 0 && <Table shown={shown} data={data} ids={ids} />}
    </>
  );
}

function Lines({ data }: { data: Comparison }) {
  if (data.groups.every((group) => group.bests.length + group.hypervolumes.length === 0)) return <Empty>None of them has results yet.</Empty>;
  if (data.objectives.length > 1)
    return (
      <Section
        title="Hypervolume"
        note={`Of the fronts, by results, all measured from ${data.objectives.map((each, place) => `${each.metric} ${number(data.reference?.[place])}`).join(", ")}. A band is one standard deviation over seeds.`}
      >
        <Bands comparison={data} show="hypervolumes" height={320} />
      </Section>
    );
  return (
    <div class="columns even">
      <Section title="Best so far" note={`Of ${data.metric}, by results. A band is one standard deviation over seeds.`}>
        <Bands comparison={data} show="bests" height={300} />
      </Section>
      <Section title="Moving average" note={`Of the last ${data.window} results.`}>
        <Bands comparison={data} show="averages" height={300} />
      </Section>
    </div>
  );
}

function Table({ shown, data, ids }: { shown: readonly Summary[]; data: Comparison | null; ids: readonly string[] }) {
  const gpus = shown.some((search) => search.usesGpus);
  const fronts = shown.some((search) => search.front !== null);
  // Measured from one reference, unlike those of the searches themselves.
  const reached = (id: string): number | undefined => {
    const group = data?.groups.find(({ searches }) => searches.includes(id));
    return group?.reached[group.searches.indexOf(id)];
  };
  const groupOf = (id: string): string => data?.groups.find((group) => group.searches.includes(id))?.label ?? "";
  return (
    <Section title="Searches">
      <Scroll label="Compared searches">
        <table>
          <thead>
            <tr>
              <th>search</th>
              <th>line</th>
              <th>agent</th>
              <th>state</th>
              {fronts && <th class="number">on the front</th>}
              <th class="number">{fronts ? "hypervolume" : "best"}</th>
              <th>trials</th>
              {gpus && <th class="number">GPU hours</th>}
              <th class="number">age</th>
              <th>
                <span class="unseen">Remove</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((search) => (
              <tr key={search.id}>
                <th scope="row">
                  <a href={searchPath(search.id)}>
                    <Name text={search.name} most={50} />
                  </a>
                </th>
                <td>
                  <Name text={groupOf(search.id)} most={50} />
                </td>
                <td>
                  <Name text={search.agent} most={20} />
                </td>
                <td>
                  <PhaseMark phase={search.phase} />
                </td>
                {fronts && <td class="number">{search.front === null ? "–" : count(search.front.size)}</td>}
                <td class="number">{number(fronts ? reached(search.id) : search.best?.value)}</td>
                <td class="trials">
                  <Progress search={search} />
                </td>
                {gpus && <td class="number">{hours(search.gpuHours)}</td>}
                <td class="number">
                  <Age since={search.created} />
                </td>
                <td>
                  <a href={comparisonPath(ids.filter((id) => id !== search.id))} aria-label={`Leave out ${search.name}`}>
                    Leave out
                  </a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}
