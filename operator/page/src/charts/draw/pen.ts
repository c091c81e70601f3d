/** What a chart draws with: a layer, positions of values, and the page's colours. */
import { visible } from "../pure/downsample";
import { partOf } from "../pure/ticks";
import type { Palette } from "./palette";

export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** How far points and lines at an edge reach beyond it, in pixels. */
const EDGE = 9;

/** The height of a name, in pixels. */
const NAME = 14;

export type Bounds = readonly [number, number];

export class Pen {
  /** What all opacities of points are multiplied by. */
  fade = 1;
  /** Where names of rules are: from, to, and their height. */
  readonly #names: [number, number, number][] = [];

  constructor(
    readonly g: CanvasRenderingContext2D,
    readonly box: Box,
    readonly palette: Palette,
    private readonly across: Bounds,
    private readonly up: Bounds,
  ) {}

  x(value: number): number {
    const { left, right } = this.box;
    return left + partOf(value, ...this.across) * (right - left);
  }

  y(value: number): number {
    const { top, bottom } = this.box;
    return bottom - partOf(value, ...this.up) * (bottom - top);
  }

  /** Draw only within the axes; what is at an edge is whole. */
  clipped(draw: () => void): void {
    const { left, right, top, bottom } = this.box;
    this.g.save();
    this.g.beginPath();
    this.g.rect(left - EDGE, top - EDGE, right - left + 2 * EDGE, bottom - top + 2 * EDGE);
    this.g.clip();
    draw();
    this.g.restore();
  }

  /** A line through points whose x ascend, or as a staircase. */
  line(xs: ArrayLike<number>, ys: ArrayLike<number>, colour: string, { width = 2, stairs = false, dash = [] as number[] } = {}): void {
    const across = new Float64Array(xs.length);
    for (let place = 0; place < xs.length; place++) across[place] = this.x(xs[place]!);
    const { g } = this;
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.lineJoin = "round";
    g.lineCap = "round";
    g.setLineDash(dash);
    g.beginPath();
    let last = NaN;
    for (const place of visible(across, ys)) {
      const y = this.y(ys[place]!);
      if (Number.isNaN(y)) {
        last = NaN;
        continue;
      }
      if (Number.isNaN(last)) g.moveTo(across[place]!, y);
      else {
        if (stairs) g.lineTo(across[place]!, last);
        g.lineTo(across[place]!, y);
      }
      last = y;
    }
    if (across.length === 1 && !Number.isNaN(last)) g.lineTo(across[0]! + 0.01, last);
    g.stroke();
    g.setLineDash([]);
  }

  /** The area between two lines. */
  area(xs: ArrayLike<number>, below: ArrayLike<number>, above: ArrayLike<number>, colour: string, opacity: number): void {
    const { g } = this;
    g.beginPath();
    for (let place = 0; place < xs.length; place++) g.lineTo(this.x(xs[place]!), this.y(above[place]!));
    for (let place = xs.length - 1; place >= 0; place--) g.lineTo(this.x(xs[place]!), this.y(below[place]!));
    g.closePath();
    g.globalAlpha = opacity;
    g.fillStyle = colour;
    g.fill();
    g.globalAlpha = 1;
  }

  dot(x: number, y: number, radius: number, colour: string): void {
    this.g.fillStyle = colour;
    this.g.beginPath();
    this.g.arc(x, y, radius, 0, 2 * Math.PI);
    this.g.fill();
  }

  ring(x: number, y: number, radius: number, colour: string): void {
    this.g.strokeStyle = colour;
    this.g.lineWidth = 2;
    this.g.beginPath();
    this.g.arc(x, y, radius, 0, 2 * Math.PI);
    this.g.stroke();
  }

  cross(x: number, y: number, half: number): void {
    this.g.moveTo(x - half, y - half);
    this.g.lineTo(x + half, y + half);
    this.g.moveTo(x - half, y + half);
    this.g.lineTo(x + half, y - half);
  }

  /** A horizontal or vertical rule with a name at its end. */
  rule(value: number, upright: boolean, text: string, dash: number[], colour: string): void {
    const { g, box } = this;
    const at = Math.round(upright ? this.x(value) : this.y(value)) + 0.5;
    if (upright ? at < box.left || at > box.right : at < box.top || at > box.bottom) return;
    g.strokeStyle = colour;
    g.lineWidth = 1.4;
    g.setLineDash(dash);
    g.beginPath();
    g.moveTo(upright ? at : box.left, upright ? box.top : at);
    g.lineTo(upright ? at : box.right, upright ? box.bottom : at);
    g.stroke();
    g.setLineDash([]);
    const wide = g.measureText(text).width;
    const toLeft = !upright || at + 4 + wide > box.right;
    const x = upright ? (toLeft ? at - 4 : at + 4) : box.right - 4;
    const [west, east] = toLeft ? [x - wide, x] : [x, x + wide];
    // Where rules cross, their names are below each other.
    let y = upright ? box.top + 10 : at - 7;
    while (this.#names.some(([left, right, height]) => left < east && west < right && Math.abs(height - y) < NAME)) y += NAME;
    this.#names.push([west, east, y]);
    this.text(text, x, y, toLeft ? "right" : "left");
  }

  /** Text that can be read over anything. */
  text(text: string, x: number, y: number, align: CanvasTextAlign, colour = this.palette.text): void {
    const { g } = this;
    g.textAlign = align;
    g.textBaseline = "middle";
    g.lineJoin = "round";
    g.lineWidth = 3;
    g.strokeStyle = this.palette.ground;
    g.strokeText(text, x, y);
    g.fillStyle = colour;
    g.fillText(text, x, y);
  }
}
