/** What narrows the trials down, the same for all views of a search. */
import { useId, useState } from "preact/hooks";
import type { Details, TrialState } from "../api/types";
import { asAxis, type Axis } from "../data/axes";
import type { Column } from "../data/columns";
import type { Search } from "../data/search";
import type { Brush } from "../data/selection";
import { count, decision, number } from "../format";
import { STATE_ORDER, toneOf } from "./state";
import { Name } from "./text";

/** An axis in words. */
export function axisTitle(axis: Axis, details: Details): string {
  if (axis === "value" || axis === "reward") return details.summary.metric;
  if (axis === "seconds") return "seconds taken";
  if (axis === "gpuSeconds") return "GPU seconds";
  if (axis === "sequence") return "result";
  if (axis === "index") return "trial";
  if (axis === "policyRatio") return "policy ratio";
  return axis.slice(axis.indexOf(":") + 1);
}

export function Filters({ search, details, columns }: { search: Search; details: Details; columns: readonly Column[] }) {
  const { selection } = search;
  const table = search.trials.value;
  const passing = selection.passing.value.reduce((sum, one) => sum + one, 0);
  const filtered = selection.brushes.value.size > 0 || selection.states.value.size > 0 || selection.text.value !== "";
  const chosen = selection.selected.value.size;
  return (
    <div class="filters">
      <input
        type="search"
        placeholder="Filter: words, #12, blocks=3"
        aria-label="Filter trials by words"
        value={selection.text.value}
        onInput={(event) => (selection.text.value = event.currentTarget.value)}
      />
      <States search={search} />
      <RangeForm search={search} details={details} columns={columns} />
      <div class="narrowed">
        <span class="counts" role="status">
          {filtered ? `${count(passing)} of ${count(table.length)} trials` : `${count(table.length)} trials`}
          {chosen > 0 && `, ${count(chosen)} selected`}
        </span>
        {[...selection.brushes.value].map(([axis, brush]) => (
          <button
            key={axis}
            type="button"
            class="chip on"
            aria-label={`Remove the filter of ${axisTitle(axis, details)}`}
            onClick={() => {
              const next = new Map(selection.brushes.value);
              next.delete(axis);
              selection.brushes.value = next;
            }}
          >
            <Name text={axisTitle(axis, details)} most={40} /> <bdi>{brushText(brush)}</bdi> ✕
          </button>
        ))}
        {filtered && (
          <button
            type="button"
            class="link"
            onClick={() => {
              selection.brushes.value = new Map();
              selection.states.value = new Set();
              selection.text.value = "";
            }}
          >
            Clear filters
          </button>
        )}
        {chosen > 0 && (
          <button type="button" class="link" onClick={() => (selection.selected.value = new Set())}>
            Clear selection
          </button>
        )}
      </div>
    </div>
  );
}

function brushText(brush: Brush): string {
  if ("from" in brush) {
    if (brush.from === -Infinity) return `≤ ${number(brush.to)}`;
    if (brush.to === Infinity) return `≥ ${number(brush.from)}`;
    return `${number(brush.from)} to ${number(brush.to)}`;
  }
  const shown = brush.values.slice(0, 4).map((value) => (value === null ? "absent" : decision(value)));
  return `${shown.join(", ")}${brush.values.length > 4 ? ", …" : ""}`;
}

function States({ search }: { search: Search }) {
  const counts = new Map<TrialState, number>();
  for (const state of search.trials.value.state) counts.set(state, (counts.get(state) ?? 0) + 1);
  const chosen = search.selection.states;
  return (
    <div class="chips" role="group" aria-label="States">
      {STATE_ORDER.filter((state) => counts.has(state) || chosen.value.has(state)).map((state) => (
        <button
          key={state}
          type="button"
          class={`chip ${toneOf(state)}${chosen.value.has(state) ? " on" : ""}`}
          aria-pressed={chosen.value.has(state)}
          onClick={() => {
            const next = new Set(chosen.value);
            if (!next.delete(state)) next.add(state);
            chosen.value = next;
          }}
        >
          {state} <b>{count(counts.get(state) ?? 0)}</b>
        </button>
      ))}
    </div>
  );
}

/** A range by keyboard: the same as brushing an axis. */
function RangeForm({ search, details, columns }: { search: Search; details: Details; columns: readonly Column[] }) {
  const numeric = columns.filter((column) => column.axis !== null && column.numeric);
  const [axis, setAxis] = useState<Axis>(numeric[0]?.axis ?? "value");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const name = useId();
  const add = (event: Event): void => {
    event.preventDefault();
    if (from === "" && to === "") return;
    const brush = { from: from === "" ? -Infinity : Number(from), to: to === "" ? Infinity : Number(to) };
    search.selection.brushes.value = new Map(search.selection.brushes.value).set(axis, brush);
    setFrom("");
    setTo("");
    (event.currentTarget as Element).closest("details")?.removeAttribute("open");
  };
  return (
    <details class="menu">
      <summary>Range</summary>
      <form class="popup" onSubmit={add}>
        <label for={name}>Column</label>
        <select id={name} value={axis} onChange={(event) => setAxis(asAxis(event.currentTarget.value) ?? "value")}>
          {numeric.map((column) => (
            <option key={column.key} value={column.key}>
              {axisTitle(column.axis!, details)}
            </option>
          ))}
        </select>
        <label>
          From
          <input type="number" step="any" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
        </label>
        <label>
          To
          <input type="number" step="any" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
        </label>
        <button type="submit">Filter</button>
      </form>
    </details>
  );
}

/** Which columns the table has. */
export function ColumnChooser({
  columns,
  shown,
  change,
}: {
  columns: readonly Column[];
  shown: ReadonlySet<string>;
  change: (shown: ReadonlySet<string> | null) => void;
}) {
  return (
    <details class="menu">
      <summary>Columns</summary>
      <fieldset class="popup columns">
        <legend class="unseen">Columns of the table</legend>
        {columns.map((column) => (
          <label key={column.key} class="check">
            <input
              type="checkbox"
              checked={shown.has(column.key)}
              onChange={() => {
                const next = new Set(shown);
                if (!next.delete(column.key)) next.add(column.key);
                change(next);
              }}
            />
            <Name text={column.title} most={40} />
          </label>
        ))}
        <button type="button" class="link" onClick={() => change(null)}>
          As at first
        </button>
      </fieldset>
    </details>
  );
}
