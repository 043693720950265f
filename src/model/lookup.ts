// Questions to a built mesh, each with its order of precedence in one place.

import { differingKeys } from "../base/corrected-map.ts";
import { type StageOfWorkload, stagesOf } from "./authorization.ts";
import type { ClientPolicy } from "./client-policy.ts";
import { type Credential, credentialKey } from "./credential.ts";
import type { Endpoint } from "./endpoint.ts";
import { patternsFor } from "./hosts.ts";
import type { InboundPort, Mesh } from "./mesh.ts";
import type { TokenIssuer } from "./request-authentication.ts";
import type { BackendTarget, HttpRoute, Route, TcpRoute, TlsRoute } from "./route.ts";
import type { MtlsMode, ServerPolicy } from "./server-policy.ts";
import { type Service, serviceKey } from "./service.ts";
import { isPrivate, visibleTo } from "./visibility.ts";
import { labelsMatch, type Workload, type WorkloadKey, workloadKey } from "./workload.ts";

/** Who asks: what a workload's configuration depends on besides the mesh. */
export interface Client {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The service that `host` means to clients of a namespace: the namespace's own, else the oldest that it may see. */
export function serviceFor(mesh: Mesh, host: string, clientNamespace: string): Service | undefined {
  const candidates = mesh.index.servicesByHost.get(host) ?? [];
  const visible = candidates.filter((service) => visibleTo(service.visibility, clientNamespace));
  return visible.find((service) => service.namespace === clientNamespace) ?? visible[0];
}

/** One service for each host that clients of a namespace may see, sorted by host. */
export function servicesSeenBy(mesh: Mesh, clientNamespace: string): readonly Service[] {
  const hosts = [...mesh.index.servicesByHost.keys()].sort();
  return hosts.map((host) => serviceFor(mesh, host, clientNamespace)).filter((service) => service !== undefined);
}

/** Endpoints of one service port, sorted by address; empty when there is no such service or port. */
export function endpointsOf(mesh: Mesh, service: Service, port: number): readonly Endpoint[] {
  return mesh.index.endpoints.get(serviceKey(service))?.ports.get(port) ?? [];
}

/** The ports that services lead to on this workload, ascending. */
export function inboundPortsOf(mesh: Mesh, workload: Workload): readonly InboundPort[] {
  return mesh.index.inboundPorts.get(workloadKey(workload)) ?? [];
}

/** Services that this workload is an endpoint of, oldest first, each once. */
export function servicesOf(mesh: Mesh, workload: Workload): readonly Service[] {
  return [
    ...new Set(inboundPortsOf(mesh, workload).flatMap((port) => port.bindings.map((binding) => binding.service))),
  ];
}

interface ProxiedWorkloads {
  readonly among: Mesh["index"]["workloads"];
  readonly found: readonly Workload[];
}

/** By their keys. */
const proxiedBefore = new WeakMap<readonly WorkloadKey[], ProxiedWorkloads>();

/** Those that have a proxy, sorted by key: `index.proxied`. */
export function proxiedWorkloads({ index }: Mesh): readonly Workload[] {
  const { proxied, workloads } = index;
  const before = proxiedBefore.get(proxied);
  const moved = before && differingKeys(before.among, workloads);
  const isSame = moved?.values().every((key) => workloads.get(key)?.proxy === undefined);
  const found = before && isSame ? before.found : proxied.map((key) => workloads.get(key)!);
  proxiedBefore.set(proxied, { among: workloads, found });
  return found;
}

/** What workloads of a namespace know by this name. */
export function credentialOf(mesh: Mesh, namespace: string, name: string): Credential | undefined {
  return mesh.index.credentials.get(credentialKey(namespace, name));
}

/** Istio's suffix of a Secret with nothing but roots. */
const ROOTS_SUFFIX = "-cacert";

/** Whether there are roots by this name, in a Secret of their own or beside a certificate. */
export function hasRoots(mesh: Mesh, namespace: string, name: string): boolean {
  const base = name.endsWith(ROOTS_SUFFIX) ? name.slice(0, -ROOTS_SUFFIX.length) : name;
  const apart = credentialOf(mesh, namespace, `${base}${ROOTS_SUFFIX}`);
  return (apart?.roots ?? credentialOf(mesh, namespace, base)?.roots) !== undefined;
}

/**
 * The port that a backend means: the one it names, else the service's only port, else the port that the client called.
 * Port names and target ports play no part.
 */
export function targetPort(target: BackendTarget, service: Service | undefined, calledPort: number): number {
  if (target.port !== undefined) return target.port;
  return service?.ports.length === 1 ? service.ports[0]!.number : calledPort;
}

/** The HTTP route that rules requests for `host` by clients of a namespace: exact host first, then the longest wildcard. */
export function httpRouteFor(mesh: Mesh, host: string, clientNamespace: string): HttpRoute | undefined {
  return routeFor(mesh.index.httpRoutes, host, clientNamespace);
}

export function tlsRouteFor(mesh: Mesh, host: string, clientNamespace: string): TlsRoute | undefined {
  return routeFor(mesh.index.tlsRoutes, host, clientNamespace);
}

export function tcpRouteFor(mesh: Mesh, host: string, clientNamespace: string): TcpRoute | undefined {
  return routeFor(mesh.index.tcpRoutes, host, clientNamespace);
}

/** The HTTP route of those that name this very host, as written, for clients of a namespace. */
export function httpRouteAt(mesh: Mesh, host: string, clientNamespace: string): HttpRoute | undefined {
  const candidates = mesh.index.httpRoutes.get(host);
  return candidates && winner(candidates, clientNamespace);
}

function routeFor<R extends Route>(
  routes: ReadonlyMap<string, readonly R[]>,
  host: string,
  clientNamespace: string,
): R | undefined {
  for (const pattern of patternsFor(host)) {
    const candidates = routes.get(pattern);
    const route = candidates && winner(candidates, clientNamespace);
    if (route) return route;
  }
  return undefined;
}

/**
 * Routes of one host are not merged. Private ones of the client's namespace come first, then those exported to it by name,
 * then public ones; in each group the oldest. So a younger private route beats an older public one (Istio's SelectVirtualServices).
 */
function winner<R extends Route>(candidates: readonly R[], clientNamespace: string): R | undefined {
  const visible = candidates.filter((route) => visibleTo(route.visibility, clientNamespace));
  return (
    visible.find((route) => route.namespace === clientNamespace && isPrivate(route.visibility, route.namespace)) ??
    visible.find((route) => route.visibility.kind === "namespaces") ??
    visible[0]
  );
}

/**
 * The policy that a client follows towards a service. Namespaces are asked in order: the client's (of a root namespace only the
 * private policies count there), the service's, the root namespaces; the first with a policy for the host decides, its most
 * specific host wins, and nothing is merged across namespaces.
 */
export function clientPolicyFor(mesh: Mesh, service: Service, client: Client): ClientPolicy | undefined {
  const isRoot = mesh.settings.rootNamespaces.includes(client.namespace);
  const own = mostSpecific(
    mesh,
    client.namespace,
    service.host,
    (policy) => !isRoot || isPrivate(policy.visibility, policy.namespace),
  );
  if (own) return chosen(own, client);
  for (const namespace of [service.namespace, ...mesh.settings.rootNamespaces]) {
    // Visibility is asked after the host: a policy exported to others alone still hides wider ones of its namespace.
    const found =
      mostSpecific(mesh, namespace, service.host, (policy) => !isPrivate(policy.visibility, policy.namespace)) ?? [];
    const visible = found.filter((policy) => visibleTo(policy.visibility, client.namespace));
    if (visible.length > 0) return chosen(visible, client);
  }
  return undefined;
}

function mostSpecific(
  mesh: Mesh,
  namespace: string,
  host: string,
  counts: (policy: ClientPolicy) => boolean,
): readonly ClientPolicy[] | undefined {
  const byHost = mesh.index.clientPolicies.get(namespace);
  if (!byHost) return undefined;
  for (const pattern of patternsFor(host)) {
    const policies = byHost.get(pattern)?.filter(counts) ?? [];
    if (policies.length > 0) return policies;
  }
  return undefined;
}

/** A policy for chosen clients beats those for everybody and holds in its own namespace only; among those for everybody the youngest counts. */
function chosen(policies: readonly ClientPolicy[], client: Client): ClientPolicy | undefined {
  const selecting = policies.find(
    (policy) =>
      policy.clients && policy.namespace === client.namespace && labelsMatch(policy.clients.labels, client.labels),
  );
  return selecting ?? policies.findLast((policy) => !policy.clients);
}

/** What policies choose by. */
type Selected = Pick<Workload, "namespace" | "labels">;

/**
 * What a workload's port demands: the port's mode in the policy that selects the workload, that policy's own, the namespace's,
 * the mesh's, the default. `port` is the application's.
 */
export function mtlsMode(mesh: Mesh, workload: Selected, port: number): MtlsMode {
  return mtlsRuling(mesh, workload, port).mode;
}

/** The mode with the policy that says it; undefined: the mesh's default. */
export function mtlsRuling(
  mesh: Mesh,
  workload: Selected,
  port: number,
): { readonly mode: MtlsMode; readonly policy: ServerPolicy | undefined } {
  const { index, settings } = mesh;
  const selecting = serverPolicyOf(mesh, workload);
  const own = selecting?.ports.find((entry) => entry.port === port)?.mtls ?? selecting?.mtls;
  if (own) return { mode: own, policy: selecting };
  for (const policy of [index.namespaceServerPolicies.get(workload.namespace), index.meshServerPolicy])
    if (policy?.mtls) return { mode: policy.mtls, policy };
  return { mode: settings.defaults.mtls, policy: undefined };
}

/** The oldest policy that selects the workload by its labels. */
export function serverPolicyOf(mesh: Mesh, workload: Selected): ServerPolicy | undefined {
  return mesh.index.workloadServerPolicies.get(workload.namespace)?.first(workload.labels);
}

/** Every policy that the workload is in, in the order its requests are judged by. */
export function authorizationOf(mesh: Mesh, workload: Workload): readonly StageOfWorkload[] {
  return stagesOf(mesh.index.authorizationPolicies.of(workload));
}

/** Whose tokens the workload believes: of every policy that it is in, oldest first. */
export function tokenIssuersOf(mesh: Mesh, workload: Workload): readonly TokenIssuer[] {
  return mesh.index.requestAuthentications.of(workload).flatMap(({ issuers }) => issuers);
}
