/** What is around every view: the way back, whether what is shown is current, the theme. */
import type { ComponentChildren } from "preact";
import { brokenSince, connected, page, staleSources } from "../data/stream";
import { browserNow } from "../data/now";
import { choice, choose, type Choice } from "../theme";
import { Announcer } from "./announce";
import { Clock, Sentence } from "./text";

/** It is not worth a word that a stream was reopened at once. */
const WORTH_A_WORD_S = 3;

export function Shell({ children }: { children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="top">
        <nav aria-label="Site">
          <a href="/" class="brand">
            <svg viewBox="0 0 32 32" aria-hidden="true">
              <rect width="32" height="32" rx="7" />
              <path d="M5 25 L12 18 L17 20.5 L27 8" />
            </svg>
            evonas
          </a>
        </nav>
        <Liveness />
        <Theme />
      </header>
      <Stale />
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <footer class="bottom">
        {page.value && <span>evonas {page.value.version}</span>}
        {page.value?.readOnly && <span>This page is read-only.</span>}
      </footer>
      <Announcer />
    </>
  );
}

function Liveness() {
  const since = brokenSince.value;
  const long = since !== null && browserNow.value - since / 1000 > WORTH_A_WORD_S;
  const state = connected.value ? "live" : long ? "stale" : "wait";
  return (
    <span class={`liveness ${state}`} role="status">
      {state === "live" ? "Live" : state === "stale" ? "Not live" : "Connecting"}
    </span>
  );
}

/** An alert is read out whenever its text changes: nothing in it counts the seconds. */
function Stale() {
  const since = brokenSince.value;
  const silent = since !== null && browserNow.value - since / 1000 > WORTH_A_WORD_S;
  return (
    <>
      {silent && (
        <div class="stale" role="alert">
          Nothing has been heard from the server since <Clock at={since / 1000} />: what is shown may be out of date.
          Trying again.
        </div>
      )}
      {!silent &&
        staleSources.value.map((source) => (
          <div class="stale" role="alert" key={source.name}>
            <bdi>{source.name}</bdi> may be out of date: <Sentence text={source.problem ?? ""} />
            {source.seen !== null && (
              <>
                {" "}
                (last seen at <Clock at={source.seen} />)
              </>
            )}
          </div>
        ))}
    </>
  );
}

const THEMES: readonly (readonly [Choice, string])[] = [
  ["system", "Theme: system"],
  ["light", "Theme: light"],
  ["dark", "Theme: dark"],
];

function Theme() {
  return (
    <label class="theme">
      <span class="unseen">Light or dark</span>
      <select value={choice.value} onChange={(event) => choose(event.currentTarget.value as Choice)}>
        {THEMES.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}
