/** Many points at once. */
import type { Pen } from "./pen";

/** Points that are darker where more lie on each other: one image drawn many times is quicker than as many circles. */
export function cloud(pen: Pen, xs: ArrayLike<number>, ys: ArrayLike<number>, places: Iterable<number>, colour: string, radius: number, opacity: number): void {
  const ratio = pen.g.getTransform().a;
  const size = Math.ceil(2 * radius * ratio) + 2;
  const sprite = document.createElement("canvas");
  sprite.width = sprite.height = size;
  const g = sprite.getContext("2d")!;
  g.fillStyle = colour;
  g.arc(size / 2, size / 2, radius * ratio, 0, 2 * Math.PI);
  g.fill();
  const [wide, half] = [size / ratio, size / ratio / 2];
  pen.g.globalAlpha = opacity * pen.fade;
  for (const place of places) pen.g.drawImage(sprite, pen.x(xs[place]!) - half, pen.y(ys[place]!) - half, wide, wide);
  pen.g.globalAlpha = 1;
}

/** Points of one colour in one path: the quickest, for what is drawn anew while the pointer moves. */
export function dots(pen: Pen, xs: ArrayLike<number>, ys: ArrayLike<number>, places: Iterable<number>, colour: string, radius: number): void {
  const { g } = pen;
  g.fillStyle = colour;
  g.beginPath();
  for (const place of places) {
    const [x, y] = [pen.x(xs[place]!), pen.y(ys[place]!)];
    g.moveTo(x + radius, y);
    g.arc(x, y, radius, 0, 2 * Math.PI);
  }
  g.fill();
}

export function crosses(pen: Pen, xs: ArrayLike<number>, ys: ArrayLike<number>, places: Iterable<number>, colour: string, half: number, opacity: number): void {
  const { g } = pen;
  g.strokeStyle = colour;
  g.lineWidth = 1.4;
  g.globalAlpha = opacity * pen.fade;
  g.beginPath();
  for (const place of places) pen.cross(pen.x(xs[place]!), pen.y(ys[place]!), half);
  g.stroke();
  g.globalAlpha = 1;
}
