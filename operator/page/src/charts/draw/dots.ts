/**
 * Many points at once. A canvas takes some 10 microseconds for each circle; circles are therefore stamped into an image,
 * pixel by pixel, which takes a tenth of that.
 */
import type { Pen } from "./pen";

interface Sheet {
  readonly image: ImageData;
  /** The same as numbers of four bytes. */
  readonly words: Uint32Array;
  readonly canvas: HTMLCanvasElement;
  readonly g: CanvasRenderingContext2D;
}

const KEPT = 4;
const sheets = new Map<string, Sheet>();

/** Sheets are reused: charts of one size are drawn one after another. */
function sheetOf(width: number, height: number): Sheet {
  const size = `${width} ${height}`;
  let sheet = sheets.get(size);
  if (sheet === undefined) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    const image = new ImageData(width, height);
    sheet = { image, words: new Uint32Array(image.data.buffer), canvas, g: canvas.getContext("2d", { willReadFrequently: true })! };
    if (sheets.size >= KEPT) sheets.delete(sheets.keys().next().value!);
    sheets.set(size, sheet);
  }
  return sheet;
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** A colour like ``#rrggbb`` that cannot be seen yet, in the order of an image's bytes. */
function unseen(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)) as [number, number, number];
  return LITTLE_ENDIAN ? r | (g << 8) | (b << 16) : ((r << 24) | (g << 16) | (b << 8)) >>> 0;
}

/** How strong each of so many points is: many must not become one area. */
export function strength(points: number): number {
  return Math.min(0.55, Math.max(0.15, 0.55 * Math.sqrt(1500 / Math.max(1, points))));
}

/** Round points of one colour, which is stronger where more of them lie on each other. */
export function dots(pen: Pen, xs: ArrayLike<number>, ys: ArrayLike<number>, places: Iterable<number>, colour: string, radius: number, opacity = 1): void {
  const ratio = pen.g.getTransform().a;
  const { width, height } = pen.g.canvas;
  const { image, words, canvas, g } = sheetOf(width, height);
  words.fill(unseen(colour));
  const bytes = image.data;
  const reach = Math.ceil(radius * ratio) + 1;
  const side = 2 * reach + 1;
  const stamp = new Uint8Array(side * side);
  for (let down = 0; down < side; down++)
    for (let across = 0; across < side; across++) {
      const cover = radius * ratio + 0.5 - Math.hypot(across - reach, down - reach);
      stamp[down * side + across] = Math.round(255 * opacity * pen.fade * Math.min(1, Math.max(0, cover)));
    }
  for (const place of places) {
    const left = Math.round(pen.x(xs[place]!) * ratio) - reach;
    const top = Math.round(pen.y(ys[place]!) * ratio) - reach;
    if (!(left >= 0 && top >= 0 && left + side <= width && top + side <= height)) continue;
    for (let down = 0; down < side; down++) {
      let at = ((top + down) * width + left) * 4 + 3;
      for (let across = 0; across < side; across++, at += 4) {
        const above = stamp[down * side + across]!;
        if (above === 0) continue;
        const below = bytes[at]!;
        bytes[at] = below + above - Math.round((below * above) / 255);
      }
    }
  }
  g.putImageData(image, 0, 0);
  pen.g.save();
  pen.g.setTransform(1, 0, 0, 1, 0, 0);
  pen.g.drawImage(canvas, 0, 0);
  pen.g.restore();
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
