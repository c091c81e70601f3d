/**
 * Two metrics against each other: the front, what it dominates, infeasible candidates, limits and references. Of two
 * objectives, the front is that of the search, which the server has found; of any other two metrics, it is found here.
 */
import { useMemo } from "preact/hooks";
import { axisValues } from "../data/axes";
import { hasSeveral, objectiveOf } from "../data/objectives";
import { crosses, dots, strength } from "./draw/dots";
import type { Pen } from "./draw/pen";
import { Figure, type Marks } from "./figure";
import type { Entry } from "./parts";
import type { ParetoProps } from "./props";
import { mixed } from "./pure/colours";
import { floorOf } from "./pure/curves";
import { findFront, rangeAround } from "./pure/pareto";
import { counted, general } from "./pure/text";
import { plainScale, titleOf } from "./scales";
import { linesOf, marksAt, said, winnerOf } from "./trials";

interface Limit {
  readonly value: number;
  readonly upright: boolean;
  readonly kind: "limit" | "target" | "reference";
}

/** Ranks differ in so many looks: those near the front have one each, the others are alike in ever larger groups. */
const SHADED = 6;

export function Pareto(props: ParetoProps) {
  const { details, lessX, lessY } = props;
  const table = props.trials.value;
  const found = useMemo(() => {
    const several = hasSeveral(details.summary);
    const ranked = several && objectiveOf(props.x, details) !== undefined && objectiveOf(props.y, details) !== undefined;
    const number = (axis: typeof props.x, row: number): number => {
      const value = axisValues(table, axis)?.[row];
      return typeof value === "number" ? value : NaN;
    };
    const rows: number[] = [];
    for (let row = 0; row < table.length; row++)
      if (!table.confirmation[row] && Number.isFinite(number(props.x, row)) && Number.isFinite(number(props.y, row))) rows.push(row);
    const infeasible = rows.filter((row) => table.state[row] === "Infeasible");
    const feasible = rows.filter((row) => !Number.isNaN(table.reward[row]!) && table.state[row] !== "Infeasible");
    const merit = (axis: typeof props.x, less: boolean) => (row: number) => (less ? -number(axis, row) : number(axis, row));
    const [right, up] = [merit(props.x, lessX), merit(props.y, lessY)];
    const frontOf = (of: readonly number[]) => findFront(of.map(up), of.map(right)).map((place) => of[place]!);
    const members = ranked ? feasible.filter((row) => table.rank[row] === 0).sort((a, b) => up(b) - up(a) || right(b) - right(a)) : frontOf(feasible);
    const limits = limitsOf(props);
    const ruled = (upright: boolean) => limits.filter((limit) => limit.upright === upright).map((limit) => limit.value);
    // With several objectives a candidate may be far worse in one: it must not squeeze the front.
    const kept = several ? keptNear(feasible, members, [right, up]) : feasible;
    const away = (row: number) => [number(props.x, row), number(props.y, row)] as const;
    const across = rangeAround(kept.map((row) => away(row)[0]), [...infeasible.map((row) => away(row)[0]), ...ruled(true)]);
    const upward = rangeAround(kept.map((row) => away(row)[1]), [...infeasible.map((row) => away(row)[1]), ...ruled(false)]);
    const near = infeasible.filter((row) => {
      const [x, y] = away(row);
      return x >= across[0] && x <= across[1] && y >= upward[0] && y <= upward[1];
    });
    const drawn = [...kept, ...near];
    const marks = marksAt(table, drawn, drawn.map((row) => away(row)[0]), drawn.map((row) => away(row)[1]));
    const places = new Map(drawn.map((row, place) => [row, place]));
    const onFront = new Set(members.map((row) => places.get(row)!));
    // Of more than two objectives, members are behind others in the two that are drawn: the border is of these two.
    const border = (ranked ? frontOf(members) : members).map((row) => places.get(row)!);
    const ranks = ranked ? Math.max(0, ...kept.map((row) => table.rank[row]!).filter(Number.isFinite)) : 0;
    return {
      marks, ranked, onFront, border, limits, across, up: upward, ranks,
      feasible: kept.length, dominated: feasible.length - members.length, beyond: feasible.length - kept.length, infeasible: infeasible.length, outside: infeasible.length - near.length,
      corner: ranked && details.summary.objectives.length === 2 ? cornerOf(props) : null,
      members: members.map((row) => places.get(row)!),
      spreads: ranked ? spreadsOf(props) : [],
    };
  }, [table, details, props.x, props.y, lessX, lessY]);

  const { marks, members, onFront, feasible, ranked } = found;
  const [xTitle, yTitle] = [titleOf(props.x, details), titleOf(props.y, details)];
  const winner = winnerOf(marks, details);
  const way = (less: boolean) => `${less ? "less" : "more"} is better`;
  const name = hasSeveral(details.summary) && ranked ? "front" : "Pareto front";
  const legend: Entry[] = [
    { text: `${ranked ? "on the front" : name} (${members.length})`, kind: "dot", colour: "series-0" },
    { text: `dominated${ranked && found.ranks > 1 ? ", fainter with their rank" : ""} (${found.dominated}${found.beyond > 0 ? `, ${found.beyond} of them beyond the edges` : ""})`, kind: "dot", colour: ranked ? "behind" : "faint-colour" },
  ];
  if (found.infeasible > 0)
    legend.push({ text: `infeasible (${found.infeasible}${found.outside > 0 ? `, ${found.outside} of them beyond the edges` : ""})`, kind: "cross", colour: "series-3" });
  if (winner >= 0) legend.push({ text: "best candidate", kind: "ring", colour: "series-1" });
  if (found.spreads.length > 0) legend.push({ text: "trained again: mean and standard deviation", kind: "line", colour: "series-1" });
  if (found.corner !== null) legend.push({ text: "dominated by the front, up to the reference", kind: "area", colour: "series-0 wash" });
  return (
    <Figure
      model={[found, winner]}
      title={`${yTitle} against ${xTitle}`}
      summary={
        `${counted(members.length, "trial is", "trials are")} on the ${name}, ${found.dominated} dominated, ${found.infeasible} infeasible. For ${yTitle} ${way(lessY)}, for ${xTitle} ${way(lessX)}.`
      }
      height={props.height ?? 340}
      empty={marks.x.length === 0 && `No candidate has reported both ${yTitle} and ${xTitle}.`}
      x={plainScale(found.across, `${xTitle} (${way(lessX)})`)}
      y={plainScale(found.up, `${yTitle} (${way(lessY)})`)}
      marks={marks}
      link={props}
      below={(pen) => {
        if (found.corner !== null) dominatedArea(pen, marks, found.border, found.corner);
      }}
      points={(pen, places) => {
        const all = places ?? Array.from(marks.x.keys());
        const { series, faint } = pen.palette;
        const good = all.filter((place) => onFront.has(place));
        const rest = all.filter((place) => place < feasible && !onFront.has(place));
        const bad = all.filter((place) => place >= feasible);
        const [small, opacity] = places === null ? [2.5, strength(feasible)] : [3, 1];
        if (!ranked) dots(pen, marks.x, marks.y, rest, faint, small, opacity);
        else
          for (const [nearness, behind] of byNearness(rest, (place) => table.rank[marks.row[place]!]!, found.ranks))
            dots(pen, marks.x, marks.y, behind, mixed(faint, series[0]!, 0.7 * nearness), small + 0.3, places === null ? opacity * (0.5 + nearness) : 1);
        crosses(pen, marks.x, marks.y, bad, series[3]!, places === null ? 3 : 3.5, places === null ? 0.8 : 1);
        dots(pen, marks.x, marks.y, good, series[0]!, places === null ? 4 : 4.5, 1);
      }}
      above={(pen) => {
        for (const { value, upright, kind } of found.limits)
          pen.rule(value, upright, `${kind} ${general(value)}`, kind === "limit" ? [7, 4] : kind === "reference" ? [1, 3] : [2, 4], kind === "limit" ? pen.palette.text : pen.palette.faint);
        for (const spread of found.spreads) uncertainty(pen, spread);
        border(pen, marks, found.border, lessX, lessY, [found.across, found.up]);
        if (winner >= 0) pen.ring(pen.x(marks.x[winner]!), pen.y(marks.y[winner]!), 8, pen.palette.series[1]!);
      }}
      tip={(place) => {
        const row = marks.row[place]!;
        if (ranked) return linesOf(table, row, details);
        return [
          `trial ${table.index[row]}`,
          `${yTitle} ${said(props.y, table, row)}`,
          `${xTitle} ${said(props.x, table, row)}`,
          place >= feasible ? "infeasible" : onFront.has(place) ? "on the front" : "dominated",
          ...linesOf(table, row, details).slice(2),
        ];
      }}
      legend={legend}
      table={() => {
        const others = ranked ? details.summary.objectives.map((each) => each.metric).filter((metric) => metric !== xTitle && metric !== yTitle) : [];
        return {
          head: ["trial", yTitle, xTitle, ...others, "decisions"],
          rows: members.map((place) => {
            const row = marks.row[place]!;
            const decisions = [...table.decisions].filter(([, column]) => column[row] !== null).map(([decision, column]) => `${decision}=${column[row]}`);
            return [marks.trial[place]!, said(props.y, table, row), said(props.x, table, row), ...others.map((metric) => said(`objective:${metric}`, table, row)), decisions.join(" ")];
          }),
        };
      }}
    />
  );
}

