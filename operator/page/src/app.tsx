/** Which view is shown, and what the stream of notices is asked for. */
import { useEffect, useErrorBoundary, useRef } from "preact/hooks";
import { path, route, type Route } from "./address";
import { watch } from "./data/stream";
import { Shell } from "./parts/shell";
import { ComparisonView } from "./views/comparison";
import { SearchView } from "./views/search";
import { SearchesView } from "./views/searches";
import { TrialView } from "./views/trial";
import { Fault, NotFound } from "./views/unknown";

export function App() {
  const shown = route.value;
  const wanted = watched(shown);
  useEffect(() => watch(wanted), [wanted.join("\n")]);
  useFocusOnArrival(path.value);
  return (
    <Shell>
      <Guarded key={path.value} shown={shown} />
    </Shell>
  );
}

function watched(shown: Route): readonly string[] {
  if (shown.view === "search" || shown.view === "trial") return [shown.id];
  return shown.view === "comparison" ? shown.ids : [];
}

/** Another page is announced by its heading; the first one is announced by the browser. */
function useFocusOnArrival(place: string): void {
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
  }, [place]);
}

/** A fault within a view leaves the way to others. */
function Guarded({ shown }: { shown: Route }) {
  const [error, again] = useErrorBoundary();
  if (error !== undefined) return <Fault error={error instanceof Error ? error : new Error(String(error))} again={again} />;
  switch (shown.view) {
    case "searches":
      return <SearchesView />;
    case "search":
      return <SearchView id={shown.id} />;
    case "trial":
      return <TrialView id={shown.id} index={shown.trial} />;
    case "comparison":
      return <ComparisonView ids={shown.ids} />;
    case "unknown":
      return <NotFound what="There is nothing at this address" />;
  }
}
