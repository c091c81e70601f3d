/** Which axis a drawing has. */
import type { Details } from "../../api/types";
import { asAxis, type Axis } from "../../data/axes";
import { axisTitle } from "../../parts/filters";

export function AxisSelect(props: {
  label: string;
  value: Axis;
  axes: readonly Axis[];
  details: Details;
  change: (axis: Axis) => void;
}) {
  return (
    <label class="pickone">
      <span class="faint">{props.label}</span>
      <select value={props.value} onChange={(event) => props.change(asAxis(event.currentTarget.value) ?? props.value)}>
        {props.axes.map((axis) => (
          <option key={axis} value={axis}>
            {axisTitle(axis, props.details)}
          </option>
        ))}
      </select>
    </label>
  );
}
