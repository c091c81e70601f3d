/** Boxes that hold other things: sections, tables that scroll by themselves, what is said instead of content. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { ReadonlySignal } from "@preact/signals";
import type { Tone } from "./state";
import { Words } from "./text";

export function Section({
  title,
  children,
  tools,
  note,
}: {
  title: string;
  children: ComponentChildren;
  tools?: ComponentChildren;
  note?: ComponentChildren;
}) {
  const label = useId();
  return (
    <section class="part" aria-labelledby={label}>
      <header>
        <h2 id={label}>{title}</h2>
        {tools && <div class="tools">{tools}</div>}
      </header>
      {note && <p class="faint">{note}</p>}
      {children}
    </section>
  );
}

/** What is wider than the window scrolls here, by keyboard as well. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

export function Callout({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <div class={`callout ${tone}`} role={tone === "bad" ? "alert" : "note"}>
      {children}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** What there is instead of content: it is on its way, or why it is not there. */
export function Waiting({
  problem,
  what,
  retry,
}: {
  problem: ReadonlySignal<Error | null>;
  what: string;
  retry?: () => void;
}) {
  const error = problem.value;
  if (error === null)
    return (
      <p class="empty" aria-busy="true">
        Reading {what}…
      </p>
    );
  return (
    <Callout tone="bad">
      <p>
        Cannot show {what}: <Words text={error.message} />
      </p>
      {retry && (
        <button type="button" class="small" onClick={retry}>
          Try again
        </button>
      )}
    </Callout>
  );
}

/** A term and what belongs to it, in a row of such. */
export function Fact({ term, children, title }: { term: string; children: ComponentChildren; title?: string }) {
  return (
    <div class="fact" title={title}>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export interface Part {
  readonly label: string;
  readonly share: number;
  readonly tone: Tone;
}

/** Shares of a whole, one beside the other. */
export function Bar({ parts, label }: { parts: readonly Part[]; label: string }) {
  return (
    <span class="bar" role="img" aria-label={label} title={label}>
      {parts.map((part) =>
        part.share > 0 ? <i key={part.label} class={part.tone} style={{ width: `${100 * Math.min(1, part.share)}%` }} /> : null,
      )}
    </span>
  );
}
