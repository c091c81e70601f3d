/** A search that was never run, of any size, for looking at charts: the same each time. */
import type { Curves, Details, Importance, ImprovementRow, Policy, TrialDetails, Trials } from "../src/api/types";

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

export interface Sample {
  readonly details: Details;
  readonly trials: Trials;
  readonly curves: Curves;
  readonly importance: Importance;
  readonly policy: Policy;
  readonly improvements: readonly ImprovementRow[];
  readonly trial: TrialDetails | null;
}

export function sample(count: number, decisions = 11): Sample {
  const draw = random(7);
  const started = 1_790_000_000;
  const space = Array.from({ length: decisions }, (_, place) => {
    const kinds = [
      { name: "learning_rate", values: [0.0003, 0.001, 0.003, 0.01, 0.03] },
      { name: "width", values: [16, 32, 64, 128] },
      { name: "activation", values: ["relu", "gelu", "tanh"] },
      { name: "skip", values: [true, false] },
      { name: "a_decision_with_a_rather_long_name", values: ["none", "a value with a long name", "other"] },
    ];
    const kind = kinds[place % kinds.length]!;
    return {
      name: place < kinds.length ? kind.name : `${kind.name}_${place}`,
      values: kind.values,
      ordered: typeof kind.values[0] === "number",
      when: place === 4 ? { decision: "skip", values: [true] } : null,
    };
  });
  const columns = {
    index: [] as number[],
    state: [] as ("Succeeded" | "Running" | "Stopped" | "Infeasible" | "Failed")[],
    origin: [] as string[],
    parent: [] as (number | null)[],
    reward: [] as (number | null)[],
    value: [] as (number | null)[],
    step: [] as (number | null)[],
    sequence: [] as (number | null)[],
    started: [] as (number | null)[],
    ended: [] as (number | null)[],
    seconds: [] as (number | null)[],
    gpuSeconds: [] as number[],
    attempts: [] as number[],
    confirmation: [] as boolean[],
    reused: [] as boolean[],
    policyRatio: [] as (number | null)[],
    decisions: Object.fromEntries(space.map(({ name }) => [name, [] as (string | number | boolean | null)[]])),
    metrics: { latency_ms: [] as (number | null)[] },
    objectives: {},
    says: [] as string[],
  };
  const improvements: ImprovementRow[] = [];
  let sequence = 0;
  let hours = 0;
  for (let index = 0; index < count; index++) {
    const parent = index > 8 && draw() < 0.7 ? Math.floor(index * draw() ** 0.4) : null;
    let merit = 0.62;
    space.forEach(({ name, values, when }, place) => {
      const drift = Math.min(0.85, index / Math.max(300, count));
      let at = draw() < drift ? (place * 7 + 1) % values.length : Math.floor(draw() * values.length);
      if (parent !== null && draw() < 0.8) at = Math.max(0, (values as readonly unknown[]).indexOf(columns.decisions[name]![parent]));
      const exists = when === null || columns.decisions[when.decision]![index] === true;
      columns.decisions[name]!.push(exists ? values[at]! : null);
      if (exists) merit += ((0.22 / (place + 1.5)) * (at === (place * 7 + 1) % values.length ? 1 : at / values.length)) / 2;
    });
    const chance = draw();
    const state = index > count - 4 && count > 3 ? "Running" : chance < 0.02 ? "Failed" : chance < 0.05 ? "Infeasible" : chance < 0.12 ? "Stopped" : "Succeeded";
    let reward = state === "Succeeded" ? merit + 0.05 * (draw() - 0.5) : null;
    if (reward !== null && index % 97 === 50) reward = 0.08;
    columns.index.push(index);
    columns.state.push(state);
    columns.origin.push(parent === null ? "random" : draw() < 0.5 ? "mutation" : "policy");
    columns.parent.push(parent);
    columns.reward.push(reward);
    columns.value.push(reward ?? (state === "Stopped" ? merit - 0.1 : null));
    columns.step.push(state === "Stopped" ? 4 : null);
    columns.sequence.push(reward === null ? null : ++sequence);
    const [begin, seconds] = [started + index * 40, 200 + 300 * draw()];
    columns.started.push(begin);
    columns.ended.push(state === "Running" ? null : begin + seconds);
    columns.seconds.push(state === "Running" ? null : seconds);
    columns.gpuSeconds.push(seconds);
    columns.attempts.push(1);
    columns.confirmation.push(false);
    columns.reused.push(false);
    columns.policyRatio.push(1 + draw());
    columns.metrics.latency_ms.push(state === "Failed" || state === "Running" ? null : state === "Infeasible" ? 14 + 60 * draw() : 3 + 9 * draw() * merit);
    columns.says.push("");
    hours += seconds / 3600;
    const before = improvements.at(-1);
    if (reward !== null && (before === undefined || reward > before.value))
      improvements.push({ index, value: reward, gain: before === undefined ? 0 : reward - before.value, hours, spent: hours - (before?.hours ?? 0) });
  }
  const best = improvements.at(-1);
  const total = space.reduce((sum, _, place) => sum + 1 / (place + 1.5), 0);
  const importance = { explained: 0.62, shares: space.map(({ name }, place) => ({ decision: name, share: 1 / (place + 1.5) / total })) };
  const moments = Array.from({ length: count === 0 ? 0 : 12 }, (_, place) => ({
    results: Math.round((sequence * place) / 11),
    probabilities: Object.fromEntries(
      space.map(({ name, values, when }, number) => {
        const exists = when === null ? 1 : 0.5 + 0.03 * place;
        const weights = values.map((_, at) => 1 + (at === (number * 7 + 1) % values.length ? place / 2 : 0));
        const sum = weights.reduce((a, b) => a + b);
        return [name, [...weights.map((weight) => (exists * weight) / sum), ...(when === null ? [] : [1 - exists])]];
      }),
    ),
  }));
  const details = {
    summary: {
      id: "run:sample", revision: 1, origin: "run", namespace: null, name: "sample", uid: "1", reference: "runs/sample", labels: {}, phase: "Running",
      says: "", blocked: null, problem: null, agent: "EvoNAS", metric: "accuracy", minimize: false, objectives: [{ metric: "accuracy", minimize: false, target: null, reference: null }], front: null, counts: { total: count }, maxTrials: 12000,
      best: best === undefined ? null : { index: best.index, value: best.value }, trend: improvements.map((step) => step.value), usesGpus: true, gpuHours: hours, maxGpuHours: null, reused: 0,
      created: started, ended: null,
    },
    space,
    constraints: [{ metric: "latency_ms", target: null, maximum: 12 }],
    parallelTrials: 4, population: 100, window: 50, rungs: [1, 4, 16], lastStep: 16, pauses: false, target: null, front: null, learnedFrom: "", pinned: [],
    winner: best?.index ?? null, recommended: null, confirmed: [], conditions: [], manifest: "", environments: [], images: {},
  } as unknown as Details;
  const children = new Map<number, number>();
  for (const parent of columns.parent) if (parent !== null) children.set(parent, (children.get(parent) ?? 0) + 1);
  const ancestor = [...children].filter(([index]) => columns.parent[index] !== null).sort((a, b) => b[1] - a[1])[0]?.[0] ?? best?.index;
  const lineage: { index: number; origin: string; value: number | null; changes: { decision: string; before: string; after: string }[] }[] = [];
  for (let at: number | null | undefined = ancestor; at !== null && at !== undefined; at = columns.parent[at]) {
    const parent: number | null | undefined = columns.parent[at];
    const changes = parent === null || parent === undefined ? [] : space.filter(({ name }) => columns.decisions[name]![at!] !== columns.decisions[name]![parent]).map(({ name }) => ({ decision: name, before: String(columns.decisions[name]![parent]), after: String(columns.decisions[name]![at!]) }));
    lineage.unshift({ index: at, origin: columns.origin[at]!, value: columns.reward[at]!, changes });
  }
  const middle = ancestor ?? null;
  const trial =
    middle === null
      ? null
      : ({ index: middle, lineage: lineage.slice(0, lineage.findIndex((one) => one.index === middle) + 1), children: columns.index.filter((index) => columns.parent[index] === middle) } as unknown as TrialDetails);
  const curves = {
    revision: 1,
    curves: columns.index
      .filter((index) => columns.state[index] !== "Failed" && columns.state[index] !== "Infeasible" && (index > count - 500 || index % 20 === 0))
      .reverse()
      .map((index) => {
        const running = columns.state[index] === "Running";
        const last = running ? 9 : columns.state[index] === "Stopped" ? 4 : 16;
        const steps = running ? Array.from({ length: 9 }, (_, place) => place + 1) : [1, 4, 16].filter((step) => step <= last);
        const end = columns.value[index] ?? 0.8;
        return { index, attempt: 1, running, steps, metrics: { accuracy: steps.map((step) => end * (1 - 0.5 / (1 + step)) + (running ? 0.02 * draw() : 0)) } };
      }),
  } as Curves;
  return {
    details,
    trials: { id: "run:sample", uid: "1", revision: 1, complete: true, total: count, columns } as unknown as Trials,
    curves,
    importance,
    policy: { moments, problem: null, foreign: false },
    improvements,
    trial,
  };
}
