/** Answers as the server gives them, for tests. */
import type { Searches, Summary, TrialColumns, Trials } from "../src/api/types";

export interface TrialRecord {
  readonly index: number;
  readonly state: TrialColumns["state"][number];
  readonly value: number | null;
  readonly says: string;
  readonly decisions: Readonly<Record<string, string | number | boolean>>;
  readonly metrics: Readonly<Record<string, number>>;
}

/** As the server does, names that no trial has are left out. */
export function columns(trials: readonly TrialRecord[]): TrialColumns {
  const decisions = new Set(trials.flatMap((trial) => Object.keys(trial.decisions)));
  const metrics = new Set(trials.flatMap((trial) => Object.keys(trial.metrics)));
  const all = <T>(value: T): T[] => trials.map(() => value);
  const named = <V>(names: ReadonlySet<string>, of: (trial: TrialRecord) => Readonly<Record<string, V>>) =>
    Object.fromEntries(
      [...names].map((name) => [name, trials.map((trial) => (Object.hasOwn(of(trial), name) ? of(trial)[name]! : null))]),
    );
  return {
    index: trials.map((trial) => trial.index),
    state: trials.map((trial) => trial.state),
    origin: all("random"),
    parent: all(null),
    reward: trials.map((trial) => trial.value),
    value: trials.map((trial) => trial.value),
    step: all(null),
    sequence: all(null),
    started: all(null),
    ended: all(null),
    seconds: all(null),
    gpuSeconds: all(0),
    attempts: all(1),
    confirmation: all(false),
    reused: all(false),
    policyRatio: all(null),
    objectives: {},
    decisions: named(decisions, (trial) => trial.decisions),
    metrics: named(metrics, (trial) => trial.metrics),
    says: trials.map((trial) => trial.says),
  };
}

export function trialsAnswer(trials: readonly TrialRecord[], revision: number, complete: boolean, uid = "uid"): Trials {
  return { id: "run:a", uid, revision, complete, total: trials.length, columns: columns(trials) };
}

export function summary(changes: Partial<Summary> = {}): Summary {
  return {
    id: "run:a",
    revision: 1,
    origin: "run",
    namespace: null,
    name: "a",
    uid: "uid",
    reference: "runs/a",
    labels: {},
    phase: "Running",
    says: "2 of 30 trials done",
    blocked: null,
    problem: null,
    agent: "EvoNAS",
    metric: "accuracy",
    minimize: false,
    objectives: [{ metric: "accuracy", minimize: false, target: null, reference: null }],
    counts: { total: 2, succeeded: 2 },
    maxTrials: 30,
    best: { index: 1, value: 0.9 },
    front: null,
    trend: [0.5, 0.9],
    usesGpus: false,
    gpuHours: 0,
    maxGpuHours: null,
    reused: 0,
    created: 1000,
    ended: null,
    ...changes,
  };
}

export function searchesAnswer(all: readonly Summary[], revision: number, complete: boolean, gone: readonly string[] = []): Searches {
  return { revision, complete, searches: all, gone };
}
