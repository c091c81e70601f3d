/** Charts that follow a search only while they are seen, or nearly so: a page has more of them than a window shows. */
import { computed, useSignal, type ReadonlySignal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { TrialTable } from "../data/table";

/** The same as that of what is drawn: a chart that is about to be seen is ready. */
export const MARGIN = "200px";

interface Followed {
  readonly trials: ReadonlySignal<TrialTable>;
}

/** A chart that keeps what it shows while it is out of sight, and catches up once it is not. */
export function inSight<P extends Followed>(Chart: FunctionComponent<P>): FunctionComponent<P> {
  return function Seen(props: P) {
    const host = useRef<HTMLDivElement>(null);
    const seen = useSignal(true);
    useEffect(() => {
      const sight = new IntersectionObserver((entries) => (seen.value = entries.at(-1)!.isIntersecting), { rootMargin: MARGIN });
      sight.observe(host.current!);
      return () => sight.disconnect();
    }, []);
    const trials = useMemo(() => heldUnless(seen, props.trials), [props.trials]);
    const kept = useRef(props);
    // What was kept of another search is not this one's.
    if (seen.value || kept.current.trials !== props.trials) kept.current = props;
    const shown = kept.current;
    const chart = useMemo(() => <Chart {...shown} trials={trials} />, [shown, trials]);
    return <div ref={host}>{chart}</div>;
  };
}

/** A signal that stands still, and listens to nothing, while nobody sees what depends on it. */
export function heldUnless<T>(seen: ReadonlySignal<boolean>, signal: ReadonlySignal<T>): ReadonlySignal<T> {
  let held = signal.peek();
  return computed(() => (seen.value ? (held = signal.value) : held));
}
