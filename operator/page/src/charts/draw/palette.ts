/** The page's colours and font, read when a chart is drawn: a canvas does not inherit them. */
import { mixed } from "../pure/colours";

const SHADES = 32;
export const COLOURS = 8;

export interface Palette {
  readonly ground: string;
  readonly text: string;
  readonly faint: string;
  readonly rule: string;
  readonly panel: string;
  readonly accent: string;
  readonly series: readonly string[];
  /** From the worst to the best. */
  readonly shades: readonly string[];
  readonly font: string;
}

export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim() || "#808080";
  const [low, high] = [colour("low"), colour("high")];
  return {
    ground: colour("ground"),
    text: colour("text"),
    faint: colour("faint"),
    rule: colour("rule"),
    panel: colour("panel"),
    accent: colour("accent"),
    series: Array.from({ length: COLOURS }, (_, place) => colour(`c${place}`)),
    shades: Array.from({ length: SHADES }, (_, place) => mixed(low, high, place / (SHADES - 1))),
    font: style.fontFamily || "system-ui, sans-serif",
  };
}

/** The colour of a merit from 0 to 1. */
export function shade(palette: Palette, merit: number): string {
  return palette.shades[Math.round(Math.min(1, Math.max(0, merit)) * (SHADES - 1))]!;
}
