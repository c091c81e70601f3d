/** Parallel coordinates: one axis per decision, one line per candidate, and a brush on each axis. */
import { effect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Axis } from "../data/axes";
import { hasSeveral } from "../data/objectives";
import type { Brush } from "../data/selection";
import { fitting, fontOf } from "./draw/axes";
import { shade } from "./draw/palette";
import { Surface } from "./draw/surface";
import { emphasisOf } from "./emphasis";
import { AsTable, Legend, Nothing, showTip } from "./parts";
import type { ParallelProps } from "./props";
import { brushed, drawnBrush, stepsOf, toggled, type Line } from "./pure/brushing";
import { merits } from "./pure/curves";
import { Joiner, opacityOf } from "./pure/segments";
import { counted, general } from "./pure/text";
import { partOf, valueAtPart, type Tick } from "./pure/ticks";
import { lay, titleOf, type Laid } from "./scales";
import { linesOf, rowsWithValue, said } from "./trials";

const LEAST_GAP = 92;
/** Where in its share of the width an axis is: its labels are to its right. */
const OFFSET = 0.3;
const TOP = 46;
const BOTTOM = 30;
/**
 * Lines of the same value lie beside each other, the better ones higher, over this share of the way to the next value.
 * In levels, since lines of one level still coincide.
 */
const SPREAD = 0.3;
const MAX_SPREAD = 22;
const LEVELS = 16;
/** With more lines than this they are drawn in fewer levels, in steps of some pixels on axes of numbers, and as coarsely as an ordinary screen shows them. */
const MANY = 1500;
const FEW_LEVELS = 6;
const COARSE = 3;
const LINES = 0;
const STRONG = 1;
const FRONT = 2;
const AXES = 3;
const FAINT = 0.16;
/** How near the pointer must be to an axis to brush it, and to a line to name it, in pixels. */
const NEAR_AXIS = 16;
const NEAR_LINE = 8;
const DRAG = 4;

interface AxisView extends Line {
  readonly axis: Axis;
  readonly laid: Laid;
  readonly title: string;
  readonly ticks: readonly Tick[];
}

interface State {
  surface: Surface | null;
  model: Model;
  /** Heights of all lines by axis, in whole pixels; -1 for none. */
  heights: readonly Int16Array[];
  heightsFor: number;
  focus: { axis: number; step: number } | null;
  wasFaint: boolean;
}

interface Model {
  readonly views: readonly AxisView[];
  readonly rows: Int32Array;
  /** Places among the rows, the worst first: the best lie on top. */
  readonly order: readonly number[];
  readonly merit: Float32Array;
}

