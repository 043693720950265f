// What clients of a service follow: its DestinationRule and the routes of its host, as one namespace's clients have them.

import { type ClientPolicy, type Subset, settingsFor } from "../../model/client-policy.ts";
import type { Endpoint } from "../../model/endpoint.ts";
import { patternsFor } from "../../model/hosts.ts";
import {
  type Client,
  clientPolicyFor,
  endpointsOf,
  httpRouteFor,
  serviceFor,
  tcpRouteFor,
  tlsRouteFor,
} from "../../model/lookup.ts";
import type { Mesh } from "../../model/mesh.ts";
import { type Origin, originKey } from "../../model/origin.ts";
import { type BackendTarget, type Route, targetsOfRoute } from "../../model/route.ts";
import type { Service } from "../../model/service.ts";
import { visibleTo } from "../../model/visibility.ts";
import { labelsMatch, type Workload, workloadKey } from "../../model/workload.ts";
import type { Place } from "../explanation.ts";
import type { DestinationRuleFacts, RouteFacts, RuleFacts, ServiceDescription, SubsetFacts } from "./description.ts";
import { at, type Subject } from "./subject.ts";
import { actionText, httpMatchText, settingsText, streamMatchText } from "./words.ts";

/** Of no labels: what is for chosen clients is told apart. */
export function clientOf(namespace: string): Client {
  return { namespace, labels: {} };
}

// ── DestinationRules ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function destinationRuleOf(
  subject: Subject,
  service: Service,
  client: Client,
  workload: Workload | undefined,
): DestinationRuleFacts | undefined {
  const policy = clientPolicyFor(subject.mesh, service, client);
  if (!policy) return undefined;
  const { origin, host, clients, subsets } = policy;
  return {
    by: at(subject, origin),
    host,
    clients: clients?.labels,
    settings: scopedText(policy, service),
    subsets: subsets.map((subset) => subsetFacts(subject, service, policy, subset, workload)),
  };
}

/** Each as a client with the labels that it asks for has it, so that rules which do not come into force are left out. */
export function chosenRulesOf(
  subject: Subject,
  service: Service,
  client: Client,
  workload: Workload | undefined,
): readonly DestinationRuleFacts[] {
  return chosenIn(subject, service, client).flatMap(
    ({ clients }) => destinationRuleOf(subject, service, { ...client, labels: clients!.labels }, workload) ?? [],
  );
}

/** Those with a selector, as they come into force. */
function chosenIn({ mesh }: Subject, service: Service, client: Client): readonly ClientPolicy[] {
  const found = mesh.clientPolicies.flatMap(({ clients, namespace }) => {
    if (!clients || namespace !== client.namespace) return [];
    const policy = clientPolicyFor(mesh, service, { ...client, labels: clients.labels });
    return policy?.clients ? [policy] : [];
  });
  return [...new Map(found.map((policy) => [originKey(policy.origin), policy])).values()];
}

/** Ports that differ from the rest are named. */
function scopedText(scope: Pick<ClientPolicy, "settings" | "ports">, { ports }: Service): readonly string[] {
  const common = settingsText(scope.settings);
  const own = ports.flatMap(({ number }) => {
    const text = settingsText(settingsFor(scope, number));
    return text.join() === common.join() ? [] : [`port ${number}: ${text.join(", ") || "the mesh's defaults"}`];
  });
  return [...common, ...own];
}

function subsetFacts(
  subject: Subject,
  service: Service,
  policy: ClientPolicy,
  subset: Subset,
  workload: Workload | undefined,
): SubsetFacts {
  const { name, labels, origin } = subset;
  const settings = scopedText(subset, service);
  const inherited = new Set(scopedText(policy, service));
  return {
    name,
    labels,
    endpoints: distinctEndpoints(subject.mesh, service).filter((endpoint) => labelsMatch(labels, endpoint.labels))
      .length,
    hasWorkload: workload && labelsMatch(labels, workload.labels),
    settings: settings.filter((text) => !inherited.has(text)),
    by: at(subject, origin),
  };
}

/** One for each server, whichever of the service's ports it has. */
function distinctEndpoints(mesh: Mesh, service: Service): readonly Endpoint[] {
  const all = service.ports.flatMap(({ number }) => endpointsOf(mesh, service, number));
  const byServer = new Map(all.map((endpoint) => [endpoint.workload ?? endpoint.address, endpoint]));
  return [...byServer.values()];
}

// ── routes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function inForce(mesh: Mesh, { host }: Service, namespace: string): readonly Route[] {
  return [httpRouteFor, tlsRouteFor, tcpRouteFor].flatMap((find) => find(mesh, host, namespace) ?? []);
}

