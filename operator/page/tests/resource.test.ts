// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Refused, Unreachable } from "../src/api/client";
import { newResource } from "../src/data/resource";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A server that answers when it is told to. */
function server() {
  const asked: { known: string | null; answer: (text: string) => Promise<void>; fail: (error: Error) => Promise<void> }[] = [];
  const fetch = (known: string | null): Promise<string> =>
    new Promise((resolve, reject) => {
      asked.push({
        known,
        answer: async (text) => {
          resolve(text);
          await vi.advanceTimersByTimeAsync(0);
        },
        fail: async (error) => {
          reject(error);
          await vi.advanceTimersByTimeAsync(0);
        },
      });
    });
  return { asked, fetch };
}

test("nothing is asked for until somebody looks, and nothing once nobody does", async () => {
  const { asked, fetch } = server();
  const resource = newResource(fetch);
  resource.ask();
  expect(asked).toHaveLength(0);
  const release = resource.use();
  expect(asked).toHaveLength(1);
  await asked[0]!.answer("a");
  release();
  resource.ask();
  expect(asked).toHaveLength(1);
  resource.use();
  expect(asked).toHaveLength(2);
});

test("a change during a request is asked for after it, once however many there were", async () => {
  const { asked, fetch } = server();
  const resource = newResource(fetch);
  resource.use();
  resource.ask();
  resource.ask();
  expect(asked).toHaveLength(1);
  await asked[0]!.answer("before");
  expect(asked).toHaveLength(2);
  expect(asked[1]!.known).toBe("before");
  await asked[1]!.answer("after");
  expect(resource.data.value).toBe("after");
  expect(asked).toHaveLength(2);
});

test("requests keep their distance, and the last change is not lost", async () => {
  const { asked, fetch } = server();
  const resource = newResource(fetch, 1000);
  resource.use();
  await asked[0]!.answer("a");
  resource.ask();
  await vi.advanceTimersByTimeAsync(900);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(asked).toHaveLength(2);
});

test("what was known stays while the server does not answer, which is asked again", async () => {
  const { asked, fetch } = server();
  const resource = newResource(fetch);
  resource.use();
  await asked[0]!.answer("a");
  resource.ask();
  await asked[1]!.fail(new Unreachable("gone"));
  expect(resource.data.value).toBe("a");
  expect(resource.problem.value?.message).toBe("gone");
  await vi.advanceTimersByTimeAsync(1100);
  expect(asked).toHaveLength(3);
  await asked[2]!.answer("b");
  expect(resource.problem.value).toBeNull();
});

test("a request that was refused because of itself is not repeated until something changes", async () => {
  const { asked, fetch } = server();
  const resource = newResource(fetch);
  resource.use();
  await asked[0]!.fail(new Refused(404, "There is no such search."));
  await vi.advanceTimersByTimeAsync(120_000);
  expect(asked).toHaveLength(1);
  resource.ask();
  expect(asked).toHaveLength(2);
});

test("after a reset nothing is taken to be known, an answer under way is dropped, and what is shown stays", async () => {
  const { asked, fetch } = server();
  const resource = newResource(fetch);
  resource.use();
  await asked[0]!.answer("old");
  resource.ask();
  resource.reset();
  await asked[1]!.answer("of the old server");
  expect(resource.data.value).toBe("old");
  expect(asked[2]!.known).toBeNull();
  await asked[2]!.answer("new");
  expect(resource.data.value).toBe("new");
});

test("what was stopped asks no more", async () => {
  const { asked, fetch } = server();
  const resource = newResource(fetch);
  resource.use();
  resource.stop();
  await asked[0]!.answer("late");
  resource.ask();
  expect(asked).toHaveLength(1);
  expect(resource.data.value).toBeNull();
});
