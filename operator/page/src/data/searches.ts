/** All searches on one line each, kept current as long as the page is open. */
import { api } from "../api/client";
import type { Searches, Summary } from "../api/types";
import { newResource } from "./resource";
import { listen } from "./stream";

export interface KnownSearches {
  readonly revision: number;
  readonly byId: ReadonlyMap<string, Summary>;
}

/** What is known after an answer. */
export function mergeSearches(known: KnownSearches | null, answer: Searches): KnownSearches {
  if (known !== null && !answer.complete && answer.revision < known.revision) return known;
  const byId = new Map(answer.complete ? [] : (known?.byId ?? []));
  for (const id of answer.gone) byId.delete(id);
  for (const search of answer.searches) byId.set(search.id, search);
  return { revision: answer.revision, byId };
}

export const searches = newResource<KnownSearches>(async (known) =>
  mergeSearches(known, await api.searches(known?.revision ?? 0)),
);

export function keepSearches(): void {
  listen({
    notice: (notice) => {
      if (notice.kind === "searches" || notice.kind === "gone" || notice.kind === "source") searches.ask();
    },
    catchUp: (anew) => (anew ? searches.reset() : searches.ask()),
  });
}
