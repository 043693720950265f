// A regular expression and what replaces each of its matches (envoy.type.matcher.v3.RegexMatchAndSubstitute, RE2::GlobalReplace).

import type { RE2JS } from "re2js";

/** `parts`: text, or the number of a group (`\0` is the whole match). */
export interface Substitution {
  readonly pattern: RE2JS;
  readonly parts: readonly (string | number)[];
}

/** Reads RE2's rewrite syntax: `\0` to `\9` and `\\`. Returns the reason when it is malformed or names a group that is not there. */
export function parseSubstitution(pattern: RE2JS, text: string): Substitution | { error: string } {
  const parts: (string | number)[] = [];
  let literal = "";
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\\") {
      literal += text[i];
      continue;
    }
    const next = text[++i] ?? "";
    if (next === "\\") literal += next;
    else if (/^\d$/.test(next)) {
      const group = Number(next);
      if (group > pattern.groupCount())
        return { error: `\\${next}: the expression has ${pattern.groupCount()} groups` };
      if (literal !== "") parts.push(literal);
      literal = "";
      parts.push(group);
    } else return { error: `\\${next}: write \\\\ for a backslash, \\0 to \\9 for a group` };
  }
  if (literal !== "") parts.push(literal);
  return { pattern, parts };
}

export function substitute({ pattern, parts }: Substitution, text: string): string {
  return pattern.matcher(text).replaceAll((...groups: readonly (string | undefined)[]) => {
    let replaced = "";
    for (const part of parts) replaced += typeof part === "string" ? part : (groups[part] ?? "");
    return replaced;
  });
}
