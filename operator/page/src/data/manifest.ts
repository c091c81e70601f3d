/** The manifest of a search under another name. */

/** Words that YAML does not take for text. */
const NOT_TEXT = /^(true|false|yes|no|on|off|null|~|[-+.\d].*)$/i;

/** YAML for a name, in quotes if it needs them. */
export function yamlName(name: string): string {
  return /^[A-Za-z][\w.-]*$/.test(name) && !NOT_TEXT.test(name) ? name : JSON.stringify(name);
}

/**
 * The manifest with another name in its metadata, in block or flow style; unchanged if there is none to be found. What
 * stands anywhere else, in a template's own metadata say, is left alone.
 */
export function renamed(manifest: string, name: string): string {
  const flow = /^(metadata:\s*\{(?:[^{}\n]*,)?\s*name:\s*)("[^"\n]*"|'[^'\n]*'|[^,}\s]+)/m;
  if (flow.test(manifest)) return manifest.replace(flow, (_, before: string) => before + yamlName(name));
  const lines = manifest.split("\n");
  const start = lines.findIndex((line) => /^metadata:\s*(#.*)?$/.test(line));
  if (start < 0) return manifest;
  const indent = /^\s+/.exec(lines[start + 1] ?? "")?.[0];
  if (indent === undefined) return manifest;
  for (let at = start + 1; at < lines.length && /^(\s|#|$)/.test(lines[at]!); at++) {
    if (lines[at]!.startsWith(`${indent}name:`)) {
      lines[at] = `${indent}name: ${yamlName(name)}`;
      return lines.join("\n");
    }
  }
  return manifest;
}

/** Names of Kubernetes objects of this kind. */
export function nameProblem(name: string): string | null {
  if (name === "") return "A search needs a name.";
  if (name.length > 63) return "A name has 63 characters at most.";
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))
    return "A name has lower-case letters, digits and hyphens, and begins and ends with a letter or digit.";
  return null;
}
