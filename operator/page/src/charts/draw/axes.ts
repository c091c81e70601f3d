/** Axes: rules, ticks that do not touch each other, and what is measured. */
import { cut } from "../pure/text";
import { partOf, type Tick } from "../pure/ticks";
import type { Box, Bounds } from "./pen";
import type { Palette } from "./palette";

export interface Scale {
  readonly bounds: Bounds;
  /** For about so many intervals. */
  readonly ticks: (intervals: number) => readonly Tick[];
  readonly label: string;
  /** Whether each tick names a band around it, not a point. */
  readonly bands?: boolean;
}

const SIZE = 12;
const GAP = 10;
const TOP = 24;
const BOTTOM = 40;
const ROOM = 64;
/** How much of the width names of categories at the side may take. */
const SIDE = 0.3;

export const fontOf = (palette: Palette): string => `${SIZE}px ${palette.font}`;

/** Where the axes lie in a drawing, and which ticks they have. */
export interface Layout {
  readonly box: Box;
  readonly across: readonly Tick[];
  readonly up: readonly Tick[];
}

export function layOut(g: CanvasRenderingContext2D, width: number, height: number, x: Scale, y: Scale): Layout {
  const [top, bottom] = [TOP, height - BOTTOM];
  const inside = (scale: Scale) => (tick: Tick) => tick.at >= scale.bounds[0] && tick.at <= scale.bounds[1];
  const up = y.ticks(Math.max(2, Math.min(6, Math.floor((bottom - top) / 36)))).filter(inside(y));
  const widest = Math.max(14, ...up.map((tick) => g.measureText(tick.text).width));
  const left = Math.ceil(Math.min(widest, SIDE * width)) + GAP;
  const right = Math.max(left + 10, width - 12);
  const across = x.ticks(Math.max(2, Math.min(8, Math.floor((right - left) / ROOM)))).filter(inside(x));
  return { box: { left, right, top, bottom }, across, up };
}

export function drawAxes(g: CanvasRenderingContext2D, layout: Layout, palette: Palette, x: Scale, y: Scale): void {
  const { left, right, top, bottom } = layout.box;
  const across = (value: number) => left + partOf(value, ...x.bounds) * (right - left);
  const up = (value: number) => bottom - partOf(value, ...y.bounds) * (bottom - top);

  g.lineWidth = 1;
  g.strokeStyle = palette.rule;
  g.beginPath();
  for (const tick of layout.up) {
    const at = Math.round(up(tick.at)) + 0.5;
    g.moveTo(left, at);
    g.lineTo(right, at);
  }
  g.moveTo(left, Math.round(bottom) + 0.5);
  g.lineTo(right, Math.round(bottom) + 0.5);
  g.stroke();

  g.fillStyle = palette.faint;
  g.textBaseline = "middle";
  g.textAlign = "right";
  let last = Infinity;
  for (const tick of [...layout.up].sort((a, b) => a.at - b.at)) {
    const at = up(tick.at);
    if (last - at < SIZE) continue;
    last = at;
    g.fillText(fitting(g, tick.text, left - GAP + 4), left - 6, at);
  }

  g.textAlign = "center";
  const band = x.bands === true ? (right - left) / Math.max(1, x.bounds[1] - x.bounds[0]) - 6 : Infinity;
  // From the right, as the last of them says how many there are.
  let free = right + 12;
  for (const tick of [...layout.across].sort((a, b) => b.at - a.at)) {
    const text = Number.isFinite(band) ? fitting(g, tick.text, Math.max(band, 24)) : tick.text;
    const half = g.measureText(text).width / 2;
    const at = Math.min(Math.max(across(tick.at), half), right + 12 - half);
    if (at + half > free) continue;
    free = at - half - 6;
    g.fillText(text, at, bottom + 14);
  }

  g.fillStyle = palette.text;
  g.textAlign = "left";
  g.fillText(fitting(g, y.label, right), 0, 9);
  g.textAlign = "right";
  g.fillText(fitting(g, x.label, right), right, bottom + 31);
}

/** As much of a text as fits, with an ellipsis. */
export function fitting(g: CanvasRenderingContext2D, text: string, room: number): string {
  if (text.length > 200) text = cut(text, 200);
  if (g.measureText(text).width <= room) return text;
  let [fits, length] = [1, text.length];
  while (length - fits > 1) {
    const middle = (fits + length) >> 1;
    if (g.measureText(cut(text, middle)).width <= room) fits = middle;
    else length = middle;
  }
  return cut(text, fits);
}
