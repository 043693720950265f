// Findings that need the whole mesh: references that lead nowhere, objects that shadow each other, policies that contradict.

import type { Diagnostic } from "../base/diagnostic.ts";
import { nearest, nearestHost } from "../base/nearest.ts";

import { aliasOfItself, aliasOfStranger, policyOfAlias, streamsOfAlias } from "./alias-findings.ts";
import type { ClientPolicy } from "./client-policy.ts";
import type { ServiceEndpoints } from "./endpoint.ts";
import { sameContent, sameItems } from "./equality.ts";
import * as findings from "./findings.ts";
import { file, LabelIndex } from "./label-index.ts";
import {
  clientPolicyFor,
  endpointsOf,
  inboundPortsOf,
  mtlsMode,
  serverPolicyOf,
  serviceFor,
  servicesOf,
} from "./lookup.ts";
import type { Mesh, MeshParts } from "./mesh.ts";
import { diagnose, type Message } from "./message.ts";
import { compareText, type Origin, originKey } from "./origin.ts";
import type { BackendTarget, Mirror, Route, WeightedBackend } from "./route.ts";
import type { PolicyScope, ServerPolicy } from "./server-policy.ts";
import { type Service, type ServiceAlias, serviceKey } from "./service.ts";
import { settledHost } from "./service-alias.ts";
import { servicesUnder } from "./services-under.ts";
import { placeNote, type SourceMap } from "./source-map.ts";
import { validateGateways } from "./validate-gateways.ts";
import { originationFindings } from "./validate-origination.ts";
import { validatePatches } from "./validate-patches.ts";
import { securityFindings } from "./validate-security.ts";
import { telemetryFindings } from "./validate-telemetry.ts";
import type { Workload } from "./workload.ts";

/** Nearest names looked for in one run: each is compared with every host, and nobody reads on after this many. */
const MAX_SUGGESTIONS = 50;

/** `parts` are those that `mesh` was built from. Sorted by object, then by path. */
export function validateMesh(mesh: Mesh, parts: MeshParts, sources: SourceMap): readonly Diagnostic[] {
  return new Validation(mesh, sources).run(parts);
}

interface LastingFindings {
  readonly inputs: readonly unknown[];
  readonly found: readonly Diagnostic[];
}

/** By the services of a mesh. */
const lastingFindings = new WeakMap<readonly Service[], LastingFindings>();
/** Endpoints of which each subset of the policy has some. */
const fullSubsets = new WeakMap<ClientPolicy, ServiceEndpoints>();

/** One run over one mesh: what was found so far, and how many suggestions are left. */
class Validation {
  readonly #mesh: Mesh;
  readonly #sources: SourceMap;
  readonly #found: Diagnostic[] = [];
  readonly #winners = new Set<string>();
  readonly #firstRoutes = new Map<readonly Route[], ReadonlyMap<string, Route>>();
  readonly #subsets = new Map<string, ReadonlySet<string>>();
  readonly #ports = new Map<Service, ReadonlySet<number>>();
  readonly #strict = new Map<Service, boolean>();
  #suggestionsLeft = MAX_SUGGESTIONS;

  constructor(mesh: Mesh, sources: SourceMap) {
    this.#mesh = mesh;
    this.#sources = sources;
  }

