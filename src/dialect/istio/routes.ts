// All VirtualServices together → routes: delegation resolved, rules ranked, what can never be reached left out.

import { correctedList, type List, type ListDifference, listOf } from "../../base/list.ts";
import { sameItems } from "../../model/equality.ts";
import type { HttpMatch, TcpMatch, TlsMatch } from "../../model/match.ts";
import { type Origin, originKey } from "../../model/origin.ts";
import type { HttpRule, Route } from "../../model/route.ts";
import { visibleTo } from "../../model/visibility.ts";
import { mergeDelegate } from "./delegates.ts";
import * as diagnostics from "./diagnostics.ts";
import { matchesEverything } from "./http-match.ts";
import { finishRoute, type HttpDraft } from "./http-route.ts";
import type { Finding, Joined, Report } from "./joined.ts";
import type { TcpDraft, TlsDraft } from "./l4-route.ts";
import { gatewayAt, type Place, ruleAt } from "./places.ts";
import type { VirtualServiceDraft } from "./virtual-service.ts";

/** Routes of each kind that a VirtualService has rules for. Delegates make none of their own. */
export function linkRoutes(drafts: readonly VirtualServiceDraft[]): LinkedRoutes {
  let known: ReadonlyMap<string, VirtualServiceDraft> | undefined;
  // Most meshes delegate nothing.
  const byName: ByName = (name) => {
    known ??= new Map(drafts.map((draft) => [`${draft.namespace}/${draft.origin.name}`, draft]));
    return known.get(name);
  };
  return joinLinks(listOf(drafts.filter(hasHosts).map((draft) => linked(draft, byName))));
}

export interface LinkedRoutes extends Joined<Route> {
  /** Of those that have hosts, in the order of their objects. */
  readonly links: List<Linked>;
  /** Whether one of them delegates: to whatever has the name. */
  readonly delegates: boolean;
}

function joinLinks(links: List<Linked>): LinkedRoutes {
  return {
    items: links.flatMap(({ items }) => items),
    findings: distinct(links.flatMap(({ findings }) => findings)),
    links,
    delegates: links.some((link) => link.delegates.length > 0),
  };
}

/** Where nobody delegates, each is by itself. Undefined: all are to be linked again. The drafts are sorted as their objects are. */
export function relinkRoutes(
  before: LinkedRoutes,
  { gone, come }: ListDifference<VirtualServiceDraft>,
): LinkedRoutes | undefined {
  if (before.delegates || come.some(({ http }) => http.some(({ action }) => action.kind === "delegate")))
    return undefined;
  const links = correctedList(before.links, keyOfLink, [
    ...gone.map(({ origin }) => [originKey(origin), undefined] as const),
    ...come.filter(hasHosts).map((draft) => [originKey(draft.origin), linked(draft, () => undefined)] as const),
  ]);
  return links === before.links ? before : joinLinks(links);
}

const keyOfLink = ({ origin }: Linked): string => originKey(origin);

function hasHosts({ hosts }: VirtualServiceDraft): boolean {
  return hosts.length > 0;
}

/** What is wrong at several places is one mistake. */
function distinct(findings: readonly Finding[]): readonly Finding[] {
  const told = new Map<string, Finding>();
  for (const finding of findings) {
    const key = `${originKey(finding.origin)} ${finding.path} ${finding.message.code}`;
    if (!told.has(key)) told.set(key, finding);
  }
  return [...told.values()];
}

type ByName = (name: string) => VirtualServiceDraft | undefined;

interface Linked extends Joined<Route> {
  readonly origin: Origin;
  /** Those that it delegates to; undefined: there is none of that name. */
  readonly delegates: readonly (VirtualServiceDraft | undefined)[];
}

/** What each came to the last time. */
const known = new WeakMap<VirtualServiceDraft, Linked>();

/** The same as before while it and those that it delegates to are the same. */
function linked(draft: VirtualServiceDraft, byName: ByName): Linked {
  const before = known.get(draft);
  if (before?.delegates.length === 0) return before;
  const delegates = draft.http.flatMap(({ action }) => (action.kind === "delegate" ? [byName(nameOf(action))] : []));
  if (before && sameItems(before.delegates, delegates)) return before;
  const findings: Finding[] = [];
  const report: Report = (origin, path, message) => void findings.push({ origin, path, message });
  const items = draft.places.flatMap((place) => routesAt(place, draft, byName, report));
  const made = { origin: draft.origin, items, findings, delegates };
  known.set(draft, made);
  return made;
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

function routesAt(place: Place, draft: VirtualServiceDraft, byName: ByName, report: Report): readonly Route[] {
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
  byName: ByName,
  report: Report,
): readonly ResolvedDraft[] {
  const { action } = rule;
  if (action.kind !== "delegate") return [finishRoute(rule, action)];
  const name = nameOf(action);
  const delegate = byName(name);
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
