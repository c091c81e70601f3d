/** What a trial printed. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Summary, TrialDetails } from "../../api/types";
import { withoutLog } from "../../data/log";
import { count } from "../../format";
import { Empty, Section } from "../../parts/boxes";
import { Words } from "../../parts/text";

const LOG_EVERY_MS = 3_000;
const TAILS = [200, 1000, 10_000] as const;

/** The end of what it printed, read again while it runs. */
export function Log({ id, origin, trial }: { id: string; origin: Summary["origin"]; trial: TrialDetails }) {
  const without = withoutLog(origin, trial);
  const [attempt, setAttempt] = useState<number | null>(null);
  const [tail, setTail] = useState<number>(TAILS[0]);
  const [text, setText] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const box = useRef<HTMLPreElement>(null);
  const running = trial.attempts.some((each) => each.running);
  useEffect(() => {
    if (without !== null) return undefined;
    let stopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async (): Promise<void> => {
      try {
        const log = await api.log(id, trial.index, attempt, tail);
        if (stopped) return;
        const element = box.current;
        const atEnd = element === null || element.scrollHeight - element.scrollTop - element.clientHeight < 24;
        setText(log);
        setProblem(null);
        if (atEnd) requestAnimationFrame(() => box.current?.scrollTo(0, box.current.scrollHeight));
      } catch (error) {
        if (!stopped) setProblem(error instanceof Error ? error.message : String(error));
      }
      if (!stopped && running) timer = setTimeout(() => void read(), LOG_EVERY_MS);
    };
    void read();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [id, trial.index, trial.state, trial.attempts.length, attempt, tail, running, without]);
  return (
    <Section
      title="Log"
      tools={
        without === null && <>
          {trial.attempts.length > 1 && (
            <label class="pickone">
              <span class="faint">Attempt</span>
              <select
                value={attempt ?? ""}
                onChange={(event) => setAttempt(event.currentTarget.value === "" ? null : Number(event.currentTarget.value))}
              >
                <option value="">the latest</option>
                {trial.attempts.map((each) => (
                  <option key={each.number} value={each.number}>
                    {each.number}
                  </option>
                ))}
              </select>
            </label>
          )}
          <label class="pickone">
            <span class="faint">Last lines</span>
            <select value={tail} onChange={(event) => setTail(Number(event.currentTarget.value))}>
              {TAILS.map((lines) => (
                <option key={lines} value={lines}>
                  {count(lines)}
                </option>
              ))}
            </select>
          </label>
        </>
      }
      note={running ? "Read again every three seconds while it runs." : undefined}
    >
      {without !== null || problem !== null ? (
        <Empty>
          <Words text={without ?? problem!} />
        </Empty>
      ) : text === null ? (
        <Empty>Reading the log…</Empty>
      ) : text === "" ? (
        <Empty>It has printed nothing.</Empty>
      ) : (
        <pre class="block log" ref={box} tabIndex={0} aria-label="Log" dir="auto">
          {text}
        </pre>
      )}
    </Section>
  );
}
