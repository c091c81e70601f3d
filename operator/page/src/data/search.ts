/** Everything of the search that is looked at; each part is asked for once a view needs it, and kept current then. */
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { api, Refused } from "../api/client";
import type { Analysis, Curve, Curves, Details, Explanation, Happenings, Notice, Permission, Ranks, TrialDetails } from "../api/types";
import { newResource, type Resource } from "./resource";
import { newSelection, type Selection } from "./selection";
import { listen } from "./stream";
import { emptyTable, merge, withRanks, type TrialTable } from "./table";

/** Deriving it costs the server seconds for a large search. */
const ANALYSIS_EVERY_MS = 10_000;
const HAPPENINGS_EVERY_MS = 5_000;
const CURVES_EVERY_MS = 1_000;

export interface Search {
  readonly id: string;
  readonly details: Resource<Details>;
  readonly table: Resource<TrialTable>;
  /** Of a search with several objectives. */
  readonly ranks: Resource<Ranks>;
  /** Empty until there was an answer; with the ranks, where they are known. */
  readonly trials: ReadonlySignal<TrialTable>;
  readonly curves: Resource<Curves>;
  readonly analysis: Resource<Analysis>;
  readonly happenings: Resource<Happenings>;
  readonly permissions: Resource<Permission[]>;
  readonly selection: Selection;
  /** It no longer exists; what is shown of it is what was known last. */
  readonly gone: ReadonlySignal<boolean>;
  readonly stop: () => void;
}

export interface OneTrial {
  readonly details: Resource<TrialDetails>;
  readonly explanation: Resource<Explanation>;
  readonly curve: Resource<Curve>;
  readonly stop: () => void;
}

export function openSearch(id: string): Search {
  const deleted = signal(false);
  const details = newResource(() => api.details(id));
  const table = newResource<TrialTable>(async (known) =>
    merge(known ?? emptyTable, await api.trials(id, known?.revision ?? 0)),
  );
  const ranks = newResource(() => api.ranks(id), CURVES_EVERY_MS);
  const curves = newResource(() => api.curves(id), CURVES_EVERY_MS);
  const analysis: Resource<Analysis> = newResource(async () => {
    const answer = await api.analysis(id);
    // It may lag behind trials that change quickly; there is no notice of its own when it has caught up.
    if (answer.revision < trials.peek().revision) setTimeout(analysis.ask, ANALYSIS_EVERY_MS);
    return answer;
  }, ANALYSIS_EVERY_MS);
  const happenings = newResource(() => api.happenings(id), HAPPENINGS_EVERY_MS);
  const permissions = newResource(() => api.permissions(id), HAPPENINGS_EVERY_MS);
  const parts: readonly Resource<unknown>[] = [details, table, ranks, curves, analysis, happenings, permissions];
  const trials = computed(() => withRanks(table.data.value ?? emptyTable, ranks.data.value));

  const stopListening = listen({
    notice: (notice) => {
      if (!concerns(notice, id)) return;
      deleted.value = notice.kind === "gone";
      if (!deleted.value) for (const part of parts) part.ask();
    },
    catchUp: (anew) => {
      // Numbers of revisions are compared for trials alone; the other parts may be shown until they are replaced.
      if (anew) table.reset();
      for (const part of parts) part.ask();
    },
  });
  // It was deleted while no stream was open.
  const stopWatching = effect(() => {
    const problem = details.problem.value;
    if (details.data.peek() !== null) deleted.value = problem instanceof Refused && problem.status === 404;
  });

  return {
    id,
    details,
    table,
    ranks,
    trials,
    curves,
    analysis,
    happenings,
    permissions,
    selection: newSelection(trials),
    gone: deleted,
    stop: () => {
      stopListening();
      stopWatching();
      for (const part of parts) part.stop();
    },
  };
}

export function openTrial(id: string, index: number): OneTrial {
  const details = newResource(() => api.trial(id, index));
  const explanation = newResource(() => api.explanation(id, index), ANALYSIS_EVERY_MS);
  const curve = newResource(() => api.curve(id, index), CURVES_EVERY_MS);
  const parts: readonly Resource<unknown>[] = [details, explanation, curve];
  const stopListening = listen({
    notice: (notice) => {
      if (notice.kind === "search" && concerns(notice, id)) for (const part of parts) part.ask();
    },
    catchUp: () => {
      for (const part of parts) part.ask();
    },
  });
  return {
    details,
    explanation,
    curve,
    stop: () => {
      stopListening();
      for (const part of parts) part.stop();
    },
  };
}

function concerns(notice: Notice, id: string): boolean {
  return notice.id === id && (notice.kind === "search" || notice.kind === "gone");
}

let current: Search | null = null;

/** The search of this name; the one that was looked at last is kept, so that the way back to it costs nothing. */
export function searchOf(id: string): Search {
  if (current?.id === id && !current.gone.peek()) return current;
  current?.stop();
  current = openSearch(id);
  return current;
}