export function routesOf(
  subject: Subject,
  service: Service,
  client: Client,
  workload: Workload | undefined,
): readonly RouteFacts[] {
  return inForce(subject.mesh, service, client.namespace).map((route) => ({
    by: at(subject, route.origin),
    kind: route.kind,
    hosts: route.hosts,
    rules: rulesOf(subject, route, service, client, workload),
    shadowed: shadowedBy(subject.mesh, route, service, client).map((origin) => at(subject, origin)),
  }));
}

export function rulesOf(
  subject: Subject,
  route: Route,
  service: Service,
  client: Client,
  workload: Workload | undefined,
): readonly RuleFacts[] {
  return route.rules.map((rule) => ({
    by: at(subject, rule.origin, rule.path),
    name: "name" in rule ? rule.name : undefined,
    matches: rule.matches.map((match) => ("headers" in match ? httpMatchText(match) : streamMatchText(match))),
    action: actionText(rule, service.host),
    reachesWorkload: workload && targetsOf(rule).some((target) => reaches(subject.mesh, target, client, workload)),
  }));
}

function targetsOf(rule: Route["rules"][number]): readonly BackendTarget[] {
  if ("backends" in rule) return rule.backends.map(({ target }) => target);
  return rule.action.kind === "forward" ? rule.action.backends.map(({ target }) => target) : [];
}

/** Whether the workload is among the endpoints of what a rule names. */
function reaches(mesh: Mesh, { host, subset }: BackendTarget, client: Client, workload: Workload): boolean {
  const service = serviceFor(mesh, host, client.namespace);
  if (!service) return false;
  const key = workloadKey(workload);
  const isEndpoint = service.ports.some(({ number }) =>
    endpointsOf(mesh, service, number).some((endpoint) => endpoint.workload === key),
  );
  if (!isEndpoint || subset === undefined) return isEndpoint;
  const found = clientPolicyFor(mesh, service, client)?.subsets.find(({ name }) => name === subset);
  return found !== undefined && labelsMatch(found.labels, workload.labels);
}

/** Those of the host that clients see, and that are not the one in force: routes of a host are not merged. */
function shadowedBy(mesh: Mesh, winner: Route, { host }: Service, { namespace }: Client): readonly Origin[] {
  const { httpRoutes, tlsRoutes, tcpRoutes } = mesh.index;
  const byHost: ReadonlyMap<string, readonly Route[]> = { http: httpRoutes, tls: tlsRoutes, tcp: tcpRoutes }[
    winner.kind
  ];
  const others = [...patternsFor(host)]
    .flatMap((pattern) => byHost.get(pattern) ?? [])
    .filter((route) => route !== winner && visibleTo(route.visibility, namespace));
  return distinct(others.map(({ origin }) => origin));
}

function distinct(origins: readonly Origin[]): readonly Origin[] {
  return [...new Map(origins.map((origin) => [originKey(origin), origin])).values()];
}

/** Routes of sidecars whose own hosts are others. */
export function routedFrom(subject: Subject, service: Service): readonly Place[] {
  const own = new Set(patternsFor(service.host));
  const found = subject.mesh.routes.filter(
    (route) =>
      !route.hosts.some((host) => own.has(host)) && targetsOfRoute(route).some(({ host }) => host === service.host),
  );
  return distinct(found.map(({ origin }) => origin)).map((origin) => at(subject, origin));
}

/** Namespaces with workloads whose clients follow other objects than those of `namespace`. */
export function elsewhereOf(subject: Subject, service: Service, namespace: string): ServiceDescription["elsewhere"] {
  const { mesh } = subject;
  const facts = (of: string) => ({
    rule: clientPolicyFor(mesh, service, clientOf(of))?.origin,
    routes: distinct(inForce(mesh, service, of).map(({ origin }) => origin)),
  });
  const keyOf = ({ rule, routes }: ReturnType<typeof facts>) =>
    JSON.stringify([rule && originKey(rule), routes.map(originKey)]);
  const usual = keyOf(facts(namespace));
  return [...mesh.index.workloadsByNamespace.keys()].sort().flatMap((other) => {
    if (other === namespace || serviceFor(mesh, service.host, other) !== service) return [];
    const { rule, routes } = facts(other);
    const chosenRules = chosenIn(subject, service, clientOf(other)).map(({ origin, clients }) => ({
      by: at(subject, origin),
      clients: clients!.labels,
    }));
    if (keyOf({ rule, routes }) === usual && chosenRules.length === 0) return [];
    const places = routes.map((origin) => at(subject, origin));
    return [{ namespace: other, destinationRule: rule && at(subject, rule), routes: places, chosenRules }];
  });
}
