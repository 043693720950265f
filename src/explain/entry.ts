// Which listener of which proxy takes the request first.

import { parseAddress } from "../base/cidr.ts";
import { domainsOf, formsOf } from "../compile/domains.ts";
import { headlessAddresses, instancesOf, isHeadless } from "../compile/headless.ts";
import { FORWARD_PROXY, upstreamListenerName } from "../compile/listener-names.ts";
import { type Source, wholeObject } from "../compile/provenance.ts";
import { type BoundServer, openedPorts } from "../model/gateway-ports.ts";
import { hostMatches } from "../model/hosts.ts";
import { inboundPortsOf, servicesSeenBy } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { meshSeenBy } from "../model/scoped-mesh.ts";
import { portByNumber, type Service } from "../model/service.ts";
import { upstreamHost } from "../model/upstream.ts";
import type { Workload, WorkloadProxy } from "../model/workload.ts";
import { listenerName, VIRTUAL_OUTBOUND } from "../xds/names.ts";
import { addressLabel } from "./connection.ts";
import type { ProxyTables } from "./proxy-tables.ts";
import { hostOfUrl, portOfUrl, type Question } from "./question.ts";
import type { Story } from "./story.ts";

export interface Entry {
  /** Name of the listener. */
  readonly listener: string;
  /** As the client dials it. */
  readonly destination: { readonly address: string; readonly port: number };
  /** That a captured client calls; undefined: none, or HTTP says which. */
  readonly service: Service | undefined;
  /** Of a gateway's port. */
  readonly servers: readonly BoundServer[];
  /** What opened the gateway's port for the host. */
  readonly by: Source | undefined;
}

const NOBODY = { service: undefined, servers: [], by: undefined } as const;

const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "::1"]);
const UNKNOWN_ADDRESS = "0.0.0.0";

/** The service that a name or an address means to a client. */
export function calledService(mesh: Mesh, namespace: string, host: string): Service | undefined {
  const { clusterDomain } = mesh.settings;
  const name = host.toLowerCase();
  return servicesSeenBy(mesh, namespace).find((service) => domainsOf(service, namespace, clusterDomain).includes(name));
}

/** An endpoint of a headless service, by its own name under the service's. */
function instanceOf(mesh: Mesh, namespace: string, host: string): Called | undefined {
  const dot = host.indexOf(".");
  const service = dot < 0 ? undefined : calledService(mesh, namespace, host.slice(dot + 1));
  if (!service || !isHeadless(service)) return undefined;
  const name = host.slice(0, dot).toLowerCase();
  const address = instancesOf(mesh, service).find(([instance]) => instance === name)?.[1][0];
  return address === undefined ? undefined : { service, address };
}

interface Called {
  readonly service: Service | undefined;
  readonly address: string;
}

/** The address that the client's resolver gives for the host; `0.0.0.0` where only the world's DNS knows. */
function addressOf(mesh: Mesh, service: Service | undefined, host: string): string {
  if (parseAddress(host)) return host;
  const virtual = service?.addresses.find((address) => !address.includes("/"));
  if (virtual !== undefined) return virtual;
  return (service && isHeadless(service) ? headlessAddresses(mesh, service)[0] : undefined) ?? UNKNOWN_ADDRESS;
}

/** Undefined: no proxy sees the request. */
export function enter(mesh: Mesh, tables: ProxyTables, question: Question, story: Story): Entry | undefined {
  const { kind, workload } = question.entry;
  const { proxy } = workload;
  if (!proxy) return undefined;
  return kind === "gateway"
    ? enterGateway(mesh, workload, proxy, question, story)
    : enterSidecar(mesh, tables, workload, proxy, question, story);
}

function own({ origin }: Workload): Source {
  return wholeObject(origin);
}

function enterSidecar(
  mesh: Mesh,
  tables: ProxyTables,
  workload: Workload,
  proxy: WorkloadProxy,
  { url }: Question,
  story: Story,
): Entry | undefined {
  const host = hostOfUrl(url);
  const port = portOfUrl(url);
  const seen = meshSeenBy(mesh, workload).called;
  tellHidden({ mesh, seen }, workload, { host, port }, story);
  tellAlias(seen, workload.namespace, host, story);
  if (LOOPBACK.has(host) && proxy.upstreams.some((upstream) => upstream.port === port)) {
    story.tell("capture", `local port ${port} stands for an upstream`, own(workload));
    return { listener: upstreamListenerName(port), destination: { address: "127.0.0.1", port }, ...NOBODY };
  }
  if (proxy.capture) return enterCaptured(seen, tables, workload, proxy.capture, { host, port }, story);
  if (proxy.forwardProxyPort !== undefined) {
    const destination = { address: "127.0.0.1", port: proxy.forwardProxyPort };
    story.tell("capture", `the client honours http_proxy: 127.0.0.1:${proxy.forwardProxyPort}`, own(workload));
    return { listener: FORWARD_PROXY, destination, ...NOBODY };
  }
  story.tell("capture", "nothing leads the request to the workload's proxy", own(workload));
  return undefined;
}

