/** The values of a decision over time: those of the latest results, and those that the policy would choose. */
import { useMemo } from "preact/hooks";
import type { Brush } from "../data/selection";
import type { DecisionValue } from "../data/table";
import { COLOURS, shade, type Palette } from "./draw/palette";
import { Figure } from "./figure";
import type { Entry } from "./parts";
import type { PolicyOverTimeProps, PopulationSharesProps } from "./props";
import { resultsInOrder } from "./pure/curves";
import { policyShares, valueShares, type Shares } from "./pure/shares";
import { ABSENT } from "./pure/text";
import { categoriesOf, countScale, plainScale, type Categories } from "./scales";

export function PopulationShares(props: PopulationSharesProps) {
  const { details, decision, selection } = props;
  const table = props.trials.value;
  const population = details.population ?? details.window;
  const { categories, shares } = useMemo(() => {
    const rows = resultsInOrder(table, true);
    const column = table.decisions.get(decision);
    const taken = Array.from(rows, (row) => column?.[row] ?? null);
    const categories = categoriesOf(details.space.find((one) => one.name === decision), taken);
    const shares = valueShares(taken.map((value) => categories.places.get(value)!), categories.values.length, population);
    return { categories, shares };
  }, [table, decision, details.space, population]);

  const axis = `decision:${decision}` as const;
  const brush = selection.brushes.value.get(axis);
  const chosen = brush !== undefined && "values" in brush ? brush.values : [];
  const press = (value: DecisionValue | null): void => {
    const next = chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value];
    const brushes = new Map(selection.brushes.value);
    if (next.length === 0) brushes.delete(axis);
    else brushes.set(axis, { values: next } satisfies Brush);
    selection.brushes.value = brushes;
  };
  return (
    <Areas
      title={`values of ${decision} among the latest ${population} results`}
      label="share of results"
      categories={categories}
      shares={shares}
      height={props.height ?? 220}
      legend={entries(categories).map((entry, place) => ({
        ...entry,
        pressed: chosen.includes(categories.values[place]!),
        press: () => press(categories.values[place]!),
      }))}
    />
  );
}

export function PolicyOverTime({ details, policy, decision, height }: PolicyOverTimeProps) {
  const found = useMemo(() => {
    const info = details.space.find((one) => one.name === decision);
    const asked = policy.moments.find((moment) => Object.hasOwn(moment.probabilities, decision));
    const absent = (asked?.probabilities[decision]?.length ?? 0) > (info?.values.length ?? 0);
    const categories = categoriesOf(info, absent ? [null] : []);
    return { categories, shares: policyShares(policy.moments, decision, categories.values.length) };
  }, [policy, decision, details.space]);
  return (
    <Areas
      title={`what the policy would choose for ${decision}`}
      label="policy's probability"
      categories={found.categories}
      shares={found.shares}
      height={height ?? 220}
      legend={entries(found.categories)}
    />
  );
}

interface AreasProps {
  readonly title: string;
  readonly label: string;
  readonly categories: Categories;
  readonly shares: Shares;
  readonly height: number;
  readonly legend: readonly Entry[];
}

function Areas({ title, label, categories, shares: { steps, shares }, height, legend }: AreasProps) {
  const { labels } = categories;
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const ranked = (at: number) =>
    labels.map((text, place) => ({ text, share: shares[at]![place]! })).filter(({ share }) => share > 0).sort((a, b) => b.share - a.share);
  return (
    <Figure
      model={[categories, steps, shares]}
      title={title}
      summary={steps.length === 0 ? "" : `After ${steps.at(-1)} results: ${ranked(steps.length - 1).slice(0, 8).map(({ text, share }) => `${text} ${percent(share)}`).join(", ")}.`}
      height={height}
      empty={steps.length === 0 && "There is nothing to show yet."}
      x={countScale(steps[0] ?? 1, steps.at(-1) ?? 1, "results")}
      y={{ ...plainScale([0, 1], label), ticks: () => [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, text: percent(at) })) }}
      below={(pen) => {
        // A single step is a band of its own.
        const xs = steps.length === 1 ? [steps[0]! - 0.5, steps[0]! + 0.5] : steps;
        const rows = steps.length === 1 ? [shares[0]!, shares[0]!] : shares;
        let floor = xs.map(() => 0);
        labels.forEach((_, place) => {
          const ceiling = floor.map((low, at) => low + rows[at]![place]!);
          pen.area(xs, floor, ceiling, colourOf(pen.palette, categories, place), 0.8);
          floor = ceiling;
        });
      }}
      tipAt={(x) => {
        if (steps.length === 0) return null;
        let at = 0;
        for (let place = 1; place < steps.length; place++) if (Math.abs(steps[place]! - x) < Math.abs(steps[at]! - x)) at = place;
        const lines = ranked(at).slice(0, 10).map(({ text, share }) => `${text} ${percent(share)}`);
        return { x: steps[at]!, lines: [`after ${steps[at]!.toLocaleString("en")} results`, ...lines] };
      }}
      legend={legend}
      table={() => ({ head: ["results", ...labels], rows: steps.map((step, at) => [step, ...shares[at]!.map(percent)]) })}
    />
  );
}

function colourOf(palette: Palette, categories: Categories, place: number): string {
  if (categories.values[place] === null) return palette.series[COLOURS - 1]!;
  if (categories.ordered) return shade(palette, place / Math.max(1, count(categories) - 1));
  return palette.series[place % COLOURS]!;
}

function entries(categories: Categories): Entry[] {
  return categories.labels.map((text, place) => {
    if (categories.values[place] === null) return { text: ABSENT, kind: "area", colour: `series-${COLOURS - 1}` };
    if (categories.ordered) return { text, kind: "area", colour: "ordered", merit: place / Math.max(1, count(categories) - 1) };
    return { text, kind: "area", colour: `series-${place % COLOURS}` };
  });
}

const count = (categories: Categories): number => categories.values.filter((value) => value !== null).length;
