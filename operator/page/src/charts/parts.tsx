/** What surrounds a drawing: its legend, its numbers as a table, and the words at the pointer. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

export interface Entry {
  readonly text: string;
  readonly kind: "line" | "dot" | "cross" | "ring" | "area" | "dash" | "mark";
  /** A class of charts.css that has the colour. */
  readonly colour: string;
  /** Place between worst and best, for ordered values. */
  readonly merit?: number | undefined;
  /** Whether the values are chosen in a legend that chooses. */
  readonly pressed?: boolean | undefined;
  readonly press?: (() => void) | undefined;
}

export function Legend({ entries }: { readonly entries: readonly Entry[] }) {
  return (
    <ul class="legend">
      {entries.map((entry) => {
        const style = entry.merit === undefined ? {} : { "--merit": `${Math.round(100 * entry.merit)}%` };
        const sample = <i class={`sample ${entry.kind} ${entry.colour}`} style={style} />;
        return (
          <li key={entry.text}>
            {entry.press === undefined ? (
              <span>
                {sample}
                {entry.text}
              </span>
            ) : (
              <button type="button" aria-pressed={entry.pressed === true} onClick={entry.press}>
                {sample}
                {entry.text}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

export interface Rows {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

const MAX_ROWS = 300;

/** The same in numbers, made when it is asked for. */
export function AsTable({ rows, name }: { readonly rows: () => Rows; readonly name: string }) {
  const [open, setOpen] = useState(false);
  return (
    <div class={open ? "as-table open" : "as-table"}>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        As a table<span class="unseen">: {name}</span>
      </button>
      {open && <Table rows={rows()} name={name} />}
    </div>
  );
}

function Table({ rows: { head, rows }, name }: { readonly rows: Rows; readonly name: string }) {
  const numeric = head.map((_, place) => rows.every((row) => row[place] === "-" || /^-?[\d.]+(e[-+]\d+)?( %)?$/.test(String(row[place]))));
  const style = (place: number) => (numeric[place] === true ? "number" : "");
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`${name}, as a table`}>
      <table>
        <thead>
          <tr>
            {head.map((title, place) => (
              <th key={title} scope="col" class={style(place)}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map((row, number) => (
            <tr key={number}>
              {row.map((cell, place) => (
                <td key={place} class={style(place)}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MAX_ROWS && <p class="faint">The first {MAX_ROWS} of {rows.length.toLocaleString("en")} rows.</p>}
    </div>
  );
}

export function Nothing({ children }: { readonly children: ComponentChildren }) {
  return <p class="nothing">{children}</p>;
}

/** Words beside a point, within their host; text only. */
export function showTip(tip: HTMLElement | null, lines: readonly string[] | null, x = 0, y = 0): void {
  if (tip === null) return;
  tip.hidden = lines === null;
  if (lines === null) return;
  tip.replaceChildren(
    ...lines.map((line) => {
      const row = document.createElement("div");
      row.textContent = line;
      return row;
    }),
  );
  const host = tip.parentElement!;
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  const left = x + 14 + width <= host.clientWidth ? x + 14 : Math.max(0, x - 14 - width);
  const top = y - height - 8 >= 0 ? y - height - 8 : Math.max(0, Math.min(y + 16, host.clientHeight - height));
  tip.style.left = `${left}px`;
  tip.style.top = `${top}px`;
}