/** A host that is another name of the service. */
function tellAlias(mesh: Mesh, namespace: string, host: string, story: Story): void {
  const { aliases = [], host: target = "" } = calledService(mesh, namespace, host) ?? {};
  const { clusterDomain } = mesh.settings;
  const alias = aliases.find((one) => formsOf(one, namespace, clusterDomain).includes(host.toLowerCase()));
  if (alias) story.tell("capture", `${host} is another name of ${target}`, alias);
}

/** A service that the workload's scope leaves out is any host outside of the mesh to it. */
function tellHidden(
  { mesh, seen }: { readonly mesh: Mesh; readonly seen: Mesh },
  workload: Workload,
  { host, port }: { readonly host: string; readonly port: number },
  story: Story,
): void {
  const scope = mesh.index.proxyScopes.of(workload);
  const upstream = LOOPBACK.has(host) ? workload.proxy?.upstreams.find((each) => each.port === port) : undefined;
  const name = upstream ? upstreamHost(mesh, upstream, workload.namespace) : host;
  const service = calledService(mesh, workload.namespace, name);
  const known = calledService(seen, workload.namespace, name);
  const called = upstream?.servicePort ?? port;
  if (!scope || !service || (known && (portByNumber(known, called) || !portByNumber(service, called)))) return;
  const what = known ? `port ${called} of ${service.host}` : service.host;
  story.tell(
    "scope",
    `the workload is told nothing of ${what}`,
    { origin: scope.origin, path: "spec.egress" },
    {
      decision: `${service.name} of namespace ${service.namespace}, which is exported to it`,
      by: wholeObject(service.origin),
    },
  );
}

/** A name that its client resolves to several endpoints. */
function tellChoice(
  mesh: Mesh,
  service: Service,
  { host, address }: { readonly host: string; readonly address: string },
  story: Story,
): void {
  const count = headlessAddresses(mesh, service).length;
  if (count < 2) return;
  const told = `${host} stands for ${count} endpoints: whichever the client dials gets the request, here ${address}`;
  story.tell("capture", told, wholeObject(service.origin));
}

function enterCaptured(
  mesh: Mesh,
  tables: ProxyTables,
  workload: Workload,
  { outboundPort }: NonNullable<WorkloadProxy["capture"]>,
  { host, port }: { readonly host: string; readonly port: number },
  story: Story,
): Entry {
  const named = calledService(mesh, workload.namespace, host);
  const { service, address } = (named ? undefined : instanceOf(mesh, workload.namespace, host)) ?? {
    service: named,
    address: addressOf(mesh, named, host),
  };
  if (named && isHeadless(named)) tellChoice(mesh, named, { host, address }, story);
  const where =
    address === UNKNOWN_ADDRESS
      ? `${host}:${port}, whose address the mesh does not know,`
      : addressLabel(address, port);
  story.tell("capture", `the connection to ${where} is redirected to port ${outboundPort} of the proxy`, own(workload));
  const names = [listenerName({ address, port }), listenerName({ address: "0.0.0.0", port })];
  const known = new Set(tables.listenerNames());
  const listener = names.find((name) => known.has(name)) ?? VIRTUAL_OUTBOUND;
  return { listener, destination: { address, port }, service, servers: [], by: undefined };
}

function enterGateway(
  mesh: Mesh,
  workload: Workload,
  proxy: WorkloadProxy,
  { url }: Question,
  story: Story,
): Entry | undefined {
  const port = portOfUrl(url);
  const { ports } = openedPorts(mesh, workload);
  // Who calls port 80 of its Service is led to 8080, which a Gateway may name as well: Istio's Bookinfo does.
  const led = inboundPortsOf(mesh, workload).find(({ bindings }) => bindings.some((at) => at.port.number === port));
  const open =
    ports.find(({ servers }) => servers.some(({ server }) => server.port === port)) ??
    ports.find(({ number }) => number === led?.number) ??
    ports.find(({ number }) => number === port);
  if (!open) {
    const others = new Set(ports.flatMap(({ servers }) => servers.map(({ server }) => server.port || server.bind)));
    const known = [...others].join(", ") || "none";
    story.tell("capture", `the gateway does not listen on port ${port}; it does on ${known}`, own(workload));
    return undefined;
  }
  const address = open.bind ?? proxy.bindAddress;
  const host = hostOfUrl(url).toLowerCase();
  const opener =
    open.servers.find(({ server }) => server.hosts.some((at) => at.host === host || hostMatches(at.host, host))) ??
    open.servers[0];
  const by = opener && { origin: opener.gateway.origin, path: opener.server.path };
  story.tell("capture", `the gateway ${workload.namespace}/${workload.name} listens on port ${open.number}`, by);
  return {
    listener: listenerName({ address, port: open.number }),
    destination: { address: workload.addresses[0] ?? address, port: open.number },
    service: undefined,
    servers: open.servers,
    by,
  };
}
