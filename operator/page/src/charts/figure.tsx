/**
 * A drawing on two axes whose points may be trials. All charts of points and lines are figures: it is here that points
 * are found under the pointer, selected by a rectangle, and walked along by keys.
 */
import { effect, untracked, type ReadonlySignal } from "@preact/signals";
import { quadtree, type Quadtree } from "d3-quadtree";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Selection } from "../data/selection";
import type { TrialTable } from "../data/table";
import { drawAxes, fontOf, layOut, type Layout, type Scale } from "./draw/axes";
import { Pen } from "./draw/pen";
import { Surface } from "./draw/surface";
import { emphasisOf } from "./emphasis";
import { AsTable, Legend, Nothing, showTip, type Entry, type Rows } from "./parts";

/** Points in the units of the axes. */
export interface Marks {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Trials, and their rows in the table; -1 for none. */
  readonly trial: Int32Array;
  readonly row: Int32Array;
}

/** Where trials of a figure are selected and looked at. */
export interface Link {
  readonly selection: Selection;
  readonly trials: ReadonlySignal<TrialTable>;
  readonly open: (trial: number) => void;
}

export interface FigureProps {
  /** What the drawing is made of: it is made anew when one of these is another. Always as many. */
  readonly model: readonly unknown[];
  /** What is shown, for those who cannot see it, and what is found in it. */
  readonly title: string;
  readonly summary: string;
  readonly height: number;
  /** Why there is nothing to draw. */
  readonly empty?: string | false;
  readonly x: Scale;
  readonly y: Scale;
  readonly marks?: Marks;
  readonly link?: Link | undefined;
  /** Looks at a point of a figure without a link. */
  readonly open?: (trial: number) => void;
  /** Below the points. */
  readonly below?: (pen: Pen) => void;
  /** Points: all of them (null), or those of some places that stand out. */
  readonly points?: (pen: Pen, places: readonly number[] | null) => void;
  /** Above the points. */
  readonly above?: (pen: Pen) => void;
  readonly tip?: (place: number) => readonly string[];
  /** Words for a horizontal position of a figure without points, and where they belong. */
  readonly tipAt?: (x: number) => { readonly x: number; readonly lines: readonly string[] } | null;
  readonly legend?: readonly Entry[];
  readonly table: () => Rows;
}

const BACK = 0;
const STRONG = 1;
const OVER = 2;
const FRONT = 3;
const FAINT = 0.22;
/** How near the pointer must be to a point, in pixels. */
const NEAR = 14;
const DRAG = 5;
/** With more points than this, those that stand out are drawn as coarsely as an ordinary screen shows them. */
const MANY = 1500;

interface State {
  surface: Surface | null;
  layout: Layout | null;
  tree: Quadtree<number> | null;
  walk: Int32Array | null;
  /** The point that keys have walked to. */
  place: number;
  rectangle: readonly [number, number, number, number] | null;
  across: number | null;
  wasFaint: boolean;
}

export function Figure(props: FigureProps) {
  if (typeof props.empty === "string") return <Nothing>{props.empty}</Nothing>;
  return <Drawing {...props} />;
}

