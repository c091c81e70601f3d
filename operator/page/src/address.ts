/** Where the page is: every view has an address, and nothing of a view that could be shared is kept elsewhere. */
import { computed, signal } from "@preact/signals";
import { asAxis, type Axis } from "./data/axes";
import type { Brush, Brushes } from "./data/selection";
import type { DecisionValue } from "./data/table";

export type Route =
  | { readonly view: "searches" }
  | { readonly view: "search"; readonly id: string }
  | { readonly view: "trial"; readonly id: string; readonly trial: number }
  | { readonly view: "comparison"; readonly ids: readonly string[] }
  | { readonly view: "unknown" };

export function routeOf(path: string, query: URLSearchParams): Route {
  let parts: string[];
  try {
    parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return { view: "unknown" }; // A malformed escape.
  }
  const [first, id, under, index, ...more] = parts;
  if (first === undefined) return { view: "searches" };
  if (first === "compare" && id === undefined) return { view: "comparison", ids: query.getAll("id") };
  if (first !== "searches" || id === undefined || more.length > 0) return { view: "unknown" };
  if (under === undefined) return { view: "search", id };
  if (under !== "trials" || index === undefined || !/^\d+$/.test(index)) return { view: "unknown" };
  return { view: "trial", id, trial: Number(index) };
}

export const searchPath = (id: string): string => `/searches/${encodeURIComponent(id)}`;
export const trialPath = (id: string, trial: number): string => `${searchPath(id)}/trials/${trial}`;
export const comparisonPath = (ids: readonly string[]): string => `/compare?${identities(ids)}`;

/** As parameters of an address. */
export function identities(ids: readonly string[]): string {
  return ids.map((id) => `id=${encodeURIComponent(id)}`).join("&");
}

/** Selected trials as ranges: ``0-3,7``. */
export function writeSelected(selected: ReadonlySet<number>): string {
  const sorted = [...selected].sort((a, b) => a - b);
  const ranges: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    ranges.push(end === i ? `${sorted[i]}` : `${sorted[i]}-${sorted[end]}`);
    i = end + 1;
  }
  return ranges.join(",");
}

/** A range ends at ``most``: an address cannot ask for more memory than a search has trials. */
export function readSelected(text: string | null, most = 1_000_000): Set<number> {
  const selected = new Set<number>();
  for (const range of (text ?? "").split(",")) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range);
    if (match === null) continue;
    const last = Math.min(Number(match[2] ?? match[1]), most);
    for (let trial = Number(match[1]); trial <= last; trial++) selected.add(trial);
  }
  return selected;
}

/** One parameter a brush, as JSON: values may be any text, and 1 is not "1". */
export function writeBrush(axis: Axis, brush: Brush): string {
  return JSON.stringify("from" in brush ? [axis, "from", brush.from, brush.to] : [axis, "in", ...brush.values]);
}

export function readBrushes(written: readonly string[]): Brushes {
  const brushes = new Map<Axis, Brush>();
  for (const text of written) {
    const brush = readBrush(text);
    if (brush !== null) brushes.set(...brush);
  }
  return brushes;
}

function readBrush(text: string): [Axis, Brush] | null {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(parts) || typeof parts[0] !== "string") return null;
  const [name, kind, ...values] = parts as [string, unknown, ...unknown[]];
  const axis = asAxis(name);
  if (axis === null) return null;
  if (kind === "in" && values.every(isValue)) return [axis, { values }];
  // JSON has no infinity: an end that is open is null.
  const [from, to] = [values[0] ?? -Infinity, values[1] ?? Infinity];
  return kind === "from" && typeof from === "number" && typeof to === "number" ? [axis, { from, to }] : null;
}

function isValue(value: unknown): value is DecisionValue | null {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

const place = signal({ path: location.pathname, query: location.search });
export const query = computed(() => new URLSearchParams(place.value.query));
/** The parameters of a comparison are what it shows; those of other views are how it is shown. */
export const route = computed<Route>(
  () => routeOf(place.value.path, query.value),
);
/** The part before the question mark: another one is another page. */
export const path = computed(() => place.value.path);

function read(): void {
  place.value = { path: location.pathname, query: location.search };
}

export function go(href: string): void {
  history.pushState(null, "", href);
  read();
}

/** Change parameters of the address; null takes one away. */
export function setQuery(changes: Readonly<Record<string, string | readonly string[] | null>>, push = false): void {
  const next = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    if (typeof value === "string") next.set(name, value);
    else for (const each of value ?? []) next.append(name, each);
  }
  const search = next.size > 0 ? `?${next}` : "";
  if (search === location.search) return;
  history[push ? "pushState" : "replaceState"](null, "", `${location.pathname}${search}${location.hash}`);
  read();
}

/** Links within the page do not load it again. */
export function followLinks(root: Document): void {
  addEventListener("popstate", read);
  root.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.pathname.startsWith("/api/")) return;
    if (link.pathname === location.pathname && link.search === location.search && link.hash) return;
    event.preventDefault();
    go(link.href);
  });
}
