/**
 * The one stream of notices of this tab. A notice says only that something is newer; what was missed while the stream
 * was broken is made good by asking for everything that is looked at once it is open again.
 */
import { computed, signal } from "@preact/signals";
import { api, changesAddress } from "../api/client";
import type { ChangeKind, Notice, Page } from "../api/types";

/** The server sends something at least every 5 seconds. */
const SILENCE_MS = 12_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;
const KINDS: readonly ChangeKind[] = ["beat", "searches", "search", "gone", "source"];

/** What wants to know of changes. */
export interface Listener {
  readonly notice: (notice: Notice) => void;
  /** Ask for everything: notices may have been missed. If ``anew``, revisions that are known mean nothing now. */
  readonly catchUp: (anew: boolean) => void;
}

export const connected = signal(false);
/** When something was last heard, in milliseconds since 1970. */
export const heard = signal<number | null>(null);
export const page = signal<Page | null>(null);
/** Since when nothing is heard, in milliseconds since 1970; null while all is well. */
const broken = signal<number | null>(null);
export const brokenSince = computed(() => broken.value);
export const staleSources = computed(() => page.value?.sources.filter((source) => source.problem !== null) ?? []);

const listeners = new Set<Listener>();
let source: EventSource | null = null;
let ids: readonly string[] = [];
let failures = 0;
let retry: ReturnType<typeof setTimeout> | undefined;
let silence: ReturnType<typeof setTimeout> | undefined;

export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Notices of these searches are wanted, besides those of the list. */
export function watch(wanted: readonly string[]): void {
  if (source !== null && wanted.length === ids.length && wanted.every((id, i) => id === ids[i])) return;
  ids = wanted;
  open();
}

function open(): void {
  source?.close();
  clearTimeout(retry);
  const mine = new EventSource(changesAddress(ids));
  source = mine;
  alive(false);
  mine.onopen = () => void opened(mine);
  mine.onerror = () => {
    if (source === mine) lost();
  };
  for (const kind of KINDS)
    mine.addEventListener(kind, (event) => {
      if (source !== mine) return;
      alive(true);
      const notice = JSON.parse((event as MessageEvent<string>).data) as Notice;
      if (notice.kind === "source") void askPage();
      for (const listener of [...listeners]) listener.notice(notice);
    });
}

async function opened(mine: EventSource): Promise<void> {
  const before = page.peek()?.started;
  await askPage();
  if (source !== mine) return;
  failures = 0;
  alive(true);
  const anew = before !== undefined && page.peek()?.started !== before;
  for (const listener of [...listeners]) listener.catchUp(anew);
}

async function askPage(): Promise<void> {
  try {
    page.value = await api.page();
  } catch {
    // The stream breaks, too, if the server is gone; that is where it is dealt with.
  }
}

/** Something was heard, or a stream has just been asked for: it has as long as any silence may be. */
function alive(said: boolean): void {
  if (said) {
    connected.value = true;
    broken.value = null;
    heard.value = Date.now();
  }
  clearTimeout(silence);
  silence = setTimeout(lost, SILENCE_MS);
}

function lost(): void {
  source?.close();
  clearTimeout(silence);
  connected.value = false;
  broken.value ??= heard.peek() ?? Date.now();
  clearTimeout(retry);
  // Not all viewers of a server that was restarted come back at the same moment.
  const wait = Math.min(FIRST_RETRY_MS * 2 ** failures++, LAST_RETRY_MS) * (0.75 + Math.random() / 2);
  retry = setTimeout(open, wait);
}

/** A machine that was asleep, or had no network, need not wait for the next try. */
export function reconnectWhenBack(): void {
  const back = (): void => {
    if (broken.peek() !== null && document.visibilityState === "visible") {
      failures = 0;
      open();
    }
  };
  addEventListener("online", back);
  document.addEventListener("visibilitychange", back);
}
