/** The family of a trial: the line of its parents, and all that descends from it. */
import type { Change, TrialDetails } from "../../api/types";
import type { TrialTable } from "../../data/table";
import { rowOf } from "../../data/table";
import { shortText } from "./text";

/** So many members are drawn; of more, those nearest to the trial. */
export const MAX_MEMBERS = 150;

export interface Member {
  readonly trial: number;
  readonly changes: readonly Change[];
  readonly relation: "ancestor" | "itself" | "descendant";
  readonly children: Member[];
  /** Children that are not drawn. */
  hidden: number;
}

/** The family as a tree whose root is the first ancestor that is drawn, and how many of it are left out. */
export function familyOf(details: TrialDetails, table: TrialTable, most = MAX_MEMBERS): { root: Member; hidden: number } {
  const itself: Member = {
    trial: details.index,
    changes: details.lineage.at(-1)?.changes ?? [],
    relation: "itself",
    children: [],
    hidden: 0,
  };
  const ancestors = details.lineage.filter((ancestor) => ancestor.index !== details.index);
  // A trial may have thousands: descendants are to have room, too.
  const above = ancestors.slice(-Math.ceil(most / 2));
  let root = itself;
  for (const ancestor of [...above].reverse())
    root = { trial: ancestor.index, changes: ancestor.changes, relation: "ancestor", children: [root], hidden: 0 };

  const children = childrenOf(table);
  for (const child of details.children) {
    const known = children.get(details.index) ?? [];
    if (!known.includes(child)) children.set(details.index, [...known, child].sort((a, b) => a - b));
  }
  let drawn = above.length + 1;
  let hidden = ancestors.length - above.length;
  const seen = new Set([details.index, ...ancestors.map((ancestor) => ancestor.index)]);
  const due: Member[] = [itself];
  for (let member = due.shift(); member !== undefined; member = due.shift()) {
    for (const child of children.get(member.trial) ?? []) {
      if (seen.has(child)) continue;
      seen.add(child);
      if (drawn >= most) {
        member.hidden++;
        hidden++;
        continue;
      }
      drawn++;
      const next: Member = {
        trial: child,
        changes: changesBetween(table, member.trial, child),
        relation: "descendant",
        children: [],
        hidden: 0,
      };
      member.children.push(next);
      due.push(next);
    }
  }
  return { root, hidden };
}

export function childrenOf(table: TrialTable): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (let row = 0; row < table.length; row++) {
    const parent = table.parent[row]!;
    if (Number.isNaN(parent)) continue;
    const siblings = found.get(parent);
    if (siblings === undefined) found.set(parent, [table.index[row]!]);
    else siblings.push(table.index[row]!);
  }
  return found;
}

/** Decisions in which a trial differs from its parent. */
export function changesBetween(table: TrialTable, parent: number, trial: number): Change[] {
  const [before, after] = [rowOf(table, parent), rowOf(table, trial)];
  if (before < 0 || after < 0) return [];
  const changes: Change[] = [];
  for (const [decision, column] of table.decisions)
    if (column[before] !== column[after])
      changes.push({ decision, before: shortText(column[before] ?? null), after: shortText(column[after] ?? null) });
  return changes;
}
