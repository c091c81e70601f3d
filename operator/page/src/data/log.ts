/** Whether a trial can have a log at all: asking for one that cannot be there is an error on the console. */
import type { Summary, TrialDetails } from "../api/types";

/** Why there is none; null if there may be one. */
export function withoutLog(origin: Summary["origin"], trial: Pick<TrialDetails, "source" | "started">): string | null {
  if (trial.source !== null) return `Nothing was run: the result is that of ${trial.source}.`;
  if (origin === "export") return "An export holds no logs.";
  if (trial.started === null) return "The trial has not started.";
  return null;
}
