/**
 * The lines of parallel coordinates, joined where they coincide. Decisions have few values, so ten thousand lines share
 * some hundred segments between two axes. What is seen is what would be seen if each line were drawn over those before
 * it: a segment's opacity and its colour's place between worst and best are composed as colours would be.
 */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly merit: number;
  readonly opacity: number;
}

/**
 * The segments between two axes. ``from`` and ``to`` are heights in whole pixels, ``merit`` from 0 to 1, by row;
 * ``rows`` are in the order in which they are drawn, ``opacity`` is that of one line.
 */
export class Joiner {
  readonly #merit: Float32Array;
  readonly #opacity: Float32Array;
  readonly #height: number;

  constructor(height: number) {
    this.#height = height + 1;
    this.#merit = new Float32Array(this.#height * this.#height);
    this.#opacity = new Float32Array(this.#height * this.#height);
  }

  join(rows: ArrayLike<number>, from: ArrayLike<number>, to: ArrayLike<number>, merit: ArrayLike<number>, opacity: number): Segment[] {
    const keys: number[] = [];
    for (let place = 0; place < rows.length; place++) {
      const row = rows[place]!;
      const [a, b] = [from[row]!, to[row]!];
      if (a < 0 || b < 0) continue;
      const key = a * this.#height + b;
      const below = this.#opacity[key]!;
      if (below === 0) keys.push(key);
      const above = opacity + below * (1 - opacity);
      this.#merit[key] = (merit[row]! * opacity + this.#merit[key]! * below * (1 - opacity)) / above;
      this.#opacity[key] = above;
    }
    const segments = keys.map((key) => ({
      from: Math.floor(key / this.#height),
      to: key % this.#height,
      merit: this.#merit[key]!,
      opacity: this.#opacity[key]!,
    }));
    for (const key of keys) this.#merit[key] = this.#opacity[key] = 0;
    return segments.sort((a, b) => a.merit - b.merit);
  }
}

/** The opacity of one of so many lines. */
export function opacityOf(lines: number): number {
  return Math.min(0.55, Math.max(0.015, (0.55 * 400) / Math.max(1, lines)));
}
