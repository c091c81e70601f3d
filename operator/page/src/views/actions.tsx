/** What the viewer may do with a search: a form for each action, the command that does the same, and then the deed. */
import { useId, useState } from "preact/hooks";
import { api } from "../api/client";
import type { ActionName, Details, Done, Order, Permission } from "../api/types";
import { completed } from "../data/candidate";
import { sensible } from "../data/permissions";
import type { Search } from "../data/search";
import { rowOf, type DecisionValue } from "../data/table";
import { decision } from "../format";
import { announce } from "../parts/announce";
import { Callout, Waiting } from "../parts/boxes";
import { Command } from "../parts/copy";
import { Dialog } from "../parts/dialog";
import { useResource } from "../parts/hooks";
import { Name, Words } from "../parts/text";

const WORDS: Readonly<Record<ActionName, readonly [title: string, what: string]>> = {
  suspend: ["Suspend", "Start no more trials. Those that run go on."],
  resume: ["Resume", "Start trials again."],
  parallel: ["Change how many run at a time", "Trials that run beyond a lower number go on to their end."],
  budget: ["Change the number of trials", "How many trials the search may have in all."],
  enqueue: ["Enqueue a candidate", "It is tried ahead of the agent's next proposals."],
  pin: ["Pin a trial", "It stays in the agent's population."],
  unpin: ["Unpin a trial", "It leaves the agent's population as others do."],
  veto: ["Veto a trial", "A trial without a result ends as infeasible, and the agent learns to avoid its like."],
};

interface Props {
  readonly search: Search;
  readonly details: Details;
  /** The trial that is looked at: actions on trials are about it at first. */
  readonly trial?: number;
  readonly close: () => void;
}

export function Actions({ search, details, trial, close }: Props) {
  const { data, problem, ask } = useResource(search.permissions);
  const [chosen, setChosen] = useState<ActionName | null>(null);
  const permission = data.value?.find((each) => each.action === chosen);
  return (
    <Dialog title={chosen === null ? `Act on ${details.summary.name.slice(0, 60)}` : WORDS[chosen][0]} close={close}>
      {data.value === null ? (
        <Waiting problem={problem} what="what you may do" retry={ask} />
      ) : permission === undefined ? (
        <ul class="actions">
          {data.value.map((each) => (
            <Choice key={each.action} permission={sensible(each, details)} choose={() => setChosen(each.action)} />
          ))}
        </ul>
      ) : (
        <OrderForm
          search={search}
          details={details}
          action={permission.action}
          trial={trial}
          back={() => setChosen(null)}
          close={close}
        />
      )}
    </Dialog>
  );
}

function Choice({ permission, choose }: { permission: Permission; choose: () => void }) {
  const [title, what] = WORDS[permission.action];
  const why = useId();
  return (
    <li>
      <button type="button" aria-disabled={!permission.allowed} aria-describedby={why} onClick={() => permission.allowed && choose()}>
        {title}
      </button>
      <span id={why} class="faint">
        {permission.allowed ? what : <Words text={permission.reason} />}
      </span>
    </li>
  );
}

function OrderForm(props: {
  search: Search;
  details: Details;
  action: ActionName;
  trial: number | undefined;
  back: () => void;
  close: () => void;
}) {
  const { search, details, action } = props;
  const [order, setOrder] = useState<Order>(() => firstOrder(search, details, action, props.trial));
  const [preview, setPreview] = useState<Done | null>(null);
  const [done, setDone] = useState<Done | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const change = (changes: Partial<Order>): void => {
    setOrder({ ...order, ...changes });
    setPreview(null);
    setProblem(null);
  };
  const send = async (asPreview: boolean): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const answer = await api.act(search.id, { ...order, preview: asPreview });
      if (asPreview) {
        setPreview(answer);
        announce("The command is shown below");
      } else {
        setDone(answer);
        announce(answer.message);
        for (const part of [search.details, search.table, search.permissions]) part.ask();
      }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      setProblem(text);
      announce(text);
    }
    setBusy(false);
  };
  if (done !== null)
    return (
      <div class="form">
        <Callout tone="good">
          <p>
            <Words text={done.message} />
          </p>
        </Callout>
        <p class="faint">The same by command:</p>
        <Command text={done.command} />
        <div class="tools">
          <button type="button" class="primary" onClick={props.close} ref={(button) => button?.focus()}>
            Close
          </button>
          <button type="button" onClick={props.back}>
            Another action
          </button>
        </div>
      </div>
    );
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void send(preview === null);
      }}
    >
      <p>{WORDS[action][1]}</p>
      <Fields action={action} order={order} details={details} change={change} />
      {problem !== null && (
        <Callout tone="bad">
          <p>
            <Words text={problem} />
          </p>
        </Callout>
      )}
      {preview !== null && (
        <>
          <p class="faint">
            {preview.message !== "" && <Words text={preview.message} />} This command does the same:
          </p>
          <Command text={preview.command} />
        </>
      )}
      <div class="tools">
        <button type="submit" class="primary" disabled={busy}>
          {preview === null ? "Preview" : WORDS[action][0]}
        </button>
        <button type="button" onClick={props.back}>
          Back
        </button>
      </div>
    </form>
  );
}

