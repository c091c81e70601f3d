/** What a trial has reported, and how its attempts went. */
import type { Details, TrialDetails } from "../../api/types";
import { TrialCurve } from "../../charts";
import { type OneTrial } from "../../data/search";
import { count, number } from "../../format";
import { Empty, Scroll, Section } from "../../parts/boxes";
import { useResource } from "../../parts/hooks";
import { Ago, Lasted, Name, Words } from "../../parts/text";

export function CurvePart({ one, details, trial }: { one: OneTrial; details: Details; trial: TrialDetails }) {
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

export function Metrics({ details, trial }: { details: Details; trial: TrialDetails }) {
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

export function Attempts({ trial }: { trial: TrialDetails }) {
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
