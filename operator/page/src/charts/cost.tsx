/** What had been spent until each improvement. */
import { spentName, timeIn, timeUnit } from "../format";
import { Figure, type Marks } from "./figure";
import type { CostProps } from "./props";
import { counted, general } from "./pure/text";
import { around } from "./pure/ticks";
import { plainScale } from "./scales";

export function Cost({ improvements, gpus, minimize, open, height, value }: CostProps) {
  const last = improvements.at(-1);
  const scale = timeUnit(last?.hours ?? 0);
  const unit = spentName(scale, gpus);
  const marks: Marks = {
    x: Float64Array.from(improvements, (step) => step.hours * scale.perHour),
    y: Float64Array.from(improvements, (step) => step.value),
    trial: Int32Array.from(improvements, (step) => step.index),
    row: new Int32Array(improvements.length).fill(-1),
  };
  const spent = (hours: number) => timeIn(scale, hours);
  return (
    <Figure
      model={[improvements]}
      title={`cost in ${unit}`}
      summary={last === undefined ? "" : `${counted(improvements.length, "improvement")}; the last, ${minimize ? "down" : "up"} to ${general(last.value)}, came after ${spent(last.hours)} ${unit}.`}
      height={height ?? 260}
      empty={last === undefined && "There are no results yet."}
      x={plainScale([0, (last?.hours ?? 1) * scale.perHour * 1.05 || 1], `${unit} spent until then`)}
      y={plainScale(around(marks.y), value ?? "best so far")}
      marks={marks}
      open={open}
      below={(pen) => pen.line(marks.x, marks.y, pen.palette.series[2]!, { stairs: true })}
      points={(pen) => {
        for (const place of marks.x.keys()) pen.dot(pen.x(marks.x[place]!), pen.y(marks.y[place]!), marks.x.length > 40 ? 2 : 3.5, pen.palette.series[2]!);
      }}
      tip={(place) => {
        const step = improvements[place]!;
        return [`trial ${step.index}: ${general(step.value)}`, ...(place === 0 ? [] : [`gain ${general(step.gain)}`]), `after ${spent(step.hours)} ${unit}`, ...(place === 0 ? [] : [`${spent(step.spent)} since the one before`])];
      }}
      table={() => ({
        head: ["trial", "value", "gain", `${unit} until then`, "since the previous one"],
        rows: improvements.map((step) => [step.index, general(step.value), general(step.gain), spent(step.hours), spent(step.spent)]),
      })}
    />
  );
}
