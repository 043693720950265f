// Routes that never come to anything, because earlier ones have taken their requests.

import type { ObjectAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type VirtualServiceValue } from "../kinds.ts";
import { type View, viewAs } from "../view.ts";
import { EarlierMatches, type Match } from "./match-order.ts";

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
  readonly match?: readonly Match[] | undefined;
  /** Its routes may leave requests to those that follow. */
  readonly delegate?: object | undefined;
}

function checkRoutes({ object, value }: View<VirtualServiceValue>, kind: "http" | "tls" | "tcp", report: Report): void {
  const routes: readonly Matching[] = value.spec[kind] ?? [];
  const earlier = new EarlierMatches();
  let everything: string | undefined;
  for (const [i, route] of routes.entries()) {
    const path = `spec.${kind}[${i}]`;
    const rule = ruleName(route, i);
    if (everything !== undefined) {
      report(object, path, notUsed(rule, `route without matches defined before: ${everything}`));
      continue;
    }
    const matches = route.match ?? [];
    if (matches.length === 0 && !route.delegate) everything = rule;
    const taken = matches.map((match) => {
      const before = earlier.before(match);
      if (!route.delegate) earlier.add(match, rule);
      return before;
    });
    if (matches.length > 0 && taken.every((before) => before !== undefined && before !== rule))
      report(object, path, notUsed(rule, `all matches used prior: ${taken[0]}`));
    else
      for (const [j, before] of taken.entries())
        if (before !== undefined) report(object, `${path}.match[${j}]`, ineffective(rule, j, before));
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