function Drawing(props: FigureProps) {
  const host = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const said = useRef<HTMLDivElement>(null);
  const current = useRef(props);
  current.current = props;
  const state = useMemo<State>(
    () => ({ surface: null, layout: null, tree: null, walk: null, place: -1, rectangle: null, across: null, wasFaint: false }),
    [],
  );
  const { link } = props;

  useEffect(() => {
    const canvases = [...host.current!.querySelectorAll("canvas")];
    const surface = new Surface(host.current!, canvases, (_, dirty) => draw(current.current, state, dirty), (layer) => (layer === STRONG && (current.current.marks?.trial.length ?? 0) > MANY ? 1 : Infinity));
    state.surface = surface;
    return () => surface.dispose();
  }, []);

  // What is drawn has changed with the properties.
  useEffect(() => {
    state.tree = state.walk = state.layout = null;
    if (state.place >= (props.marks?.trial.length ?? 0)) state.place = -1;
    state.surface?.soil();
  }, [...props.model, props.height]);

  useEffect(() => {
    if (link === undefined) return;
    const emphasis = emphasisOf(link.selection);
    const stops = [
      effect(() => {
        const faint = emphasis.value !== null;
        if (faint !== state.wasFaint) state.surface?.soil(BACK);
        state.wasFaint = faint;
        state.surface?.soil(STRONG);
      }),
      effect(() => {
        void link.selection.hovered.value;
        state.surface?.soil(FRONT);
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }, [link?.selection, link?.trials]);

  // One set of handlers for all renders: a drag outlives them.
  const handlers = useMemo(() => handlersOf(current, state, tip, said), []);
  const lively = props.marks !== undefined || props.tipAt !== undefined;
  const name = `${props.title}. ${props.summary}`;
  return (
    <div class="chart">
      <div
        ref={host}
        class="figure"
        style={{ height: `${props.height}px` }}
        {...(lively
          ? {
              role: "application",
              "aria-roledescription": "chart",
              tabIndex: 0,
              ...handlers,
            }
          : { role: "img" })}
        aria-label={name}
      >
        <canvas />
        <canvas />
        <canvas />
        <canvas />
        <div ref={tip} class="tip" hidden />
        <div ref={said} class="unseen" aria-live="polite" />
      </div>
      <div class="foot">
        {props.legend !== undefined && <Legend entries={props.legend} />}
        <AsTable rows={props.table} name={props.title} />
      </div>
    </div>
  );
}

function draw(props: FigureProps, state: State, dirty: ReadonlySet<number>): void {
  const surface = state.surface!;
  const { palette, width, height } = surface;
  const back = surface.layer(BACK);
  back.font = fontOf(palette);
  if (dirty.has(BACK) || state.layout === null) {
    state.layout = layOut(back, width, height, props.x, props.y);
    state.tree = null;
  }
  const pen = (layer: number): Pen => {
    const g = surface.layer(layer);
    g.font = fontOf(palette);
    return new Pen(g, state.layout!.box, palette, props.x.bounds, props.y.bounds);
  };
  const strong = props.link === undefined ? null : emphasisOf(props.link.selection).peek();
  if (dirty.has(BACK)) {
    drawAxes(back, state.layout, palette, props.x, props.y);
    const own = pen(BACK);
    own.clipped(() => {
      props.below?.(own);
      own.fade = strong === null ? 1 : FAINT;
      props.points?.(own, null);
    });
  }
  if (dirty.has(STRONG) && strong !== null && props.marks !== undefined) {
    const [own, places] = [pen(STRONG), standingOut(props.marks, strong)];
    own.clipped(() => props.points?.(own, places));
  }
  if (dirty.has(OVER)) {
    const own = pen(OVER);
    own.clipped(() => props.above?.(own));
  }
  if (dirty.has(FRONT)) drawFront(props, state, pen(FRONT));
}

function standingOut(marks: Marks, strong: Uint8Array): number[] {
  const places: number[] = [];
  for (let place = 0; place < marks.row.length; place++) if (strong[marks.row[place]!] === 1) places.push(place);
  return places;
}

function drawFront(props: FigureProps, state: State, pen: Pen): void {
  const { g, palette, box } = pen;
  const { marks } = props;
  if (state.across !== null) {
    const at = Math.round(pen.x(state.across)) + 0.5;
    g.strokeStyle = palette.faint;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(at, box.top);
    g.lineTo(at, box.bottom);
    g.stroke();
  }
  if (state.rectangle !== null) {
    const [x, y, toX, toY] = state.rectangle;
    g.fillStyle = g.strokeStyle = palette.accent;
    g.globalAlpha = 0.12;
    g.fillRect(x, y, toX - x, toY - y);
    g.globalAlpha = 1;
    g.lineWidth = 1;
    g.strokeRect(x + 0.5, y + 0.5, toX - x, toY - y);
  }
  if (marks === undefined) return;
  const hovered = props.link?.selection.hovered.peek() ?? null;
  let place = state.place;
  if (hovered !== null && marks.trial[place] !== hovered) place = marks.trial.lastIndexOf(hovered);
  if (place >= 0 && (hovered !== null || props.link === undefined)) {
    const [x, y] = [pen.x(marks.x[place]!), pen.y(marks.y[place]!)];
    pen.dot(x, y, 5.5, palette.ground);
    pen.dot(x, y, 4, palette.accent);
    pen.ring(x, y, 6.5, palette.text);
  }
}

function pixels(props: FigureProps, state: State): { x: (value: number) => number; y: (value: number) => number; invert: (x: number) => number } | null {
  if (state.layout === null) return null;
  const { left, right, top, bottom } = state.layout.box;
  const [[west, east], [south, north]] = [props.x.bounds, props.y.bounds];
  return {
    x: (value) => left + ((value - west) / (east - west)) * (right - left),
    y: (value) => bottom - ((value - south) / (north - south)) * (bottom - top),
    invert: (x) => west + ((x - left) / (right - left)) * (east - west),
  };
}

function placeAt(props: FigureProps, state: State, x: number, y: number): number {
  const { marks } = props;
  const to = pixels(props, state);
  if (marks === undefined || to === null) return -1;
  state.tree ??= quadtree<number>()
    .x((place) => to.x(marks.x[place]!))
    .y((place) => to.y(marks.y[place]!))
    .addAll(Array.from(marks.trial.keys()));
  return state.tree.find(x, y, NEAR) ?? -1;
}

function handlersOf(
  current: { readonly current: FigureProps },
  state: State,
  tip: { readonly current: HTMLDivElement | null },
  said: { readonly current: HTMLDivElement | null },
) {
  let start: { readonly x: number; readonly y: number; readonly kept: ReadonlySet<number> } | null = null;
  let dragged = false;

  const look = (place: number, byKey: boolean): void => {
    const props = current.current;
    const { marks, link } = props;
    const to = pixels(props, state);
    state.place = place;
    if (place < 0 || marks === undefined || props.tip === undefined) {
      showTip(tip.current, null);
      if (link !== undefined) link.selection.hovered.value = null;
    } else {
      const lines = props.tip(place);
      if (to !== null) showTip(tip.current, lines, to.x(marks.x[place]!), to.y(marks.y[place]!));
      if (byKey && said.current !== null) said.current.textContent = lines.join(", ");
      if (link !== undefined) link.selection.hovered.value = marks.trial[place]! < 0 ? null : marks.trial[place]!;
    }
    state.surface?.soil(FRONT);
  };
  const lookAcross = (value: number | null, byKey: boolean): void => {
    const to = pixels(current.current, state);
    const found = value === null ? null : (current.current.tipAt?.(value) ?? null);
    state.across = found === null ? null : found.x;
    if (found === null) showTip(tip.current, null);
    else {
      if (to !== null) showTip(tip.current, found.lines, to.x(found.x), 40);
      if (byKey && said.current !== null) said.current.textContent = found.lines.join(", ");
    }
    state.surface?.soil(FRONT);
  };
  const openAt = (place: number): void => {
    const { marks, link, open } = current.current;
    const trial = place < 0 ? undefined : marks?.trial[place];
    if (trial !== undefined && trial >= 0) (link?.open ?? open)?.(trial);
  };
  const choose = (place: number, add: boolean): void => {
    const { marks, link } = current.current;
    if (link === undefined) return;
    const { selected } = link.selection;
    if (place < 0) {
      if (!add) selected.value = new Set();
      return;
    }
    const trial = marks!.trial[place]!;
    const alone = selected.value.size === 1 && selected.value.has(trial);
    const next = new Set(add ? selected.value : []);
    if (add ? selected.value.has(trial) : alone) next.delete(trial);
    else next.add(trial);
    selected.value = next;
  };
  const within = ([x, y, toX, toY]: readonly [number, number, number, number], kept: ReadonlySet<number>): ReadonlySet<number> => {
    const props = current.current;
    const marks = props.marks!;
    const to = pixels(props, state)!;
    const found = new Set(kept);
    for (let place = 0; place < marks.trial.length; place++) {
      const [across, up] = [to.x(marks.x[place]!), to.y(marks.y[place]!)];
      if (across >= Math.min(x, toX) && across <= Math.max(x, toX) && up >= Math.min(y, toY) && up <= Math.max(y, toY))
        found.add(marks.trial[place]!);
    }
    return found;
  };
  /** Places from left to right. */
  const walk = (marks: Marks): Int32Array =>
    (state.walk ??= Int32Array.from(marks.trial.keys()).sort(
      (a, b) => marks.x[a]! - marks.x[b]! || marks.y[a]! - marks.y[b]! || marks.trial[a]! - marks.trial[b]!,
    ));
  const position = (event: PointerEvent): [number, number] => {
    const bounds = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  };

  return {
    onPointerDown(event: PointerEvent): void {
      const { link, marks } = current.current;
      if (event.button !== 0 || link === undefined || marks === undefined) return;
      const [x, y] = position(event);
      const add = event.shiftKey || event.ctrlKey || event.metaKey;
      start = { x, y, kept: add ? untracked(() => link.selection.selected.value) : new Set() };
      dragged = false;
    },
    onPointerMove(event: PointerEvent): void {
      const [x, y] = position(event);
      const { link, tipAt } = current.current;
      if (start !== null && link !== undefined) {
        if (!dragged && Math.hypot(x - start.x, y - start.y) < DRAG) return;
        if (!dragged) {
          dragged = true;
          (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
          look(-1, false);
        }
        state.rectangle = [start.x, start.y, x, y];
        link.selection.selected.value = within(state.rectangle, start.kept);
        state.surface?.soil(FRONT);
        return;
      }
      if (tipAt !== undefined) lookAcross(pixels(current.current, state)?.invert(x) ?? null, false);
      else {
        const place = placeAt(current.current, state, x, y);
        if (place !== state.place || place >= 0) look(place, false);
      }
    },
    onPointerUp(event: PointerEvent): void {
      if (start !== null && !dragged) choose(placeAt(current.current, state, start.x, start.y), start.kept.size > 0 || event.shiftKey || event.ctrlKey || event.metaKey);
      start = state.rectangle = null;
      state.surface?.soil(FRONT);
    },
    onPointerCancel(): void {
      start = state.rectangle = null;
      state.surface?.soil(FRONT);
    },
    onPointerLeave(): void {
      if (start === null) {
        look(-1, false);
        lookAcross(null, false);
      }
    },
    onDblClick(event: MouseEvent): void {
      const [x, y] = position(event as PointerEvent);
      openAt(placeAt(current.current, state, x, y));
    },
    onClick(event: MouseEvent): void {
      // A figure without a link selects nothing: a click looks at the trial.
      const [x, y] = position(event as PointerEvent);
      if (current.current.link === undefined) openAt(placeAt(current.current, state, x, y));
    },
    onBlur(): void {
      look(-1, false);
      lookAcross(null, false);
    },
    onKeyDown(event: KeyboardEvent): void {
      const props = current.current;
      const steps: Record<string, number> = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageDown: 10, PageUp: -10 };
      const step = steps[event.key];
      if (props.tipAt !== undefined) {
        const [low, high] = props.x.bounds;
        const at = state.across ?? low;
        if (step !== undefined) lookAcross(Math.min(high, Math.max(low, at + (step * (high - low)) / 60)), true);
        else if (event.key === "Home") lookAcross(low, true);
        else if (event.key === "End") lookAcross(high, true);
        else return;
        event.preventDefault();
        return;
      }
      const { marks, link } = props;
      if (marks === undefined || marks.trial.length === 0) return;
      const order = walk(marks);
      const at = order.indexOf(state.place);
      if (step !== undefined) look(order[at < 0 ? (step > 0 ? 0 : order.length - 1) : Math.min(order.length - 1, Math.max(0, at + step))]!, true);
      else if (event.key === "Home") look(order[0]!, true);
      else if (event.key === "End") look(order[order.length - 1]!, true);
      else if (event.key === "Enter") openAt(state.place);
      else if (event.key === " " && state.place >= 0) choose(state.place, true);
      else if (event.key === "Escape") {
        if (link !== undefined) link.selection.selected.value = new Set();
        look(-1, false);
      } else return;
      event.preventDefault();
    },
  };
}
