// String matchers (envoy.type.matcher.v3.StringMatcher), compiled once.

import { RE2JS } from "re2js";

/** `text` is in lower case where `ignoreCase` is set. Regular expressions match the whole value, in linear time (RE2). */
export type StringMatch =
  | { readonly kind: "exact" | "prefix" | "suffix" | "contains"; readonly text: string; readonly ignoreCase: boolean }
  | { readonly kind: "regex"; readonly pattern: RE2JS };

/** A compiled regular expression, or the reason why RE2 refuses it. */
export function compileRegex(source: string): { pattern: RE2JS } | { error: string } {
  try {
    return { pattern: RE2JS.compile(source) };
  } catch (thrown) {
    return { error: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

export function matchesString(match: StringMatch, value: string): boolean {
  if (match.kind === "regex") return match.pattern.matches(value);
  const subject = match.ignoreCase ? value.toLowerCase() : value;
  switch (match.kind) {
    case "exact":
      return subject === match.text;
    case "prefix":
      return subject.startsWith(match.text);
    case "suffix":
      return subject.endsWith(match.text);
    case "contains":
      return subject.includes(match.text);
  }
}
