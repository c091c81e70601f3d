/** What the list of searches shows, and in which order. */
import type { Phase, Summary } from "../api/types";

/** Said in place of a phase where nothing of a record could be read. */
export const UNREADABLE = "Unreadable";
/** What the list can be filtered by. */
export type ListState = Phase | typeof UNREADABLE;

export const stateOf = (search: Summary): ListState => search.phase ?? UNREADABLE;

export type ListKey = "name" | "phase" | "best" | "trials" | "gpus" | "age";
export interface ListSorting {
  readonly key: ListKey;
  readonly descending: boolean;
}

const KEYS: readonly ListKey[] = ["name", "phase", "best", "trials", "gpus", "age"];

/** Those that were made last come first unless said otherwise. */
export function readListSorting(text: string | null): ListSorting {
  const descending = text?.startsWith("-") ?? false;
  const key = KEYS.find((each) => each === (descending ? text!.slice(1) : text));
  return key === undefined ? { key: "age", descending: false } : { key, descending };
}

/** Those that have all words in their name, namespace, place, agent, metric, labels or what they say. */
export function filterSearches(all: readonly Summary[], text: string, states: ReadonlySet<ListState>): Summary[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((search) => {
    if (states.size > 0 && !states.has(stateOf(search))) return false;
    const labels = Object.entries(search.labels).map(([key, value]) => `${key}=${value}`);
    const line = [search.name, search.namespace, search.reference, search.agent, search.metric, search.says, search.blocked, ...labels]
      .join(" ")
      .toLowerCase();
    return words.every((word) => line.includes(word));
  });
}

export function sortSearches(searches: readonly Summary[], sorting: ListSorting): Summary[] {
  const keys: Readonly<Record<ListKey, (search: Summary) => string | number | null>> = {
    name: (search) => search.name,
    phase: stateOf,
    best: (search) => search.best?.value ?? null,
    trials: (search) => search.counts["total"] ?? 0,
    gpus: (search) => (search.usesGpus ? search.gpuHours : null),
    age: (search) => (search.created === null ? null : -search.created),
  };
  const of = keys[sorting.key];
  const sign = sorting.descending ? -1 : 1;
  return [...searches].sort((a, b) => {
    const left = of(a);
    const right = of(b);
    if (left === right) return a.id < b.id ? -1 : 1;
    if (left === null) return 1;
    if (right === null) return -1;
    return sign * (left < right ? -1 : 1);
  });
}

/** Those whose name and namespace another one has, too: the place of each tells them apart. */
export function namesakes(searches: readonly Summary[]): ReadonlySet<string> {
  const named = new Map<string, string[]>();
  for (const { id, name, namespace } of searches) {
    const key = JSON.stringify([namespace, name]);
    named.set(key, [...(named.get(key) ?? []), id]);
  }
  return new Set([...named.values()].filter((ids) => ids.length > 1).flat());
}

export interface ListGroup {
  readonly label: string;
  readonly searches: readonly Summary[];
}

/** By where they are recorded. */
export function groupsOf(searches: readonly Summary[]): ListGroup[] {
  const groups = new Map<string, Summary[]>();
  for (const search of searches) {
    const label =
      search.origin === "run"
        ? "Runs on this machine"
        : search.origin === "export"
          ? "Exported searches"
          : `In the cluster, namespace ${search.namespace ?? ""}`;
    groups.set(label, [...(groups.get(label) ?? []), search]);
  }
  return [...groups].map(([label, members]) => ({ label, searches: members })).sort((a, b) => (a.label < b.label ? -1 : 1));
}