/** Those that are not far worse than most in one of the two, and all members. */
function keptNear(feasible: readonly number[], members: readonly number[], merits: readonly ((row: number) => number)[]): number[] {
  const floors = merits.map((merit) => Math.min(floorOf(feasible.map(merit), false), ...members.map(merit)));
  return feasible.filter((row) => merits.every((merit, place) => merit(row) >= floors[place]!));
}

/** Places by how near their rank is to the front, from 0 to 1, the nearest last; what has no rank is not near. */
function byNearness(places: readonly number[], rankOf: (place: number) => number, last: number): readonly (readonly [number, readonly number[]])[] {
  const groups = Array.from({ length: SHADED + 1 }, () => [] as number[]);
  for (const place of places) {
    const rank = rankOf(place);
    const group = Math.floor((SHADED * Math.log(Math.max(rank, 1))) / Math.log(Math.max(last, SHADED) + 1));
    groups[Number.isFinite(rank) ? group : SHADED]!.push(place);
  }
  return groups.map((group, at) => [at === SHADED ? 0 : 1 / (at + 1), group] as const).reverse();
}

function limitsOf({ details, x, y }: ParetoProps): Limit[] {
  const limits: Limit[] = [];
  for (const upright of [true, false]) {
    const axis = upright ? x : y;
    const objective = objectiveOf(axis, details);
    const metric = objective?.metric ?? axis.slice(axis.indexOf(":") + 1);
    for (const constraint of details.constraints)
      if (constraint.metric === metric) {
        const value = constraint.maximum ?? constraint.target;
        if (value !== null) limits.push({ value, upright, kind: constraint.maximum === null ? "target" : "limit" });
      }
    if (objective === undefined || !hasSeveral(details.summary)) continue;
    if (objective.reference !== null) limits.push({ value: objective.reference, upright, kind: "reference" });
    if (objective.target !== null) limits.push({ value: objective.target, upright, kind: "target" });
  }
  return limits;
}

