/** A table of any number of trials, of which only the rows in sight exist. */
import { useComputed, useSignal, type ReadonlySignal } from "@preact/signals";
import { Component } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { trialPath } from "../address";
import { orderedRows, type Column, type Sorting } from "../data/columns";
import type { Selection } from "../data/selection";
import type { TrialTable } from "../data/table";
import { cut } from "../format";
import { toneOf } from "./state";
import { Sentence } from "./text";

const ROW = 30;
const BEYOND = 8;
const SELECT_WIDTH = 36;
const INDEX_WIDTH = 76;
/** Texts that may not fit in their cell. */
const LONG = 12;

export interface GridProps {
  readonly id: string;
  readonly trials: ReadonlySignal<TrialTable>;
  readonly selection: Selection;
  readonly columns: readonly Column[];
  readonly sorting: Sorting;
  readonly sort: (sorting: Sorting) => void;
  readonly open: (trial: number) => void;
  readonly label: string;
  /** Its most height, as CSS has it. */
  readonly height: string;
}

interface RowProps {
  readonly name: string;
  readonly href: string;
  readonly table: TrialTable;
  readonly columns: readonly Column[];
  readonly row: number;
  /** Its place among the rows that are shown. */
  readonly at: number;
  readonly selected: boolean;
  readonly active: boolean;
  readonly hovered: boolean;
}

