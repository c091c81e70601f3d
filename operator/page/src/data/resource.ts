/**
 * Something of the server's that is kept current as long as somebody looks at it: asked for again whenever it may have
 * changed, once at a time.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import { Refused } from "../api/client";

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

export interface Resource<T> {
  /** The last answer; kept when later requests fail. */
  readonly data: ReadonlySignal<T | null>;
  /** Why the last request failed. */
  readonly problem: ReadonlySignal<Error | null>;
  /** Somebody looks at it, until the function that is returned is called. */
  readonly use: () => () => void;
  /**
   * It may have changed: ask, now or once the request that is under way has ended, which may have been answered before
   * the change; or as soon as somebody looks at it.
   */
  readonly ask: () => void;
  /** Ask as if nothing were known; until there is an answer, what was known is shown. */
  readonly reset: () => void;
  readonly stop: () => void;
}

/**
 * ``fetch`` is given what is known, and returns what is known then. Requests are at least ``every`` milliseconds
 * apart. A failed request is repeated; one that was refused because of itself (4xx) is not until ``ask`` is called.
 */
export function newResource<T>(fetch: (known: T | null) => Promise<T>, every = 0): Resource<T> {
  const data = signal<T | null>(null);
  const problem = signal<Error | null>(null);
  let stopped = false;
  let running = false;
  let wanted = true;
  let users = 0;
  let generation = 0;
  let forgotten = false;
  /** Before then no request is made. */
  let earliest = 0;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Make the request that is wanted, unless it is not its time. */
  const next = (): void => {
    clearTimeout(timer);
    if (stopped || running || !wanted || users === 0) return;
    const wait = earliest - performance.now();
    if (wait > 0) timer = setTimeout(next, wait);
    else void request();
  };

  const request = async (): Promise<void> => {
    running = true;
    wanted = false;
    earliest = performance.now() + every;
    const mine = generation;
    try {
      const answer = await fetch(forgotten ? null : data.peek());
      if (!stopped && mine === generation) {
        failures = 0;
        forgotten = false;
        problem.value = null;
        data.value = answer;
      }
    } catch (error) {
      if (!stopped && mine === generation) {
        problem.value = error instanceof Error ? error : new Error(String(error));
        if (!(error instanceof Refused && error.status < 500)) {
          wanted = true;
          earliest = performance.now() + Math.min(FIRST_RETRY_MS * 2 ** failures++, LAST_RETRY_MS);
        }
      }
    }
    running = false;
    next();
  };

  const ask = (): void => {
    wanted = true;
    next();
  };

  return {
    data,
    problem,
    ask,
    use: () => {
      users++;
      next();
      return () => {
        users--;
      };
    },
    reset: () => {
      generation++;
      forgotten = true;
      earliest = 0;
      ask();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
