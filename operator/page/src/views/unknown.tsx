/** Addresses that lead nowhere, and faults of the page itself. */
import { useTitle } from "../parts/hooks";
import { Sentence } from "../parts/text";

export function NotFound({ what, why, back = "/" }: { what: string; why?: string; back?: string }) {
  useTitle("Not found");
  return (
    <div class="alone">
      <h1 tabIndex={-1}>{what}</h1>
      {why !== undefined && (
        <p>
          <Sentence text={why} />
        </p>
      )}
      <p>
        <a href={back}>{back === "/" ? "All searches" : "Back to the search"}</a>
      </p>
    </div>
  );
}

export function Fault({ error, again }: { error: Error; again: () => void }) {
  useTitle("Fault");
  return (
    <div class="alone" role="alert">
      <h1 tabIndex={-1}>This view has failed</h1>
      <p>It is a fault of the page, not of the search. Please report it with this text:</p>
      <pre class="block" tabIndex={0} aria-label="What failed">
        {`${error.message}\n${error.stack ?? ""}`}
      </pre>
      <p>
        <button type="button" onClick={again}>
          Show it again
        </button>{" "}
        <a href="/">All searches</a>
      </p>
    </div>
  );
}
