/** A trial's candidate, and why it was proposed. */
import { go, searchPath } from "../../address";
import type { Details, TrialDetails } from "../../api/types";
import { type OneTrial, type Search } from "../../data/search";
import { decision, written } from "../../format";
import { Scroll, Section, Waiting } from "../../parts/boxes";
import { useResource } from "../../parts/hooks";
import { Name, Words } from "../../parts/text";

export function Decisions({ search, details, trial }: { search: Search; details: Details; trial: TrialDetails }) {
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

export function Proposal({ one }: { one: OneTrial }) {
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