function firstOrder(search: Search, details: Details, action: ActionName, trial: number | undefined): Order {
  const order: Order = { action, because: "", preview: false };
  const [selected] = search.selection.selected.peek();
  const about = trial ?? selected ?? (action === "veto" ? undefined : (details.winner ?? details.summary.best?.index));
  switch (action) {
    case "parallel":
      return { ...order, parallelTrials: details.parallelTrials };
    case "budget":
      return { ...order, maxTrials: details.summary.maxTrials };
    case "enqueue":
      return { ...order, decisions: completed(details.space, decisionsOf(search, about)) };
    case "pin":
    case "veto":
      return { ...order, trial: about ?? null };
    case "unpin":
      return { ...order, trial: trial ?? details.pinned[0] ?? null };
    default:
      return order;
  }
}

function decisionsOf(search: Search, trial: number | undefined): Map<string, DecisionValue> {
  const table = search.trials.peek();
  const row = trial === undefined ? -1 : rowOf(table, trial);
  const made = new Map<string, DecisionValue>();
  if (row >= 0)
    for (const [name, column] of table.decisions) {
      const value = column[row];
      if (value !== null && value !== undefined) made.set(name, value);
    }
  return made;
}

function Fields(props: {
  action: ActionName;
  order: Order;
  details: Details;
  change: (changes: Partial<Order>) => void;
}) {
  const { action, order, details, change } = props;
  switch (action) {
    case "parallel":
      return (
        <Whole label="Trials at a time" value={order.parallelTrials} least={1} change={(value) => change({ parallelTrials: value })} />
      );
    case "budget":
      return <Whole label="Trials in all" value={order.maxTrials} least={1} change={(value) => change({ maxTrials: value })} />;
    case "enqueue":
      return <CandidateFields details={details} made={order.decisions ?? {}} change={(decisions) => change({ decisions })} />;
    case "unpin":
      return (
        <label>
          Trial
          <select value={order.trial ?? ""} onChange={(event) => change({ trial: Number(event.currentTarget.value) })}>
            {details.pinned.map((index) => (
              <option key={index} value={index}>
                {index}
              </option>
            ))}
          </select>
        </label>
      );
    case "pin":
      return <Whole label="Trial" value={order.trial} least={0} change={(value) => change({ trial: value })} />;
    case "veto":
      return (
        <>
          <Whole label="Trial" value={order.trial} least={0} change={(value) => change({ trial: value })} />
          <label>
            Because (kept with the trial)
            <input
              type="text"
              maxLength={500}
              value={order.because ?? ""}
              onInput={(event) => change({ because: event.currentTarget.value })}
            />
          </label>
        </>
      );
    default:
      return null;
  }
}

function Whole(props: { label: string; value: number | null | undefined; least: number; change: (value: number | null) => void }) {
  return (
    <label>
      {props.label}
      <input
        type="number"
        required
        min={props.least}
        step={1}
        value={props.value ?? ""}
        onInput={(event) => props.change(event.currentTarget.value === "" ? null : Number(event.currentTarget.value))}
      />
    </label>
  );
}

/** A choice for each decision that applies; those that depend on others come and go with them. */
function CandidateFields(props: {
  details: Details;
  made: Readonly<Record<string, DecisionValue>>;
  change: (decisions: Record<string, DecisionValue>) => void;
}) {
  const { space } = props.details;
  const applying = space.filter((each) => Object.hasOwn(props.made, each.name));
  return (
    <div class="candidatefields">
      {applying.map((each) => (
        <label key={each.name} class={each.when === null ? undefined : "conditional"}>
          <Name text={each.name} most={60} />
          <select
            value={each.values.indexOf(props.made[each.name]!)}
            onChange={(event) => {
              const made = new Map(Object.entries(props.made));
              made.set(each.name, each.values[Number(event.currentTarget.value)]!);
              props.change(completed(space, made));
            }}
          >
            {each.values.map((value, place) => (
              <option key={place} value={place}>
                {decision(value).slice(0, 80)}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
  );
}
