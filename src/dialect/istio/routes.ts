// All VirtualServices together → routes: delegation resolved, rules ranked, what can never be reached left out.

import type { HttpMatch, TcpMatch, TlsMatch } from "../../model/match.ts";
import type { Message } from "../../model/message.ts";
import { type Origin, originKey } from "../../model/origin.ts";
import type { HttpRule, Route } from "../../model/route.ts";
import { visibleTo } from "../../model/visibility.ts";
import { mergeDelegate } from "./delegates.ts";
import * as diagnostics from "./diagnostics.ts";
import { matchesEverything } from "./http-match.ts";
import { finishRoute, type HttpDraft } from "./http-route.ts";
import type { TcpDraft, TlsDraft } from "./l4-route.ts";
import { gatewayAt, type Place, ruleAt } from "./places.ts";
import type { VirtualServiceDraft } from "./virtual-service.ts";

/** Takes a finding about an object that was read already. */
export type Report = (origin: Origin, path: string, message: Message) => void;

/** Routes of each kind that a VirtualService has rules for. Delegates make none of their own. */
export function linkRoutes(drafts: readonly VirtualServiceDraft[], report: Report): readonly Route[] {
  const byName = new Map(drafts.map((draft) => [`${draft.namespace}/${draft.origin.name}`, draft]));
  const once = distinctReport(report);
  return drafts.flatMap((draft) =>
    draft.hosts.length === 0 ? [] : draft.places.flatMap((place) => routesAt(place, draft, byName, once)),
  );
}

/** What is wrong at several places is one mistake. */
function distinctReport(report: Report): Report {
  const told = new Set<string>();
  return (origin, path, message) => {
    const finding = `${originKey(origin)} ${path} ${message.code}`;
    if (!told.has(finding)) report(origin, path, message);
    told.add(finding);
  };
}

function routesAt(
  place: Place,
  draft: VirtualServiceDraft,
  byName: ReadonlyMap<string, VirtualServiceDraft>,
  report: Report,
): readonly Route[] {
  const { origin, createdAt, namespace, hosts, visibility } = draft;
  const gateway = gatewayAt(place);
  const base = { origin, createdAt, namespace, hosts, visibility, ...(gateway === undefined ? {} : { gateway }) };
  const tls = draft.tls.flatMap((rule) => ruleAt<TlsMatch, TlsDraft>(rule, place) ?? []);
  const tcp = draft.tcp.flatMap((rule) => ruleAt<TcpMatch, TcpDraft>(rule, place) ?? []);
  const http = draft.http.flatMap((rule) => ruleAt<HttpMatch, HttpDraft>(rule, place) ?? []);
  const resolved = http.flatMap((rule) => resolve(draft, rule, place, byName, report));
  const rules = reachable(resolved, report).map((rule, i): HttpRule => ({ ...rule, rank: [i] }));
  return [
    ...(rules.length > 0 ? [{ kind: "http" as const, ...base, rules }] : []),
    ...(tls.length > 0 ? [{ kind: "tls" as const, ...base, rules: tls }] : []),
    ...(tcp.length > 0 ? [{ kind: "tcp" as const, ...base, rules: tcp }] : []),
  ];
}

type ResolvedDraft = Omit<HttpRule, "rank">;

/** The rule itself, or the rules of the VirtualService that it delegates to. */
function resolve(
  root: VirtualServiceDraft,
  rule: HttpDraft,
  place: Place,
  byName: ReadonlyMap<string, VirtualServiceDraft>,
  report: Report,
): readonly ResolvedDraft[] {
  const { action } = rule;
  if (action.kind !== "delegate") return [finishRoute(rule, action)];
  const name = `${action.namespace}/${action.name}`;
  const delegate = byName.get(name);
  if (!delegate || !visibleTo(delegate.visibility, root.namespace)) {
    report(root.origin, `${rule.path}.delegate`, diagnostics.delegateMissing(name));
    return [];
  }
  if (delegate.hosts.length > 0) {
    report(root.origin, `${rule.path}.delegate`, diagnostics.delegateWithHosts(name));
    return [];
  }
  const candidates = delegate.http.flatMap((candidate) => ruleAt<HttpMatch, HttpDraft>(candidate, place) ?? []);
  return candidates.flatMap((candidate): readonly ResolvedDraft[] => {
    const merged = mergeDelegate(rule, candidate);
    if (!merged) report(delegate.origin, candidate.path, diagnostics.delegateConflict(root.origin, candidate.path));
    return merged && merged.action.kind !== "delegate" ? [finishRoute(merged, merged.action)] : [];
  });
}

/** Istio stops at the first rule that matches everything: what follows does not exist. */
function reachable(rules: readonly ResolvedDraft[], report: Report): readonly ResolvedDraft[] {
  const last = rules.findIndex((rule) => matchesEverything(rule.matches));
  if (last === -1) return rules;
  const before = rules[last]!;
  const told = new Set<string>();
  for (const { origin, path } of rules.slice(last + 1)) {
    const place = `${originKey(origin)} ${path}`;
    if (!told.has(place)) report(origin, path, diagnostics.unreachableRoute(before.path));
    told.add(place);
  }
  return rules.slice(0, last + 1);
}
