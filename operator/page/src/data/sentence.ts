/** Sentences of the server have commands and names between backticks, as those of the command line do. */

export interface Piece {
  readonly text: string;
  readonly code: boolean;
}

const QUOTED = /`([^`\n]+)`/g;

/** A sentence in pieces. A backtick without another on its line is only a character. */
export function pieces(sentence: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const quoted of sentence.matchAll(QUOTED)) {
    if (quoted.index > end) found.push({ text: sentence.slice(end, quoted.index), code: false });
    found.push({ text: quoted[1]!, code: true });
    end = quoted.index + quoted[0].length;
  }
  if (end < sentence.length) found.push({ text: sentence.slice(end), code: false });
  return found;
}

/** A sentence where there is only text: to be read out, or in a tooltip. */
export function unquoted(sentence: string): string {
  return pieces(sentence)
    .map((piece) => piece.text)
    .join("");
}