/** Where the hypervolume of two objectives is measured from. */
function cornerOf({ details, x, y }: ParetoProps): readonly [number, number] | null {
  const { objectives } = details.summary;
  const reference = details.front?.reference ?? null;
  const place = (axis: typeof x) => objectives.indexOf(objectiveOf(axis, details)!);
  return reference === null ? null : [reference[place(x)]!, reference[place(y)]!];
}

/** What training a member again has shown in the two objectives that are drawn. */
interface Spread {
  readonly means: readonly [number, number];
  readonly deviations: readonly [number, number];
}

function spreadsOf({ details, x, y }: ParetoProps): Spread[] {
  const { objectives } = details.summary;
  const [across, up] = [x, y].map((axis) => objectives.indexOf(objectiveOf(axis, details)!)) as [number, number];
  return (details.confirmed ?? [])
    .filter(({ means }) => means.length > 0)
    .map(({ means, deviations }) => ({ means: [means[across]!, means[up]!], deviations: [deviations[across] ?? 0, deviations[up] ?? 0] }));
}

function uncertainty(pen: Pen, { means: [x, y], deviations: [across, up] }: Spread): void {
  const { g, palette } = pen;
  g.strokeStyle = palette.series[1]!;
  g.lineWidth = 1.6;
  g.beginPath();
  g.moveTo(pen.x(x - across), pen.y(y));
  g.lineTo(pen.x(x + across), pen.y(y));
  g.moveTo(pen.x(x), pen.y(y - up));
  g.lineTo(pen.x(x), pen.y(y + up));
  g.stroke();
  pen.dot(pen.x(x), pen.y(y), 2.5, palette.series[1]!);
}

/** What the front dominates, up to the reference. */
function dominatedArea(pen: Pen, marks: Marks, front: readonly number[], [cornerX, cornerY]: readonly [number, number]): void {
  if (front.length === 0) return;
  const { g, palette } = pen;
  g.fillStyle = palette.series[0]!;
  g.globalAlpha = 0.08;
  g.beginPath();
  let last = pen.x(cornerX);
  for (const place of front) {
    const [x, y] = [pen.x(marks.x[place]!), pen.y(marks.y[place]!)];
    g.lineTo(last, y);
    g.lineTo(x, y);
    last = x;
  }
  g.lineTo(last, pen.y(cornerY));
  g.lineTo(pen.x(cornerX), pen.y(cornerY));
  g.fill();
  g.globalAlpha = 1;
}

/** The border of what the front dominates: nothing feasible was found beyond it. */
function border(pen: Pen, marks: Marks, front: readonly number[], lessX: boolean, lessY: boolean, [across, up]: readonly (readonly [number, number])[]): void {
  if (front.length === 0) return;
  const worst = [across![lessX ? 1 : 0], up![lessY ? 1 : 0]] as const;
  const { g, palette } = pen;
  g.strokeStyle = palette.series[0]!;
  g.lineWidth = 1.4;
  g.globalAlpha = 0.6;
  g.beginPath();
  let last = pen.x(worst[0]);
  for (const place of front) {
    const [x, y] = [pen.x(marks.x[place]!), pen.y(marks.y[place]!)];
    g.lineTo(last, y);
    g.lineTo(x, y);
    last = x;
  }
  g.lineTo(last, pen.y(worst[1]));
  g.stroke();
  g.globalAlpha = 1;
}
