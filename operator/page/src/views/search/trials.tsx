/** All trials of a search as a table. */
import { useMemo } from "preact/hooks";
import { query, setQuery } from "../../address";
import type { Details } from "../../api/types";
import { columnsOf, orderedRows, readSorting, writeSorting, type Column } from "../../data/columns";
import { csv } from "../../data/csv";
import type { Search } from "../../data/search";
import { Empty, Waiting } from "../../parts/boxes";
import { download } from "../../parts/copy";
import { ColumnChooser, Filters } from "../../parts/filters";
import { Grid } from "../../parts/grid";
import { useResource } from "../../parts/hooks";
import type { ViewProps } from ".";

/** The columns of a search; the same objects as long as there are no others. */
export function useColumns(search: Search, details: Details): readonly Column[] {
  const metrics = [...search.trials.value.metrics.keys()];
  const key = JSON.stringify([metrics, details.space, details.summary.metric, details.rungs.length > 0]);
  return useMemo(() => columnsOf(details, metrics), [key]);
}

export function TrialsView({ search, details, open }: ViewProps) {
  useResource(search.table);
  const columns = useColumns(search, details);
  if (search.table.data.value === null)
    return <Waiting problem={search.table.problem} what="the trials" retry={search.table.ask} />;
  return (
    <section aria-label="Trials">
      <Filters search={search} details={details} columns={columns} />
      <TrialsTable search={search} columns={columns} open={open} height="calc(100dvh - 9rem)" />
    </section>
  );
}

/** The table with its chooser of columns; sorting and columns are parts of the address. */
export function TrialsTable({
  search,
  columns,
  open,
  height,
}: {
  search: Search;
  columns: readonly Column[];
  open: (trial: number) => void;
  height: string;
}) {
  const written = query.value.getAll("column");
  const chosen = written.length > 0 ? written.join("\n") : null;
  const shown = useMemo(
    () => (chosen === null ? new Set(columns.filter((each) => each.shown).map((each) => each.key)) : new Set(written)),
    [columns, chosen],
  );
  const visible = useMemo(() => columns.filter((column) => shown.has(column.key)), [columns, shown]);
  const sort = query.value.get("sort");
  const sorting = useMemo(() => readSorting(sort), [sort]);
  const save = (): void => {
    const table = search.trials.peek();
    const by = columns.find((column) => column.key === sorting.key);
    const rows = orderedRows(table, search.selection.passing.peek(), sorting, by);
    download(`${search.details.data.peek()?.summary.name ?? "trials"}.csv`, csv(table, rows, visible));
  };
  return (
    <>
      <div class="gridtools">
        <span class="faint keys">
          Arrows move, <kbd>Space</kbd> selects, <kbd>Enter</kbd> opens
        </span>
        <button type="button" class="small" onClick={save}>
          Save as CSV
        </button>
        <ColumnChooser
          columns={columns}
          shown={shown}
          change={(next) => setQuery({ column: next === null ? null : [...next] })}
        />
      </div>
      <Grid
        id={search.id}
        trials={search.trials}
        selection={search.selection}
        columns={visible}
        sorting={sorting}
        sort={(next) => setQuery({ sort: writeSorting(next) })}
        open={open}
        label="Trials"
        height={height}
      />
      {search.trials.value.length > 0 && !search.selection.passing.value.includes(1) && (
        <Empty>No trial passes the filters.</Empty>
      )}
    </>
  );
}
