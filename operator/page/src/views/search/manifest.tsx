/** The manifest as it was declared, what ran it, and an editor for one like it. */
import { useId, useState } from "preact/hooks";
import { query, setQuery } from "../../address";
import type { Details } from "../../api/types";
import { nameProblem, renamed } from "../../data/manifest";
import { Empty, Scroll, Section } from "../../parts/boxes";
import { Command, CopyButton, download } from "../../parts/copy";
import { Name } from "../../parts/text";
import type { ViewProps } from ".";

export function ManifestView({ details }: ViewProps) {
  const cloning = query.value.get("clone") === "1";
  return (
    <>
      {cloning && <Clone details={details} />}
      <Section
        title="Manifest"
        tools={
          <>
            <CopyButton text={details.manifest} what="The manifest was copied" />
            <button
              type="button"
              class="small"
              onClick={() => download(`${details.summary.name}.yaml`, details.manifest)}
            >
              Download
            </button>
            {!cloning && (
              <button type="button" class="small" onClick={() => setQuery({ clone: "1" }, true)}>
                Clone
              </button>
            )}
          </>
        }
      >
        <pre class="block" tabIndex={0} aria-label="Manifest" dir="ltr">
          <code>{details.manifest}</code>
        </pre>
      </Section>
      <Versions details={details} />
    </>
  );
}

function Clone({ details }: { details: Details }) {
  const { summary } = details;
  const [name, setName] = useState(`${summary.name.slice(0, 61)}-2`);
  const [text, setText] = useState(() => renamed(details.manifest, `${summary.name.slice(0, 61)}-2`));
  const label = useId();
  const problem = nameProblem(name);
  const file = `${problem === null ? name : "search"}.yaml`;
  return (
    <Section
      title="Clone"
      tools={
        <button type="button" class="small" onClick={() => setQuery({ clone: null })}>
          Close
        </button>
      }
      note="Edit a copy, save it, and start it by one of the commands below. Nothing is started from here."
    >
      <div class="form">
        <label>
          Name of the new search
          <input
            type="text"
            value={name}
            aria-invalid={problem !== null}
            aria-describedby={`${label}-problem`}
            spellcheck={false}
            onInput={(event) => {
              setName(event.currentTarget.value);
              setText(renamed(text, event.currentTarget.value));
            }}
          />
        </label>
        <p id={`${label}-problem`} class="problem" role="status">
          {problem}
        </p>
        <label for={label}>Its manifest</label>
        <textarea
          id={label}
          rows={Math.min(30, text.split("\n").length + 1)}
          spellcheck={false}
          dir="ltr"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <div class="tools">
          <CopyButton text={text} what="The manifest was copied" />
          <button type="button" class="small primary" onClick={() => download(file, text)}>
            Download {file}
          </button>
        </div>
      </div>
      <p>In a cluster, or on this machine:</p>
      <Command text={`kubectl apply${summary.namespace === null ? "" : ` -n ${summary.namespace}`} -f ${file}`} />
      <Command text={`evonas run ${file}`} />
    </Section>
  );
}

function Versions({ details }: { details: Details }) {
  const { environments, images } = details;
  return (
    <Section title="What proposed, and what ran">
      {environments.length === 0 && Object.keys(images).length === 0 && <Empty>Not recorded.</Empty>}
      {environments.length > 0 && (
        <Scroll label="Versions that made the proposals">
          <table>
            <tbody>
              {environments.map((environment, place) => (
                <tr key={place}>
                  <td>
                    <span class="decisions">
                      {Object.entries(environment).map(([key, value]) => (
                        <span key={key}>
                          <span class="faint">
                            <Name text={key} most={40} />
                          </span>{" "}
                          <Name text={typeof value === "object" ? JSON.stringify(value) : String(value)} most={120} />
                        </span>
                      ))}
                    </span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {Object.keys(images).length > 0 && (
        <Scroll label="Images">
          <table class="pairs">
            <tbody>
              {Object.entries(images).map(([container, digests]) => (
                <tr key={container}>
                  <th scope="row">
                    <Name text={container} />
                  </th>
                  <td>
                    {digests.map((digest) => (
                      <div key={digest}>
                        <code>
                          <Name text={digest} most={160} />
                        </code>
                      </div>
                    ))}
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
