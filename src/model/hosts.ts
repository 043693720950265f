// Host names and their wildcards. Precedence everywhere: the exact name, then the longest wildcard.

/** Whether `pattern` (`a.example.com`, `*.example.com`, `*`) covers `host`. `*.example.com` does not cover `example.com`. */
export function hostMatches(pattern: string, host: string): boolean {
  if (!pattern.startsWith("*")) return pattern === host;
  return host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1;
}

/** The patterns that cover `host`, most specific first: itself, then `*` before each of its dots, then `*`. */
export function* patternsFor(host: string): Generator<string> {
  yield host;
  // A wildcard host (`*.example.com` of an external service) is covered by wildcards that are shorter than it.
  const start = host.startsWith("*") ? 2 : 1;
  for (let dot = host.indexOf(".", start); dot >= 0; dot = host.indexOf(".", dot + 1)) yield `*${host.slice(dot)}`;
  if (host !== "*") yield "*";
}

/** `*-example.com`: a wildcard within a label, which `patternsFor` does not give. */
export function isWithinLabel(pattern: string): boolean {
  return pattern.startsWith("*") && pattern !== "*" && !pattern.startsWith("*.");
}

/** Order of precedence: exact names, then wildcards by falling length, ties in alphabetical order (Istio's host.MoreSpecific). */
export function bySpecificity(a: string, b: string): number {
  const wildcards = Number(a.startsWith("*")) - Number(b.startsWith("*"));
  if (wildcards !== 0) return wildcards;
  if (a.startsWith("*") && a.length !== b.length) return b.length - a.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
