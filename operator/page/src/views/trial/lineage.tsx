/** Where a trial comes from, and what came of it. */
import { useMemo, useState } from "preact/hooks";
import { go, trialPath } from "../../address";
import type { Details, TrialDetails } from "../../api/types";
import { LineageTree } from "../../charts";
import { type Search } from "../../data/search";
import { count, counted, number, written } from "../../format";
import { Scroll, Section, Waiting } from "../../parts/boxes";
import { Name } from "../../parts/text";
import { TrialLink } from "../search";

/** Generations that are shown before anybody asks for all: a search may have thousands. */
const GENERATIONS = 20;

export function Lineage({ search, details, trial }: { search: Search; details: Details; trial: TrialDetails }) {
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
