export type Over = "results" | "time";

/** What a course is drawn over. */
export function OverSwitch({ value, change }: { value: Over; change: (value: Over) => void }) {
  return (
    <Switch
      label="Horizontal axis"
      options={[
        ["results", "Results"],
        ["time", "Time"],
      ]}
      value={value}
      change={change}
    />
  );
}

/** One of a few, of which all are seen. */
export function Switch<T extends string>(props: {
  label: string;
  options: readonly (readonly [T, string])[];
  value: T;
  change: (value: T) => void;
}) {
  return (
    <div class="switch" role="group" aria-label={props.label}>
      {props.options.map(([value, title]) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          onClick={() => props.change(value)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
