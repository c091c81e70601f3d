/**
 * Canvases that lie on each other and are drawn when there is a frame to draw in, when they can be seen, and only those
 * that have changed. Follows its host's size, the screen's resolution, and the theme. A layer of many points may be
 * coarser than the screen: each pixel of it is written at each stroke of a brush, and a fine screen has four for one.
 */
import { effect } from "@preact/signals";
import { theme } from "../../theme";
import { MARGIN } from "../sight";
import { paletteOf, type Palette } from "./palette";

export class Surface {
  width = 0;
  height = 0;
  palette!: Palette;
  readonly #layers: readonly CanvasRenderingContext2D[];
  readonly #host: HTMLElement;
  readonly #draw: (surface: Surface, dirty: ReadonlySet<number>) => void;
  readonly #dirty = new Set<number>();
  readonly #cleanups: (() => void)[] = [];
  #frame = 0;
  #seen = true;
  readonly #most: (layer: number) => number;
  #ratios: readonly number[] = [];

  constructor(
    host: HTMLElement,
    canvases: readonly HTMLCanvasElement[],
    draw: (surface: Surface, dirty: ReadonlySet<number>) => void,
    /** The most pixels for one of CSS that a layer needs. */
    most: (layer: number) => number = () => Infinity,
  ) {
    this.#most = most;
    this.#host = host;
    this.#draw = draw;
    this.#layers = canvases.map((canvas) => canvas.getContext("2d")).filter((layer) => layer !== null);
    if (this.#layers.length < canvases.length) return; // Where nothing can be drawn, the words remain.
    const sizes = new ResizeObserver(() => this.soil());
    sizes.observe(host);
    const sight = new IntersectionObserver(
      (entries) => {
        this.#seen = entries.at(-1)!.isIntersecting;
        if (this.#seen && this.#dirty.size > 0) this.#request();
      },
      { rootMargin: MARGIN },
    );
    sight.observe(host);
    this.#cleanups.push(
      () => sizes.disconnect(),
      () => sight.disconnect(),
      effect(() => {
        void theme.value;
        this.soil();
      }),
    );
  }

  layer(number: number): CanvasRenderingContext2D {
    return this.#layers[number]!;
  }

  /** Have layers drawn anew; all of them if none is named. */
  soil(...layers: readonly number[]): void {
    for (const layer of layers.length > 0 ? layers : this.#layers.keys()) this.#dirty.add(layer);
    if (this.#seen) this.#request();
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    for (const clean of this.#cleanups) clean();
  }

  #request(): void {
    if (this.#frame === 0 && this.#layers.length > 0) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint(): void {
    this.#frame = 0;
    const { clientWidth, clientHeight } = this.#host;
    if (clientWidth === 0 || clientHeight === 0) return;
    const screen = Math.max(1, globalThis.devicePixelRatio || 1);
    const ratios = this.#layers.map((_, layer) => Math.min(screen, this.#most(layer)));
    if (clientWidth !== this.width || clientHeight !== this.height || ratios.some((ratio, layer) => ratio !== this.#ratios[layer])) {
      [this.width, this.height, this.#ratios] = [clientWidth, clientHeight, ratios];
      for (const [number, layer] of this.#layers.entries()) {
        layer.canvas.width = Math.round(clientWidth * ratios[number]!);
        layer.canvas.height = Math.round(clientHeight * ratios[number]!);
        this.#dirty.add(number);
      }
    }
    if (this.#dirty.has(0)) this.palette = paletteOf(this.#host);
    for (const number of this.#dirty) {
      const layer = this.#layers[number]!;
      const ratio = ratios[number]!;
      layer.setTransform(ratio, 0, 0, ratio, 0, 0);
      layer.clearRect(0, 0, clientWidth, clientHeight);
      layer.globalAlpha = 1;
      layer.setLineDash([]);
    }
    const dirty = new Set(this.#dirty);
    this.#dirty.clear();
    this.#draw(this, dirty);
  }
}
