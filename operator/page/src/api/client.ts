/** Requests to the server of the page. */
import { heardTheTime } from "./clock";
import type {
  Analysis,
  Comparison,
  Curve,
  Curves,
  Details,
  Done,
  Explanation,
  Happenings,
  Order,
  Page,
  Permission,
  Ranks,
  Searches,
  TrialDetails,
  Trials,
} from "./types";
import { identities } from "../address";

/** The server has answered, but not with what was asked for; its message says why. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** There was no answer. */
export class Unreachable extends Error {}

const BASE = "/api/v1";
/** Longer than any answer takes; a request that was lost must not keep a view from asking again. */
const PATIENCE_MS = 60_000;

async function answer(address: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(BASE + address, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new Unreachable("The server of this page does not answer.", { cause: error });
  }
  heardTheTime(response.headers.get("date"));
  if (response.ok) return response;
  throw new Refused(response.status, await said(response));
}

async function said(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (body !== null && typeof body === "object" && "message" in body) return String(body.message);
  } catch {
    // Not this server's own words: a proxy's, for example.
  }
  return `The server answered ${response.status} ${response.statusText}.`;
}

async function json<T>(address: string, init?: RequestInit): Promise<T> {
  const response = await answer(address, init);
  return (await response.json()) as T;
}

const search = (id: string): string => `/searches/${encodeURIComponent(id)}`;
const trial = (id: string, index: number): string => `${search(id)}/trials/${index}`;

export const api = {
  page: () => json<Page>("/page"),
  searches: (since: number) => json<Searches>(`/searches?since=${since}`),
  details: (id: string) => json<Details>(search(id)),
  trials: (id: string, since: number) => json<Trials>(`${search(id)}/trials?since=${since}`),
  ranks: (id: string) => json<Ranks>(`${search(id)}/ranks`),
  curves: (id: string) => json<Curves>(`${search(id)}/curves`),
  analysis: (id: string) => json<Analysis>(`${search(id)}/analysis`),
  happenings: (id: string) => json<Happenings>(`${search(id)}/happenings`),
  trial: (id: string, index: number) => json<TrialDetails>(trial(id, index)),
  explanation: (id: string, index: number) => json<Explanation>(`${trial(id, index)}/explanation`),
  curve: (id: string, index: number) => json<Curve>(`${trial(id, index)}/curve`),
  log: async (id: string, index: number, attempt: number | null, tail: number): Promise<string> => {
    const which = attempt === null ? "" : `attempt=${attempt}&`;
    return (await answer(`${trial(id, index)}/log?${which}tail=${tail}`)).text();
  },
  comparison: (ids: readonly string[]) => json<Comparison>(`/comparison?${identities(ids)}`),
  permissions: (id: string) => json<Permission[]>(`${search(id)}/actions`),
  act: (id: string, order: Order) =>
    json<Done>(`${search(id)}/actions`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Evonas-Request": "1" },
      body: JSON.stringify(order),
    }),
};

/** The static report of some searches, as a file. */
export function reportAddress(ids: readonly string[]): string {
  return ids.length === 1 ? `${BASE}${search(ids[0]!)}/report` : `${BASE}/report?${identities(ids)}`;
}

export function changesAddress(ids: readonly string[]): string {
  return `${BASE}/changes${ids.length > 0 ? `?${identities(ids)}` : ""}`;
}
