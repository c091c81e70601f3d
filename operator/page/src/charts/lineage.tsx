/** The family of a trial as a tree: its parents to the left, what descends from it to the right. */
import { hierarchy, tree, type HierarchyPointNode } from "d3-hierarchy";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { rowOf } from "../data/table";
import { AsTable, Legend, showTip, type Entry } from "./parts";
import type { LineageTreeProps } from "./props";
import { merits } from "./pure/curves";
import { familyOf, type Member } from "./pure/lineage";
import { counted, cut, general } from "./pure/text";
import { linesOf } from "./trials";

const ACROSS = 168;
const DOWN = 42;
const MARGIN = 22;

export function LineageTree(props: LineageTreeProps) {
  const { trial, details, selection } = props;
  const table = props.trials.value;
  const { nodes, width, height, hidden } = useMemo(() => {
    const family = familyOf(trial, table);
    const root = tree<Member>().nodeSize([DOWN, ACROSS])(hierarchy(family.root, (member) => member.children));
    const nodes = root.descendants();
    const top = Math.min(...nodes.map((node) => node.x));
    const bottom = Math.max(...nodes.map((node) => node.x));
    for (const node of nodes) node.x += MARGIN - top;
    return { nodes, width: (root.height + 1) * ACROSS + MARGIN, height: bottom - top + 2 * MARGIN, hidden: family.hidden };
  }, [trial, table]);
  const merit = useMemo(() => merits(table.reward, details.summary.minimize), [table, details.summary.minimize]);
  const [focus, setFocus] = useState(trial.index);
  const focused = nodes.some((node) => node.data.trial === focus) ? focus : trial.index;
  const tip = useRef<HTMLDivElement>(null);
  // A member is named by what is written beside it; the words at the pointer, which has the focus too, say the rest.
  const svg = useRef<SVGSVGElement>(null);

  // A long line of parents is scrolled to the trial itself.
  useEffect(() => {
    const itself = nodes.find((node) => node.data.relation === "itself");
    const scroll = svg.current?.closest<HTMLElement>(".tree");
    if (itself !== undefined && scroll) scroll.scrollLeft = itself.y - scroll.clientWidth / 3;
  }, [trial.index]);

  const value = (index: number): string => {
    const row = rowOf(table, index);
    return row < 0 || Number.isNaN(table.value[row]!) ? "" : general(table.value[row]!, 4);
  };
  const look = (node: HierarchyPointNode<Member> | null): void => {
    selection.hovered.value = node?.data.trial ?? null;
    showTip(tip.current, node === null ? null : words(node), node === null ? 0 : node.y + MARGIN, node === null ? 0 : node.x);
  };
  const words = (node: HierarchyPointNode<Member>): string[] => {
    const row = rowOf(table, node.data.trial);
    return [
      ...(row < 0 ? [`trial ${node.data.trial}`] : [...linesOf(table, row, details), `origin ${table.origin[row]}`]),
      ...node.data.changes.map((change) => `${change.decision} ${change.before} → ${change.after}`),
      ...(node.data.hidden > 0 ? [`${node.data.hidden} more children, not drawn`] : []),
    ];
  };
  const move = (node: HierarchyPointNode<Member> | undefined | null): void => {
    if (node === undefined || node === null) return;
    setFocus(node.data.trial);
    svg.current?.querySelector<SVGGElement>(`[data-trial="${node.data.trial}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent, node: HierarchyPointNode<Member>): void => {
    const level = nodes.filter((other) => other.depth === node.depth).sort((a, b) => a.x - b.x);
    const at = level.indexOf(node);
    if (event.key === "ArrowLeft") move(node.parent);
    else if (event.key === "ArrowRight") move(node.children?.[0]);
    else if (event.key === "ArrowDown") move(level[at + 1]);
    else if (event.key === "ArrowUp") move(level[at - 1]);
    else if (event.key === "Enter") props.open(node.data.trial);
    else if (event.key === " ") choose(node.data.trial);
    else return;
    event.preventDefault();
  };
  const choose = (index: number): void => {
    const { selected } = selection;
    selected.value = selected.value.size === 1 && selected.value.has(index) ? new Set() : new Set([index]);
  };

  const ancestors = nodes.filter((node) => node.data.relation === "ancestor").length;
  const descendants = nodes.length - ancestors - 1;
  const legend: Entry[] = [
    { text: "this trial", kind: "ring", colour: "series-1" },
    { text: "the stronger the colour, the better", kind: "dot", colour: "full" },
  ];
  if (hidden > 0) legend.push({ text: `${counted(hidden, "relative")} not drawn`, kind: "mark", colour: "faint-colour" });
  const selected = selection.selected.value;
  return (
    <div class="chart">
      <div class="scroll tree">
        <div class="canopy">
          <svg ref={svg} width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="tree" aria-label={`Lineage of trial ${trial.index}: ${counted(ancestors, "ancestor")}, ${counted(descendants, "descendant")} drawn.`}>
            {nodes.map((node) =>
              node.parent === null ? null : (
                <path
                  key={`to ${node.data.trial}`}
                  class={node.data.relation === "descendant" ? "branch" : "branch line-of-parents"}
                  role="presentation"
                  d={`M${node.parent.y + MARGIN},${node.parent.x}C${node.parent.y + MARGIN + ACROSS / 2},${node.parent.x} ${node.y + MARGIN - ACROSS / 2},${node.x} ${node.y + MARGIN},${node.x}`}
                />
              ),
            )}
            {nodes.map((node) => {
              const { trial: index, relation, changes } = node.data;
              const row = rowOf(table, index);
              const rank = row < 0 ? NaN : merit[row]!;
              const shown = value(index);
              const changed = cut(changes.map((change) => `${change.decision} → ${change.after}`).join(", "), 23);
              return (
                <g
                  key={index}
                  data-trial={index}
                  class={`member ${relation}${selected.has(index) ? " selected" : ""}`}
                  role="treeitem"
                  aria-level={node.depth + 1}
                  aria-label={`trial ${[index, shown, changed].filter((part) => part !== "").join(" ")}, ${words(node).slice(1).join(", ")}`}
                  aria-selected={selected.has(index)}
                  {...(node.children === undefined ? {} : { "aria-expanded": true })}
                  tabindex={index === focused ? 0 : -1}
                  transform={`translate(${node.y + MARGIN} ${node.x})`}
                  onPointerEnter={() => look(node)}
                  onPointerLeave={() => look(null)}
                  onFocus={() => look(node)}
                  onBlur={() => look(null)}
                  onClick={() => choose(index)}
                  onDblClick={() => props.open(index)}
                  onKeyDown={(event) => onKeyDown(event, node)}
                >
                  <rect class="hit" x={-12} y={-DOWN / 2 + 2} width={ACROSS - 16} height={DOWN - 4} />
                  {relation === "itself" && <circle class="ring series-1" r={9} />}
                  <circle class={Number.isNaN(rank) ? "node none" : "node ordered"} r={5} style={Number.isNaN(rank) ? {} : { "--merit": `${Math.round(100 * rank)}%` }} />
                  <text x={13} y={-6} aria-hidden="true">
                    {index}
                    {shown !== "" && <tspan class="faint-text">{`  ${shown}`}</tspan>}
                  </text>
                  {/* Words that are read aloud are kept apart. */ " "}
                  {changes.length > 0 && (
                    <text class="small" aria-hidden="true" x={13} y={14}>
                      {changed}
                    </text>
                  )}
                </g>
              );
            })}
          </svg>
          <div ref={tip} class="tip" hidden />
        </div>
      </div>
      <div class="foot">
      <Legend entries={legend} />
      <AsTable
        name={`lineage of trial ${trial.index}`}
        rows={() => ({
          head: ["trial", "relation", "parent", details.summary.metric, "changes from its parent"],
          rows: nodes.map((node) => [
            node.data.trial,
            node.data.relation,
            node.parent === null ? "-" : node.parent.data.trial,
            value(node.data.trial) || "-",
            node.data.changes.map((change) => `${change.decision} ${change.before} → ${change.after}`).join(", ") || "-",
          ]),
        })}
      />
      </div>
    </div>
  );
}
