/** What Kubernetes and Prometheus say of a search. */
import { useEffect } from "preact/hooks";
import { cut } from "../../format";
import { Callout, Empty, Scroll, Section, Waiting } from "../../parts/boxes";
import { useResource } from "../../parts/hooks";
import { Ago, Name, Words } from "../../parts/text";
import type { ViewProps } from ".";

/** Alerts and most events do not come with a change of the search. */
const AGAIN_MS = 15_000;

export function EventsView({ search, details }: ViewProps) {
  const { data, problem, ask } = useResource(search.happenings);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && ask(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [search]);
  const happenings = data.value;
  if (happenings === null) return <Waiting problem={problem} what="events and alerts" retry={ask} />;
  return (
    <>
      {happenings.problems.map((text) => (
        <Callout tone="warn" key={text}>
          <p>
            <Words text={text} />
          </p>
        </Callout>
      ))}
      <Section title="Alerts">
        {happenings.alerts.length === 0 ? (
          <Empty>{details.summary.origin === "cluster" ? "None is raised." : "A search that is not in a cluster has no alerts."}</Empty>
        ) : (
          <Scroll label="Alerts">
            <table>
              <thead>
                <tr>
                  <th>alert</th>
                  <th>severity</th>
                  <th>says</th>
                  <th>state</th>
                  <th class="number">since</th>
                </tr>
              </thead>
              <tbody>
                {happenings.alerts.map((alert, place) => (
                  <tr key={place}>
                    <th scope="row">
                      <Runbook name={alert.name} address={alert.runbook} />
                    </th>
                    <td>
                      <span class={`mark ${alert.severity === "critical" ? "bad" : "warn"}`}>
                        <Name text={alert.severity} most={20} />
                      </span>
                    </td>
                    <td class="says">
                      <Words text={alert.summary} />
                    </td>
                    <td>
                      <Name text={alert.state} most={20} />
                    </td>
                    <td class="number">
                      <Ago since={alert.since} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Section>
      <Section title="Events">
        {happenings.events.length === 0 ? (
          <Empty>
            {details.summary.origin === "cluster"
              ? "There are none; Kubernetes keeps events for an hour, as a rule."
              : "A search that is not in a cluster has no events."}
          </Empty>
        ) : (
          <Scroll label="Events">
            <table>
              <thead>
                <tr>
                  <th class="number">seen</th>
                  <th>reason</th>
                  <th>message</th>
                  <th>about</th>
                </tr>
              </thead>
              <tbody>
                {happenings.events.map((event, place) => (
                  <tr key={place}>
                    <td class="number">
                      <Ago since={event.time} />
                    </td>
                    <td>
                      <span class={`mark ${event.type === "Warning" ? "warn" : "quiet"}`} title={cut(event.type, 100)}>
                        <Name text={event.reason} most={40} />
                      </span>
                      {event.type === "Warning" && <span class="unseen"> Warning</span>}
                      {event.count > 1 && <span class="faint"> ×{event.count}</span>}
                    </td>
                    <td class="says">
                      <Words text={event.message} />
                    </td>
                    <td>
                      <Name text={event.about} most={50} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Section>
    </>
  );
}

/** An alert's author decides where its runbook is; only an address of the web is made a link. */
function Runbook({ name, address }: { name: string; address: string }) {
  if (!/^https?:\/\//i.test(address)) return <Name text={name} most={60} />;
  return (
    <>
      <Name text={name} most={60} />{" "}
      <a href={address} target="_blank" rel="noreferrer noopener">
        runbook
      </a>
    </>
  );
}