  run(parts: MeshParts): readonly Diagnostic[] {
    this.#lasting(parts);
    for (const policy of this.#mesh.clientPolicies) this.#servers(policy);
    if (this.#mesh.serverPolicies.length > 0) this.#serverPolicies();
    for (const { origin, path, message } of securityFindings(this.#mesh)) this.#report(origin, path, message);
    for (const { origin, path, message } of telemetryFindings(this.#mesh)) this.#report(origin, path, message);
    validatePatches(this.#mesh, (origin, path, message) => this.#report(origin, path, message));
    validateGateways(this.#mesh, (origin, path, message) => this.#report(origin, path, message));
    return this.#found.sort((a, b) => compareText(place(a), place(b)));
  }

  /** What neither endpoints nor workloads play a part in; found again where it was found before. */
  #lasting({ services }: MeshParts): void {
    const { settings, routes, gatewayRoutes, clientPolicies, aliases } = this.#mesh;
    const inputs = [services, aliases, settings, routes, gatewayRoutes, clientPolicies, this.#sources];
    const known = lastingFindings.get(this.#mesh.services);
    if (known && sameItems(known.inputs, inputs)) {
      this.#found.push(...known.found);
      return;
    }
    for (const service of services) this.#service(service);
    for (const alias of aliases) this.#alias(alias);
    for (const route of routes) this.#hosts(route);
    for (const { origin, target } of writtenTargets(this.#mesh)) this.#target(origin, target);
    for (const policy of clientPolicies) this.#clientPolicy(policy);
    lastingFindings.set(this.#mesh.services, { inputs, found: [...this.#found] });
  }

  /** `other`: with whom it conflicts, and where. */
  #report(origin: Origin, path: string, message: Message, other?: Origin, otherPath = ""): void {
    const note = other && placeNote(other, this.#sources.span(other, otherPath));
    const told = note === undefined ? message : { ...message, notes: [...(message.notes ?? []), note] };
    this.#found.push(diagnose(told, origin, path, this.#sources.finder(origin)));
  }

  /** Of the first rival alone: more of them change nothing. */
  #tellWinner(winner: Origin, path: string, message: Message, loser: Origin, loserPath = ""): void {
    const place = `${originKey(winner)} ${path}`;
    if (this.#winners.has(place)) return;
    this.#winners.add(place);
    this.#report(winner, path, message, loser, loserPath);
  }

  #nearestHost(host: string): string | undefined {
    return this.#suggestionsLeft-- > 0 ? nearestHost(host, this.#mesh.index.servicesByHost.keys()) : undefined;
  }

  #nearest(text: string, candidates: Iterable<string>): string | undefined {
    return this.#suggestionsLeft-- > 0 ? nearest(text, candidates) : undefined;
  }

  #service(service: Service): void {
    const winner = this.#mesh.index.services.get(serviceKey(service));
    // The mesh has the older object where both say the same.
    if (winner && !sameContent({ ...winner, aliases: undefined }, service))
      this.#report(service.origin, "", findings.duplicateService(service.host, winner.origin), winner.origin);
  }

  #alias({ host, target, origin, path }: ServiceAlias): void {
    const { aliases, servicesByHost } = this.#mesh.index;
    const end = aliases.get(host)?.target;
    if (end === undefined) this.#report(origin, path, aliasOfItself(host, target));
    else if (!servicesByHost.has(end)) this.#report(origin, path, aliasOfStranger(host, end));
  }

  /** The first for each visibility, of thousands for one host. */
  #winnersOf(routes: ReadonlyMap<string, readonly Route[]>, host: string): ReadonlyMap<string, Route> {
    const ofHost = routes.get(host) ?? [];
    const known = this.#firstRoutes.get(ofHost);
    if (known) return known;
    const firsts = new Map<string, Route>();
    for (const route of ofHost) {
      const visibility = JSON.stringify(route.visibility);
      if (!firsts.has(visibility)) firsts.set(visibility, route);
    }
    this.#firstRoutes.set(ofHost, firsts);
    return firsts;
  }

  /** Only routes that the same clients see shadow each other: a private one beats a public one on purpose. */
  #hosts(route: Route): void {
    const { httpRoutes, tlsRoutes, tcpRoutes, servicesByHost, aliases } = this.#mesh.index;
    const routes: ReadonlyMap<string, readonly Route[]> =
      route.kind === "http" ? httpRoutes : route.kind === "tls" ? tlsRoutes : tcpRoutes;
    const visibility = JSON.stringify(route.visibility);
    for (const [i, host] of route.hosts.entries()) {
      const path = `spec.hosts[${i}]`;
      const winner = this.#winnersOf(routes, host).get(visibility);
      if (winner && winner !== route) {
        const winnerPath = `spec.hosts[${winner.hosts.indexOf(host)}]`;
        this.#report(route.origin, path, findings.shadowedRoute(host, winner.origin), winner.origin, winnerPath);
        this.#tellWinner(winner.origin, winnerPath, findings.shadowsRoute(host, route.origin), route.origin, path);
      } else if (aliases.has(host)) {
        if (route.kind !== "http") this.#report(route.origin, path, streamsOfAlias(host, settledHost(aliases, host)));
      } else if (route.kind === "http" && !host.startsWith("*") && !servicesByHost.has(host)) {
        this.#report(route.origin, path, findings.routeOutsideRegistry(host));
      }
    }
  }

  #target(origin: Origin, { host, port, subset, path }: BackendTarget): void {
    const { namespace } = origin;
    const service = serviceFor(this.#mesh, host, namespace);
    if (!service) {
      this.#report(origin, `${path}.host`, findings.unknownHost(host, this.#nearestHost(host)));
      return;
    }
    const ports = this.#portsOf(service);
    if (port !== undefined && !ports.has(port))
      this.#report(origin, `${path}.port`, findings.unknownPort(port, host, ports));
    if (port === undefined && ports.size > 1) this.#report(origin, path, findings.ambiguousPort(host, ports));
    if (subset === undefined) return;
    const subsets = this.#subsetsSeenBy(service, namespace);
    if (!subsets.has(subset))
      this.#report(
        origin,
        `${path}.subset`,
        findings.unknownSubset(subset, host, subsets, this.#nearest(subset, subsets)),
      );
  }

  #portsOf(service: Service): ReadonlySet<number> {
    const known = this.#ports.get(service) ?? new Set(service.ports.map(({ number }) => number));
    this.#ports.set(service, known);
    return known;
  }

  /** Names of subsets that clients of a namespace may use, those of policies for chosen clients included. */
  #subsetsSeenBy(service: Service, namespace: string): ReadonlySet<string> {
    const key = `${namespace} ${serviceKey(service)}`;
    const known = this.#subsets.get(key);
    if (known) return known;
    const policy = clientPolicyFor(this.#mesh, service, { namespace, labels: {} });
    const selecting = this.#mesh.index.clientPolicies
      .get(namespace)
      ?.get(service.host)
      ?.filter((candidate) => candidate.clients);
    const subsets = [policy, ...(selecting ?? [])].flatMap((candidate) => candidate?.subsets ?? []);
    const names = new Set(subsets.map((subset) => subset.name));
    this.#subsets.set(key, names);
    return names;
  }

  #clientPolicy({ host, origin }: ClientPolicy): void {
    const target = this.#mesh.index.aliases.get(host)?.target;
    if (target !== undefined) this.#report(origin, "spec.host", policyOfAlias(host, target));
    else if (servicesUnder(this.#mesh, host).length === 0)
      this.#report(origin, "spec.host", findings.policyWithoutService(host, this.#nearestHost(host)));
  }

  /** What the policy's servers are, and take. */
  #servers(policy: ClientPolicy): void {
    const { host, origin, subsets } = policy;
    for (const message of originationFindings(this.#mesh, policy))
      this.#report(origin, "spec.trafficPolicy.tls", message);
    // A wildcard's subsets are for services of every kind; for one host an empty subset is a mistake.
    const [service] = subsets.length > 0 ? servicesUnder(this.#mesh, host) : [];
    if (service?.host === host) this.#emptySubsets(policy, service);
    if (policy.settings.tls?.kind !== "disable") return;
    const services = servicesUnder(this.#mesh, host);
    const strict = services.find((candidate) => this.#demandsMtls(candidate));
    if (strict) this.#report(origin, "spec.trafficPolicy.tls", findings.plaintextToStrict(strict.host));
  }

  #emptySubsets(policy: ClientPolicy, service: Service): void {
    const endpoints = this.#mesh.index.endpoints.get(serviceKey(service));
    if (endpoints && fullSubsets.get(policy) === endpoints) return;
    const before = this.#found.length;
    this.#lookForEmptySubsets(policy, service);
    if (endpoints && this.#found.length === before) fullSubsets.set(policy, endpoints);
  }

  #lookForEmptySubsets(policy: ClientPolicy, service: Service): void {
    const labels = new Set(
      service.ports.flatMap((port) => endpointsOf(this.#mesh, service, port.number).map((endpoint) => endpoint.labels)),
    );
    // Without endpoints nothing is known: the service may be about to start.
    if (labels.size === 0) return;
    const index = new LabelIndex([...labels].map((each) => ({ labels: each })));
    for (const [i, subset] of policy.subsets.entries()) {
      if (index.first(subset.labels)) continue;
      const own = originKey(subset.origin) === originKey(policy.origin);
      this.#report(
        subset.origin,
        own ? `spec.subsets[${i}]` : "spec.subsets",
        findings.emptySubset(subset.name, policy.host, subset.labels),
      );
    }
  }

  #demandsMtls(service: Service): boolean {
    const known = this.#strict.get(service);
    if (known !== undefined) return known;
    const strict = this.#isStrict(service);
    this.#strict.set(service, strict);
    return strict;
  }

  #isStrict(service: Service): boolean {
    return service.ports.some((port) =>
      endpointsOf(this.#mesh, service, port.number).some((endpoint) => {
        const workload =
          endpoint.workload === undefined ? undefined : this.#mesh.index.workloads.get(endpoint.workload);
        return workload?.proxy !== undefined && mtlsMode(this.#mesh, workload, endpoint.applicationPort) === "strict";
      }),
    );
  }

  #serverPolicies(): void {
    const selected = new Map<ServerPolicy, Workload[]>();
    for (const workload of this.#mesh.workloads) {
      const policy = serverPolicyOf(this.#mesh, workload);
      if (policy) file(selected, policy, workload);
    }
    for (const policy of this.#mesh.serverPolicies) {
      const winner = this.#winnerOfScope(policy.scope);
      if (winner && winner !== policy) {
        this.#report(policy.origin, "", findings.shadowedServerPolicy(winner.origin), winner.origin);
        this.#tellWinner(winner.origin, "", findings.shadowsServerPolicy(policy.origin), policy.origin);
      }
      this.#policyPorts(policy, selected.get(policy) ?? []);
    }
  }

  #winnerOfScope(scope: PolicyScope): ServerPolicy | undefined {
    if (scope.kind === "mesh") return this.#mesh.index.meshServerPolicy;
    return scope.kind === "namespace" ? this.#mesh.index.namespaceServerPolicies.get(scope.namespace) : undefined;
  }

  #policyPorts(policy: ServerPolicy, workloads: readonly Workload[]): void {
    if (workloads.length === 0) return;
    const services = workloads.flatMap((workload) => servicesOf(this.#mesh, workload));
    const servicePorts = new Set(services.flatMap((service) => service.ports.map((port) => port.number)));
    const declared = workloads.flatMap((workload) => workload.ports.map((port) => port.number));
    const bound = workloads.flatMap((workload) => inboundPortsOf(this.#mesh, workload).map((port) => port.number));
    const served = [...new Set([...declared, ...bound])].sort((a, b) => a - b);
    for (const { port } of policy.ports) {
      if (served.includes(port)) continue;
      this.#report(
        policy.origin,
        `spec.portLevelMtls.${port}`,
        findings.portNotServed(port, served, servicePorts.has(port)),
      );
    }
  }
}

export interface WrittenTarget {
  readonly origin: Origin;
  readonly target: BackendTarget;
}

/** Each once: a rule that holds in several places is written in one. */
export function writtenTargets({ routes, gatewayRoutes }: Mesh): Iterable<WrittenTarget> {
  const written = [...routes, ...gatewayRoutes].flatMap(targetsOf);
  return new Map(written.map((entry) => [`${originKey(entry.origin)} ${entry.target.path}`, entry])).values();
}

function targetsOf(route: Route): readonly WrittenTarget[] {
  const written = (
    rule: { readonly origin: Origin },
    backends: readonly (WeightedBackend | Mirror)[],
  ): readonly WrittenTarget[] => backends.map(({ target }) => ({ origin: rule.origin, target }));
  switch (route.kind) {
    case "http":
      return route.rules.flatMap((rule) =>
        rule.action.kind === "forward" ? written(rule, [...rule.action.backends, ...rule.mirrors]) : [],
      );
    case "tls":
      return route.rules.flatMap((rule) => written(rule, rule.backends));
    case "tcp":
      return route.rules.flatMap((rule) => written(rule, rule.backends));
  }
}

function place({ object, path, code }: Diagnostic): string {
  return `${object?.kind}/${object?.namespace}/${object?.name} ${path} ${code}`;
}
