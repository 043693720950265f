// Routes that never come to anything, because earlier ones have taken their requests.

import type { ObjectAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type VirtualServiceValue } from "../kinds.ts";
import { type View, viewAs } from "../view.ts";

export const unreachable: ObjectAnalyzer = {
  name: "virtualservice.MatchesAnalyzer",
  about: "every route and match of a VirtualService can be reached",
  codes: ["IST0130", "IST0131"],
  scope: "object",
  analyze(object, report) {
    const view = viewAs(kinds.virtualService, object);
    if (!view) return;
    for (const kind of ["http", "tls", "tcp"] as const) checkRoutes(view, kind, report);
  },
};

interface Matching {
  readonly name?: string | undefined;
  readonly match?: readonly object[] | undefined;
}

function checkRoutes({ object, value }: View<VirtualServiceValue>, kind: "http" | "tls" | "tcp", report: Report): void {
  const routes: readonly Matching[] = value.spec[kind] ?? [];
  const seen = new Map<string, string>();
  let everything: string | undefined;
  for (const [i, route] of routes.entries()) {
    const path = `spec.${kind}[${i}]`;
    const rule = ruleName(route, i);
    if (everything !== undefined) {
      report(object, path, notUsed(rule, `route without matches defined before: ${everything}`));
      continue;
    }
    const matches = route.match ?? [];
    if (matches.length === 0) everything = rule;
    const duplicates = matches.map((match) => seen.get(canonical(match)));
    if (matches.length > 0 && duplicates.every((before) => before !== undefined))
      report(object, path, notUsed(rule, `all matches used prior: ${duplicates[0]}`));
    else
      for (const [j, before] of duplicates.entries())
        if (before !== undefined) report(object, `${path}.match[${j}]`, ineffective(rule, j, before));
    for (const match of matches) if (!seen.has(canonical(match))) seen.set(canonical(match), rule);
  }
}

function ruleName({ name }: Matching, i: number): string {
  return name ? JSON.stringify(name) : `#${i}`;
}

function notUsed(rule: string, reason: string) {
  return finding(
    "IST0130",
    `VirtualService rule ${rule} not used (${reason})`,
    "the route without conditions at the end, and each match once",
  );
}

function ineffective(rule: string, match: number, before: string) {
  return finding(
    "IST0131",
    `VirtualService rule ${rule} match #${match} is not used (duplicate/overlapping match in rule ${before})`,
    "one of the two",
  );
}

/** Equal text for matches that hold for the same requests: names of matches play no part, nor does the order of fields. */
function canonical(match: object): string {
  return JSON.stringify(sorted({ ...match, name: undefined, statPrefix: undefined }));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => [key, sorted(field)]);
}