/** One trial. It is made anew only if something of it has changed. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const now = this.props;
    return (Object.keys(next) as (keyof RowProps)[]).some((key) => next[key] !== now[key]);
  }

  override render({ name, href, table, columns, row, at, selected, active, hovered }: RowProps) {
    const state = `${selected ? " selected" : ""}${active ? " active" : ""}${hovered ? " hovered" : ""}${at % 2 ? " odd" : ""}`;
    return (
      <div
        id={name}
        role="row"
        aria-rowindex={at + 2}
        aria-selected={selected}
        class={`row${state}`}
        style={{ transform: `translateY(${at * ROW}px)` }}
      >
        <div role="gridcell" aria-colindex={1} class="pick">
          <i aria-hidden="true" />
        </div>
        <div role="gridcell" aria-colindex={2} class="number">
          <a href={href} tabIndex={-1}>
            {table.index[row]}
          </a>
        </div>
        {columns.map((column, place) => {
          const text = column.text(table, row);
          const tone = column.key === "state" ? ` mark ${toneOf(table.state[row]!)}` : "";
          return (
            <div
              key={column.key}
              role="gridcell"
              aria-colindex={place + 3}
              dir={column.numeric ? "ltr" : "auto"}
              class={`${column.numeric ? "number" : "cell"}${tone}`}
              title={text.length > LONG ? cut(text, 500) : ""}
            >
              {column.key === "says" ? <Sentence text={cut(text, 120)} /> : cut(text, 120)}
            </div>
          );
        })}
      </div>
    );
  }
}

export function Grid({ id, trials, selection, columns, sorting, sort, open, label, height }: GridProps) {
  const names = useId();
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const room = useSignal(600);
  /** The trial that keys act on. */
  const active = useSignal<number | null>(null);
  /** Where a range began. */
  const anchor = useRef<number | null>(null);
  const inputs = useSignal({ columns, sorting });
  useLayoutEffect(() => {
    inputs.value = { columns, sorting };
  }, [columns, sorting]);
  const rows = useComputed(() => {
    const by = inputs.value.sorting;
    return orderedRows(trials.value, selection.passing.value, by, inputs.value.columns.find((each) => each.key === by.key));
  });

  useEffect(() => {
    box.current!.scrollTop = 0;
  }, [sorting]);

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      room.value = entry!.contentRect.height;
    });
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);

  const table = trials.value;
  const order = rows.value;
  const first = Math.max(0, Math.floor(top.value / ROW) - BEYOND);
  const last = Math.min(order.length, Math.ceil((top.value + room.value) / ROW) + BEYOND);
  const selected = selection.selected.value;
  const hovered = selection.hovered.value;
  const width = SELECT_WIDTH + INDEX_WIDTH + columns.reduce((sum, column) => sum + column.width, 0);
  const template = [SELECT_WIDTH, INDEX_WIDTH, ...columns.map((column) => column.width)].map((each) => `${each}px`).join(" ");
  const rowName = (trial: number): string => `${names}-${trial}`;

  const place = (trial: number | null): number => {
    if (trial === null) return -1;
    return order.findIndex((row) => table.index[row] === trial);
  };
  const reveal = (at: number): void => {
    const element = box.current!;
    const above = at * ROW;
    const inside = element.clientHeight - ROW; // The head covers a row.
    if (above < element.scrollTop) element.scrollTop = above;
    else if (above + ROW > element.scrollTop + inside) element.scrollTop = above + ROW - inside;
    top.value = element.scrollTop;
  };
  const toggle = (trial: number): void => {
    const next = new Set(selected);
    if (!next.delete(trial)) next.add(trial);
    selection.selected.value = next;
    anchor.current = trial;
  };
  const range = (to: number): void => {
    const from = Math.max(0, place(anchor.current));
    const next = new Set<number>();
    for (let at = Math.min(from, to); at <= Math.max(from, to); at++) next.add(table.index[order[at]!]!);
    selection.selected.value = next;
  };
  const trialAt = (event: Event): number | null => {
    const at = (event.target as Element).closest("[aria-rowindex]")?.getAttribute("aria-rowindex");
    const row = order[Number(at ?? 0) - 2];
    return row === undefined ? null : table.index[row]!;
  };
  const press = (event: MouseEvent): void => {
    const trial = trialAt(event);
    if (trial === null || (event.target as Element).closest("a")) return;
    active.value = trial;
    if (event.shiftKey) range(place(trial));
    else if (event.ctrlKey || event.metaKey || (event.target as Element).closest(".pick")) toggle(trial);
    else {
      selection.selected.value = new Set([trial]);
      anchor.current = trial;
    }
  };
  const key = (event: KeyboardEvent): void => {
    if (event.target !== box.current || order.length === 0) return;
    const at = place(active.value);
    const page = Math.max(1, Math.floor(room.value / ROW) - 2);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at < 0 ? 0 : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: order.length - 1,
    };
    const move = moves[event.key];
    if (move !== undefined) {
      const to = Math.max(0, Math.min(order.length - 1, move));
      active.value = table.index[order[to]!]!;
      if (event.shiftKey) range(to);
      else anchor.current = active.value;
      reveal(to);
    } else if (event.key === "Enter" && at >= 0) open(active.value!);
    else if (event.key === " " && at >= 0) toggle(active.value!);
    else if (event.key === "Escape") selection.selected.value = new Set();
    else return;
    event.preventDefault();
  };

  // A row that leaves the sight is used again for one that comes into it: scrolling makes no elements.
  const many = last - first;
  const slots = Array.from({ length: many }, (_, slot) => ({ slot, at: first + ((((slot - first) % many) + many) % many) }));
  const activeAt = place(active.value);
  const head = (column: { key: string; title: string; numeric: boolean }, at: number) => {
    const current = sorting.key === column.key;
    const next = { key: column.key, descending: current ? !sorting.descending : column.numeric };
    return (
      <div
        key={column.key}
        role="columnheader"
        aria-colindex={at}
        aria-sort={current ? (sorting.descending ? "descending" : "ascending") : "none"}
        class={column.numeric ? "number" : undefined}
      >
        <button type="button" title={column.title} onClick={() => sort(next)}>
          <bdi>{column.title}</bdi>
          <span aria-hidden="true">{current ? (sorting.descending ? "▾" : "▴") : ""}</span>
        </button>
      </div>
    );
  };

  return (
    <div
      ref={box}
      class="grid"
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-multiselectable="true"
      aria-rowcount={order.length + 1}
      aria-colcount={columns.length + 2}
      aria-activedescendant={activeAt >= first && activeAt < last ? rowName(active.value!) : undefined}
      style={{ maxHeight: height, "--template": template, "--width": `${width}px` }}
      onScroll={() => (top.value = box.current!.scrollTop)}
      onKeyDown={key}
    >
      <div role="rowgroup" class="head">
        <div role="row" class="row" aria-rowindex={1}>
          <div role="columnheader" aria-colindex={1}>
            <span class="unseen">selected</span>
          </div>
          {head({ key: "index", title: "trial", numeric: true }, 2)}
          {columns.map((column, at) => head(column, at + 3))}
        </div>
      </div>
      <div
        role="rowgroup"
        class="body"
        style={{ height: `${order.length * ROW}px` }}
        onClick={press}
        onDblClick={(event) => {
          const trial = trialAt(event);
          if (trial !== null) open(trial);
        }}
        onPointerOver={(event) => (selection.hovered.value = trialAt(event))}
        onPointerLeave={() => (selection.hovered.value = null)}
      >
        {slots.map(({ slot, at }) => {
          const row = order[at]!;
          const trial = table.index[row]!;
          return (
            <Row
              key={slot}
              name={rowName(trial)}
              href={trialPath(id, trial)}
              table={table}
              columns={columns}
              row={row}
              at={at}
              selected={selected.has(trial)}
              active={trial === active.value}
              hovered={trial === hovered}
            />
          );
        })}
      </div>
    </div>
  );
}

