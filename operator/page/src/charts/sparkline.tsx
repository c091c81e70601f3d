/** A line of the height of text. */
import type { SparklineProps } from "./props";
import { partOf } from "./pure/ticks";

export function Sparkline({ values, label, width = 96, height = 22 }: SparklineProps) {
  const known = values.filter(Number.isFinite);
  if (known.length === 0) return <span class="faint">-</span>;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = (place: number) => (known.length === 1 ? width / 2 : 2 + ((width - 4) * place) / (known.length - 1));
  const y = (value: number) => (high === low ? height / 2 : height - 3 - (height - 6) * partOf(value, low, high));
  const points = known.map((value, place) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`);
  const [lastX, lastY] = points.at(-1)!.split(",");
  return (
    <svg class="sparkline" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <polyline points={points.join(" ")} />
      <circle cx={lastX} cy={lastY} r="2" />
    </svg>
  );
}