export function Parallel(props: ParallelProps) {
  const { details, selection, axes } = props;
  const table = props.trials.value;
  const height = props.height ?? 360;
  const names = axes.join("\n");
  const model = useMemo<Model>(() => {
    const rows = rowsWithValue(table);
    // With several objectives, the front is the best; what has no rank is the worst.
    const merit = hasSeveral(details.summary)
      ? merits(Float64Array.from(rows, (row) => (Number.isNaN(table.rank[row]!) ? Infinity : table.rank[row]!)), true)
      : merits(Float64Array.from(rows, (row) => table.value[row]!), details.summary.minimize);
    const order = Array.from(rows.keys()).sort((a, b) => merit[a]! - merit[b]!);
    const views = axes.map((axis): AxisView => {
      const laid = lay(axis, table, rows, details);
      const ticks = laid.scale.ticks(6).filter((tick) => tick.at >= laid.scale.bounds[0] && tick.at <= laid.scale.bounds[1]);
      // The outer categories are at the ends of their axis.
      const last = (laid.categories?.labels.length ?? 0) - 1;
      const bounds = laid.categories === null ? laid.scale.bounds : last > 0 ? ([0, last] as const) : ([-0.5, 0.5] as const);
      return { axis, laid, title: titleOf(axis, details), ticks, bounds, values: laid.categories?.values ?? null, extremes: laid.extremes };
    });
    return { views, rows, order, merit };
  }, [table, details, names]);

  const host = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const spoken = useRef<HTMLDivElement>(null);
  const current = useRef(props);
  current.current = props;
  const state = useMemo<State>(() => ({ surface: null, model, heights: [], heightsFor: -1, focus: null, wasFaint: false }), []);
  if (state.model !== model) {
    state.model = model;
    state.heightsFor = -1;
    if (state.focus !== null && state.focus.axis >= model.views.length) state.focus = null;
  }

  useEffect(() => {
    const surface = new Surface(host.current!, [...host.current!.querySelectorAll("canvas")], (_, dirty) => draw(current.current, state, dirty), (layer) => ((layer === LINES || layer === STRONG) && state.model.rows.length > MANY ? 1 : Infinity));
    state.surface = surface;
    return () => surface.dispose();
  }, []);
  useEffect(() => state.surface?.soil(), [model, height]);
  useEffect(() => {
    const emphasis = emphasisOf(selection);
    const stops = [
      effect(() => {
        const faint = emphasis.value !== null;
        if (faint !== state.wasFaint) state.surface?.soil(LINES);
        state.wasFaint = faint;
        state.surface?.soil(STRONG);
      }),
      effect(() => {
        void selection.hovered.value;
        void selection.brushes.value;
        state.surface?.soil(FRONT);
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }, [selection, props.trials]);

  // One set of handlers for all renders: a drag outlives them.
  const handlers = useMemo(() => handlersOf(current, state, tip, spoken), []);

  const brushes = [...selection.brushes.value.keys()].filter((axis) => axes.includes(axis));
  const summary = `${counted(model.rows.length, "candidate")} across ${counted(axes.length, "axis", "axes")}: ${model.views.map((view) => view.title).join(", ")}. ${
    brushes.length === 0 ? "No axis is brushed." : `Brushed: ${brushes.map((axis) => titleOf(axis, details)).join(", ")}.`
  } Arrow keys move along the axes, space brushes, escape takes all brushes away.`;
  return (
    <div class="chart">
      <div class="scroll parallel" tabIndex={-1}>
        <div
          ref={host}
          class="figure"
          style={{ height: `${height}px`, minWidth: `${LEAST_GAP * axes.length}px` }}
          role="application"
          aria-roledescription="chart"
          aria-label={`Parallel coordinates. ${summary}`}
          tabIndex={0}
          {...handlers}
        >
          <canvas />
          <canvas />
          <canvas />
          <canvas />
          <div ref={tip} class="tip" hidden />
          <div ref={spoken} class="unseen" aria-live="polite" />
        </div>
      </div>
      <div class="foot">
        {model.rows.length === 0 && <Nothing>There are no results yet.</Nothing>}
        <Legend entries={model.rows.length === 0 ? [] : [{ text: "a candidate: the stronger the colour, and the higher among those of the same value, the better", kind: "line", colour: "full" }]} />
        {brushes.length > 0 && (
          <button type="button" class="quiet" onClick={() => clear(current.current)}>
            Clear {counted(brushes.length, "brush", "brushes")}
          </button>
        )}
      <AsTable
        name="parallel coordinates"
        rows={() => ({
          head: ["trial", ...model.views.map((view) => view.title)],
          rows: [...model.order].reverse().map((place) => {
            const row = model.rows[place]!;
            return [table.index[row]!, ...axes.map((axis) => said(axis, table, row))];
          }),
        })}
      />
      </div>
    </div>
  );
}

function clear({ selection, axes }: ParallelProps): void {
  selection.brushes.value = new Map([...selection.brushes.value].filter(([axis]) => !axes.includes(axis)));
}

function setBrush({ selection }: ParallelProps, axis: Axis, brush: Brush | null): void {
  const brushes = new Map(selection.brushes.value);
  if (brush === null) brushes.delete(axis);
  else brushes.set(axis, brush);
  selection.brushes.value = brushes;
}

/** Positions in the drawing. */
function across(state: State, axis: number): number {
  return (state.surface!.width * (axis + OFFSET)) / state.model.views.length;
}

function up(view: AxisView, value: number, height: number): number {
  const [low, high] = view.bounds;
  return height - BOTTOM - partOf(value, low, high) * (height - TOP - BOTTOM);
}

function valueAt(view: AxisView, y: number, height: number): number {
  const [low, high] = view.bounds;
  return valueAtPart((height - BOTTOM - y) / (height - TOP - BOTTOM), low, high);
}

function draw(props: ParallelProps, state: State, dirty: ReadonlySet<number>): void {
  const surface = state.surface!;
  const { palette, height } = surface;
  const { views, order, merit, rows } = state.model;
  if (state.heightsFor !== height) {
    state.heightsFor = height;
    const many = rows.length > MANY;
    const [levels, grain] = many ? [FEW_LEVELS, COARSE] : [LEVELS, 1];
    state.heights = views.map((view) => {
      const spread = view.values === null ? 0 : Math.min(MAX_SPREAD, (SPREAD * (height - TOP - BOTTOM)) / Math.max(1, view.values.length - 1));
      const beside = (place: number) => spread * (1 - (2 * Math.round(merit[place]! * levels)) / levels);
      return Int16Array.from(view.laid.at, (value, place) => (Number.isNaN(value) ? -1 : view.values === null ? grain * Math.round(up(view, value, height) / grain) : Math.round(up(view, value, height) + beside(place))));
    });
  }
  const strong = emphasisOf(props.selection).peek();
  if (dirty.has(LINES)) lines(state, LINES, order, merit, strong === null ? null : palette.faint, strong === null ? 1 : FAINT);
  if (dirty.has(STRONG) && strong !== null) lines(state, STRONG, order.filter((place) => strong[rows[place]!] === 1), merit, null, 1);
  if (dirty.has(AXES)) {
    surface.layer(AXES).font = fontOf(palette);
    views.forEach((view, axis) => drawAxis(state, view, axis));
  }
  if (!dirty.has(FRONT)) return;

  const g = surface.layer(FRONT);
  const table = props.trials.peek();
  const hovered = props.selection.hovered.peek();
  const place = hovered === null ? -1 : rows.findIndex((row) => table.index[row] === hovered);
  if (place >= 0) {
    for (const [width, colour] of [[5, palette.ground], [2.5, palette.accent]] as const) {
      g.strokeStyle = colour;
      g.lineWidth = width;
      g.lineJoin = "round";
      g.beginPath();
      let pen = false;
      state.heights.forEach((heights, axis) => {
        if (heights[place]! < 0) pen = false;
        else if (pen) g.lineTo(across(state, axis), heights[place]!);
        else {
          g.moveTo(across(state, axis), heights[place]!);
          pen = true;
        }
      });
      g.stroke();
    }
  }
  views.forEach((view, axis) => drawBrushes(props, state, view, axis));
}

function lines(state: State, layer: number, order: readonly number[], merit: Float32Array, colour: string | null, fade: number): void {
  const { height, palette } = state.surface!;
  const g = state.surface!.layer(layer);
  const joiner = new Joiner(height);
  const opacity = opacityOf(order.length);
  g.lineWidth = order.length <= 30 ? 1.8 : order.length <= MANY ? 1.2 : 2.2;
  for (let axis = 0; axis + 1 < state.heights.length; axis++) {
    const [x, toX] = [across(state, axis), across(state, axis + 1)];
    for (const segment of joiner.join(order, state.heights[axis]!, state.heights[axis + 1]!, merit, opacity)) {
      g.globalAlpha = segment.opacity * fade;
      g.strokeStyle = colour ?? shade(palette, segment.merit);
      g.beginPath();
      g.moveTo(x, segment.from);
      g.lineTo(toX, segment.to);
      g.stroke();
    }
  }
  g.globalAlpha = 1;
}

function drawBrushes(props: ParallelProps, state: State, view: AxisView, axis: number): void {
  const { palette, height } = state.surface!;
  const g = state.surface!.layer(FRONT);
  const x = Math.round(across(state, axis)) + 0.5;
  const brush = props.selection.brushes.peek().get(view.axis);
  for (const [low, high] of brush === undefined ? [] : drawnBrush(view, brush)) {
    const [from, to] = [up(view, high, height), up(view, low, height)];
    const [y, tall] = [Math.max(TOP - MAX_SPREAD, from), Math.min(height - BOTTOM + MAX_SPREAD, to)];
    g.fillStyle = g.strokeStyle = palette.accent;
    g.lineWidth = 1;
    g.globalAlpha = 0.25;
    g.fillRect(x - 7, y, 14, Math.max(2, tall - y));
    g.globalAlpha = 1;
    g.strokeRect(x - 7, y, 14, Math.max(2, tall - y));
  }
  const step = state.focus?.axis === axis ? stepsOf(view)[state.focus.step] : undefined;
  if (step !== undefined) {
    const y = up(view, (step.low + step.high) / 2, height);
    g.strokeStyle = palette.text;
    g.lineWidth = 2;
    g.strokeRect(x - 5, y - 5, 10, 10);
  }
}

function drawAxis(state: State, view: AxisView, axis: number): void {
  const { palette, height, width } = state.surface!;
  const g = state.surface!.layer(AXES);
  const gap = width / state.model.views.length;
  const x = Math.round(across(state, axis)) + 0.5;
  const beyond = view.values === null ? 0 : Math.min(MAX_SPREAD, TOP - 22);
  g.strokeStyle = palette.faint;
  g.lineWidth = 1;
  g.beginPath();
  g.moveTo(x, TOP - beyond);
  g.lineTo(x, height - BOTTOM + beyond);
  g.stroke();
  g.textBaseline = "middle";
  g.textAlign = "center";
  g.fillStyle = palette.text;
  const half = Math.min(gap - 10, g.measureText(view.title).width) / 2;
  g.fillText(fitting(g, view.title, gap - 10), Math.min(Math.max(x, half), width - half), 10);
  g.textAlign = "left";
  g.lineJoin = "round";
  g.lineWidth = 3;
  g.strokeStyle = palette.ground;
  let last = Infinity;
  for (const tick of [...view.ticks].sort((a, b) => a.at - b.at)) {
    const y = up(view, tick.at, height);
    if (last - y < 13) continue;
    last = y;
    const text = fitting(g, tick.text, gap * (1 - OFFSET) - 2);
    g.strokeText(text, x + 9, y);
    g.fillText(text, x + 9, y);
  }
}

function handlersOf(
  current: { readonly current: ParallelProps },
  state: State,
  tip: { readonly current: HTMLDivElement | null },
  spoken: { readonly current: HTMLDivElement | null },
) {
  let start: { readonly axis: number; readonly y: number; moved: boolean } | null = null;

  const position = (event: MouseEvent): [number, number] => {
    const bounds = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  };
  const axisAt = (x: number): number => {
    const count = state.model.views.length;
    const axis = Math.round((x * count) / state.surface!.width - OFFSET);
    return axis >= 0 && axis < count && Math.abs(x - across(state, axis)) <= NEAR_AXIS ? axis : -1;
  };
  /** The nearest line, of those equally near the best. */
  const lineAt = (x: number, y: number): number => {
    const { views, order, rows } = state.model;
    const axis = Math.floor((x * views.length) / state.surface!.width - OFFSET);
    const [left, right] = [state.heights[axis], state.heights[axis + 1]];
    if (left === undefined || right === undefined) return -1;
    const share = (x - across(state, axis)) / (across(state, axis + 1) - across(state, axis));
    const strong = emphasisOf(current.current.selection).peek();
    let [found, nearest] = [-1, NEAR_LINE];
    for (const place of order) {
      if (left[place]! < 0 || right[place]! < 0 || (strong !== null && strong[rows[place]!] !== 1)) continue;
      const distance = Math.abs(left[place]! + share * (right[place]! - left[place]!) - y);
      if (distance <= nearest) [found, nearest] = [place, distance];
    }
    return found;
  };
  const look = (place: number, x: number, y: number): void => {
    const { selection, trials, details } = current.current;
    const table = trials.peek();
    if (place < 0) {
      showTip(tip.current, null);
      selection.hovered.value = null;
      return;
    }
    const row = state.model.rows[place]!;
    const axis = Math.min(state.model.views.length - 1, Math.max(0, Math.round((x * state.model.views.length) / state.surface!.width - OFFSET)));
    const near = state.model.views[axis]!;
    showTip(tip.current, [...linesOf(table, row, details), ...(near.axis === "value" ? [] : [`${near.title} ${said(near.axis, table, row)}`])], x, y);
    selection.hovered.value = table.index[row]!;
  };
  const speak = (): void => {
    if (state.focus === null || spoken.current === null) return;
    const view = state.model.views[state.focus.axis]!;
    const step = stepsOf(view)[state.focus.step];
    if (step === undefined) return;
    const inside = view.laid.at.reduce((count, value) => count + (value >= step.low && value <= step.high ? 1 : 0), 0);
    const words = view.values === null ? `${general(step.low, 4)} to ${general(step.high, 4)}` : view.laid.categories!.labels[state.focus.step]!;
    const passing = current.current.selection.passing.value.reduce((sum, one) => sum + one, 0);
    const brush = current.current.selection.brushes.value.has(view.axis) ? "brushed" : "not brushed";
    spoken.current.textContent = `${view.title}, ${words}: ${counted(inside, "candidate")}; the axis is ${brush}, ${counted(passing, "trial passes", "trials pass")}`;
    state.surface?.soil(FRONT);
  };

  return {
    onPointerDown(event: PointerEvent): void {
      if (event.button !== 0 || state.surface === null) return;
      const [x, y] = position(event);
      const axis = axisAt(x);
      start = { axis, y, moved: false };
      if (axis >= 0) (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    },
    onPointerMove(event: PointerEvent): void {
      if (state.surface === null || state.heightsFor < 0) return;
      const [x, y] = position(event);
      const target = event.currentTarget as HTMLElement;
      if (start !== null && start.axis >= 0) {
        if (!start.moved && Math.abs(y - start.y) < DRAG) return;
        if (!start.moved) look(-1, x, y);
        start.moved = true;
        const view = state.model.views[start.axis]!;
        const { height } = state.surface;
        setBrush(current.current, view.axis, brushed(view, valueAt(view, start.y, height), valueAt(view, y, height)));
        return;
      }
      const near = axisAt(x) >= 0;
      target.style.cursor = near ? "ns-resize" : "";
      look(near ? -1 : lineAt(x, y), x, y);
    },
    onPointerUp(event: PointerEvent): void {
      const props = current.current;
      if (start !== null && !start.moved && state.surface !== null) {
        const [x, y] = position(event);
        if (start.axis >= 0) {
          // A click chooses the value at it, or a part of an axis of numbers; or it takes the brush away.
          const view = state.model.views[start.axis]!;
          const at = valueAt(view, y, state.surface.height);
          const brush = props.selection.brushes.value.get(view.axis);
          const [low, high] = view.bounds;
          const count = stepsOf(view).length;
          const step = view.values === null ? Math.floor(count * partOf(at, low, high)) : Math.round(at);
          const next = toggled(view, brush, Math.min(count - 1, Math.max(0, step)));
          setBrush(props, view.axis, view.values === null && brush !== undefined ? null : next);
        } else {
          const place = lineAt(x, y);
          const trial = place < 0 ? null : props.trials.peek().index[state.model.rows[place]!]!;
          const add = event.shiftKey || event.ctrlKey || event.metaKey;
          const { selected } = props.selection;
          if (trial === null) selected.value = add ? selected.value : new Set();
          else if (selected.value.has(trial)) selected.value = new Set([...selected.value].filter((one) => add && one !== trial));
          else selected.value = new Set([...(add ? selected.value : []), trial]);
        }
      }
      start = null;
    },
    onPointerCancel(): void {
      start = null;
    },
    onPointerLeave(): void {
      if (start === null) look(-1, 0, 0);
    },
    onDblClick(event: MouseEvent): void {
      if (state.surface === null) return;
      const [x, y] = position(event);
      const place = axisAt(x) >= 0 ? -1 : lineAt(x, y);
      if (place >= 0) current.current.open(current.current.trials.peek().index[state.model.rows[place]!]!);
    },
    onBlur(): void {
      state.focus = null;
      look(-1, 0, 0);
      state.surface?.soil(FRONT);
    },
    onKeyDown(event: KeyboardEvent): void {
      const { views } = state.model;
      if (views.length === 0) return;
      const props = current.current;
      const at = state.focus ?? { axis: 0, step: -1 };
      const steps = (axis: number) => stepsOf(views[axis]!).length;
      const go = (axis: number, step: number): void => {
        const within = Math.min(views.length - 1, Math.max(0, axis));
        state.focus = { axis: within, step: Math.min(steps(within) - 1, Math.max(0, step)) };
      };
      if (event.key === "ArrowRight") go(state.focus === null ? 0 : at.axis + 1, at.step);
      else if (event.key === "ArrowLeft") go(at.axis - 1, at.step);
      else if (event.key === "ArrowUp") go(at.axis, at.step + 1);
      else if (event.key === "ArrowDown") go(at.axis, at.step - 1);
      else if (event.key === "Home") go(0, 0);
      else if (event.key === "End") go(views.length - 1, 0);
      else if ((event.key === " " || event.key === "Enter") && state.focus !== null) {
        const view = views[at.axis]!;
        setBrush(props, view.axis, toggled(view, props.selection.brushes.value.get(view.axis), at.step));
      } else if (event.key === "Escape") clear(props);
      else return;
      event.preventDefault();
      speak();
    },
  };
}

