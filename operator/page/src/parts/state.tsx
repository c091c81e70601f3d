/** Phases and states: a word, and a colour that nobody needs to see. */
import type { Phase, TrialState } from "../api/types";
import { UNREADABLE } from "../data/list";

export type Tone = "good" | "bad" | "warn" | "busy" | "quiet";

const PHASES: Readonly<Record<Phase, Tone>> = {
  Pending: "quiet",
  Refused: "bad",
  Running: "busy",
  Suspended: "warn",
  Stopped: "warn",
  Complete: "good",
  Failed: "bad",
};
const STATES: Readonly<Record<TrialState, Tone>> = {
  Pending: "quiet",
  Queued: "quiet",
  Running: "busy",
  Paused: "warn",
  Succeeded: "good",
  Infeasible: "bad",
  Failed: "bad",
  Stopped: "quiet",
  Cancelled: "quiet",
};
/** In the order of a bar, from done to not begun. */
export const STATE_ORDER: readonly TrialState[] = [
  "Succeeded",
  "Stopped",
  "Infeasible",
  "Failed",
  "Cancelled",
  "Paused",
  "Running",
  "Queued",
  "Pending",
];

/** What a search is in, for people: a phase, or that nothing of it could be read. */
export function PhaseMark({ phase }: { phase: Phase | null }) {
  return <span class={`mark ${phase === null ? "bad" : PHASES[phase]}`}>{phase ?? UNREADABLE}</span>;
}

export function StateMark({ state }: { state: TrialState }) {
  return <span class={`mark ${STATES[state]}`}>{state}</span>;
}

export const toneOf = (state: TrialState): Tone => STATES[state];
export const UNFINISHED: ReadonlySet<TrialState> = new Set(["Pending", "Queued", "Running"]);
