/** Text that somebody else has written: only ever text, of any length and direction. */
import { computed } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { age, clock, cut, duration, iso, moment } from "../format";
import { now } from "../data/now";
import { pieces } from "../data/sentence";

/** A name within a line: whatever its direction, what is around it keeps its order. */
export function Name({ text, most = 80 }: { text: string; most?: number }) {
  return <bdi title={text.length > most ? cut(text, 2000) : undefined}>{cut(text, most)}</bdi>;
}

/** A sentence within a line. */
export function Sentence({ text }: { text: string }) {
  return <bdi>{pieces(text).map((piece, place) => (piece.code ? <code key={place}>{piece.text}</code> : piece.text))}</bdi>;
}

/** A sentence or more; the rest of a long one is shown on demand. */
export function Words({ text, most = 300 }: { text: string; most?: number }) {
  const [whole, setWhole] = useState(false);
  if (text.length <= most)
    return (
      <span class="words">
        <Sentence text={text} />
      </span>
    );
  return (
    <span class="words">
      <Sentence text={whole ? text : cut(text, most)} />{" "}
      <button type="button" class="link" aria-expanded={whole} onClick={() => setWhole(!whole)}>
        {whole ? "less" : `all ${text.length.toLocaleString("en-US")} characters`}
      </button>
    </span>
  );
}

/** How old something is, growing by itself. */
export function Age({ since, suffix = "" }: { since: number | null; suffix?: string }) {
  // Only the text is written anew, and only when it is another: a list has hundreds of ages.
  const text = useMemo(() => computed(() => (since === null ? "" : `${age(now.value - since)}${suffix}`)), [since, suffix]);
  if (since === null) return <>–</>;
  return (
    <time dateTime={iso(since)} title={`${moment(since)} (${iso(since)})`}>
      {text}
    </time>
  );
}

/** When something was, as how long ago. */
export function Ago({ since }: { since: number | null }) {
  return <Age since={since} suffix=" ago" />;
}

/** How long something has taken, or takes until now. */
export function Lasted({ from, to }: { from: number | null; to: number | null }) {
  if (from === null) return <>–</>;
  return <span class="tabular">{duration(Math.max(0, (to ?? now.value) - from))}</span>;
}

/** A time of the day that stands still. */
export function Clock({ at }: { at: number }) {
  return (
    <time dateTime={iso(at)} title={iso(at)}>
      {clock(at)}
    </time>
  );
}

export function Moment({ at }: { at: number | null }) {
  if (at === null) return <>–</>;
  return (
    <time dateTime={iso(at)} title={iso(at)}>
      {moment(at)}
    </time>
  );
}
