/**
 * Canvases that lie on each other and are drawn when there is a frame to draw in, when they can be seen, and only those
 * that have changed. Follows its host's size, the screen's resolution, and the theme.
 */
import { effect } from "@preact/signals";
import { theme } from "../../theme";
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
  #ratio = 0;

  constructor(
    host: HTMLElement,
    canvases: readonly HTMLCanvasElement[],
    draw: (surface: Surface, dirty: ReadonlySet<number>) => void,
  ) {
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
      { rootMargin: "200px" },
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
    const ratio = Math.max(1, globalThis.devicePixelRatio || 1);
    if (clientWidth !== this.width || clientHeight !== this.height || ratio !== this.#ratio) {
      [this.width, this.height, this.#ratio] = [clientWidth, clientHeight, ratio];
      for (const layer of this.#layers) {
        layer.canvas.width = Math.round(clientWidth * ratio);
        layer.canvas.height = Math.round(clientHeight * ratio);
      }
      for (const number of this.#layers.keys()) this.#dirty.add(number);
    }
    if (this.#dirty.has(0)) this.palette = paletteOf(this.#host);
    for (const number of this.#dirty) {
      const layer = this.#layers[number]!;
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
