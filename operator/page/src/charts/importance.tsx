/** How much each decision matters: a list of bars, one of which may be chosen. */
import type { ImportanceProps } from "./props";

export function ImportanceBars({ importance, chosen, choose }: ImportanceProps) {
  const most = Math.max(1e-12, ...importance.shares.map((share) => share.share));
  return (
    <div class="chart">
      <ol class="bars" aria-label="importance of the decisions">
        {importance.shares.map(({ decision, share }) => (
          <li key={decision}>
            <button type="button" aria-pressed={decision === chosen} onClick={() => choose(decision)}>
              <span class="name">{decision}</span>
              <span class="bar">
                <i style={{ width: `${(100 * share) / most}%` }} />
              </span>
              <span class="number">{(100 * share).toFixed(1)} %</span>
            </button>
          </li>
        ))}
      </ol>
      <p class="faint">
        A random forest predicts {Math.round(100 * Math.max(0, importance.explained))} % of the variance of rewards that it has not seen.
        {importance.explained < 0.1 && " With so small a share the bars mean next to nothing."}
      </p>
    </div>
  );
}
