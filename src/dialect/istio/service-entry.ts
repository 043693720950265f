// ServiceEntry → services that the platform does not know, with their endpoints.

import { parseAddress } from "../../base/cidr.ts";
import { type EndpointList, isUnixAddress, type ListedEndpoint } from "../../model/endpoint.ts";
import { entryVisibility } from "../../model/entry-visibility.ts";
import { serviceAccountIdentity } from "../../model/identity.ts";
import { file } from "../../model/label-index.ts";
import { isHttp, isTls, PROTOCOLS, type Protocol } from "../../model/protocol.ts";
import { type Resolution, type Service, type ServicePort, serviceKey } from "../../model/service.ts";
import type { Locality } from "../../model/workload.ts";
import { decodeObject } from "../decode.ts";
import { visibilityOf } from "../export-to.ts";
import { hostProblem } from "../formats.ts";
import { unknownTrafficDistribution } from "../kubernetes/diagnostics.ts";
import type { Reporter } from "../reporter.ts";
import { preferenceOf, TRAFFIC_DISTRIBUTIONS, unknownPreference } from "../traffic-distribution.ts";
import type { Entered } from "./auto-addresses.ts";
import * as diagnostics from "./diagnostics.ts";
import { checkExportTo } from "./export-to.ts";
import { resolveHost } from "./names.ts";
import { multipliesTo } from "./products.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import { checkSelector } from "./selector.ts";
import {
  type EndpointSpec,
  SERVICE_ENTRY,
  type ServiceEntrySpec,
  type ServiceEntryValue,
} from "./service-entry-schema.ts";
import { checkUnixAddress, localityOf, takesMutualTls } from "./workload-address.ts";
import * as workloadDiagnostics from "./workload-diagnostics.ts";

export interface ServiceEntryParts extends Entered {
  readonly endpointLists: readonly EndpointList[];
}

/** NONE is the default: traffic goes where the client dialled. */
const RESOLUTIONS: Readonly<Record<string, Resolution>> = {
  NONE: "passthrough",
  STATIC: "endpoints",
  DNS: "dns",
  DNS_ROUND_ROBIN: "dns-round-robin",
  DYNAMIC_DNS: "dynamic-dns",
};

/** One service for each host. */
export function readServiceEntry(reading: Reading): ServiceEntryParts | undefined {
  const { object, origin, namespace, settings, reporter } = reading;
  const entry = decodeObject(SERVICE_ENTRY, object, reporter);
  if (!entry) return undefined;
  const { spec } = entry;
  if (isTooMuch(spec, reading)) return undefined;
  checkExportTo(spec.exportTo, reading);
  checkHosts(spec, reading);
  checkResolution(spec, reading);
  const unheard = unknownPreference(object.annotations, undefined);
  if (unheard) reporter.report(unheard.path, unknownTrafficDistribution(unheard.value, TRAFFIC_DISTRIBUTIONS));
  const ports = readPorts(spec, reading);
  const endpoints = (spec.endpoints ?? []).flatMap(
    (endpoint, i) => readEndpoint(endpoint, `spec.endpoints[${i}]`, ports, spec, reading) ?? [],
  );
  const given = givenAddresses(entry);
  const services = spec.hosts.map((written): Service => {
    const host = resolveHost(written, namespace, settings.clusterDomain);
    return {
      origin,
      createdAt: object.createdAt,
      host,
      namespace,
      name: host,
      addresses: spec.addresses?.length ? spec.addresses.map(addressOfRange) : (given.get(written) ?? []),
      ports,
      location: spec.location === "MESH_INTERNAL" ? "mesh" : "external",
      resolution: RESOLUTIONS[spec.resolution ?? "NONE"] ?? "passthrough",
      selector: spec.workloadSelector && { namespace, labels: spec.workloadSelector.labels ?? {} },
      subjectAltNames: spec.subjectAltNames,
      visibility: entryVisibility(
        settings.entryVisibility,
        visibilityOf(spec.exportTo, namespace, settings.defaults.visibility.services),
        namespace,
      ),
      ...preferenceOf(object.annotations, undefined),
    };
  });
  const unaddressed = new Set(services.filter((service) => wantsAddress(service, object.labels)));
  return { services, unaddressed, endpointLists: services.flatMap((service) => listsOf(service, endpoints, reading)) };
}

/** A range of one address is that address, and is called by it. */
function addressOfRange(range: string): string {
  const [address = "", bits] = range.split("/");
  return bits === (address.includes(":") ? "128" : "32") ? address : range;
}

/** Each host is a service, with all ports and endpoints, at all addresses, and known in each namespace. */
function isTooMuch(
  { hosts, ports = [], endpoints = [], addresses = [], exportTo = [] }: ServiceEntrySpec,
  { reporter }: Reading,
): boolean {
  const each = { hosts: hosts.length, ports: ports.length };
  return (
    multipliesTo({ ...each, endpoints: endpoints.length }, reporter) ||
    multipliesTo({ ...each, addresses: addresses.length }, reporter) ||
    multipliesTo({ hosts: hosts.length, "namespaces in exportTo": exportTo.length }, reporter)
  );
}

/** What istiod assigned, by host as written, of an object that was brought from a cluster of it. */
function givenAddresses({ spec, status }: ServiceEntryValue): ReadonlyMap<string, readonly string[]> {
  const given = new Map<string, string[]>();
  for (const { host = spec.hosts[0]!, value = "" } of status?.addresses ?? [])
    if (parseAddress(value)) file(given, host, value);
  return given;
}

/** Where the address that the client dialled is kept, an invented one would lead nowhere; and a wildcard stands for many. */
function wantsAddress({ addresses, resolution, host }: Service, labels: Readonly<Record<string, string>>): boolean {
  if (addresses.length > 0 || host.startsWith("*") || parseAddress(host)) return false;
  return (
    resolution !== "passthrough" &&
    resolution !== "dynamic-dns" &&
    labels["networking.istio.io/enable-autoallocate-ip"] !== "false"
  );
}

/** With DNS and no endpoints the host itself is looked up. */
function listsOf(
  service: Service,
  endpoints: readonly ListedEndpoint[],
  { origin, settings }: Reading,
): readonly EndpointList[] {
  const list = (listed: readonly ListedEndpoint[]): readonly EndpointList[] => [
    { service: serviceKey(service), endpoints: listed, origin },
  ];
  if (endpoints.length > 0) return list(endpoints);
  if (service.selector || !service.resolution.startsWith("dns")) return [];
  const ports = Object.fromEntries(
    service.ports.map((port) => [port.name, typeof port.target === "number" ? port.target : port.number]),
  );
  return list([
    {
      address: service.host,
      ports,
      health: "healthy",
      weight: 1,
      locality: NOWHERE,
      cluster: settings.cluster,
      network: "",
      labels: {},
    },
  ]);
}

/** DNS says nothing of zones. */
const NOWHERE: Locality = { region: "", zone: "", subzone: "" };

function checkHosts({ hosts, ports = [], resolution = "NONE" }: ServiceEntrySpec, { reporter }: Reading): void {
  if (hosts.length === 0) reporter.report("spec.hosts", refusals.saysNothing("hosts", "hosts: [api.example.com]"));
  for (const [i, host] of hosts.entries())
    if (/^\*[^.]/.test(host)) reporter.report(`spec.hosts[${i}]`, refusals.halfWildcard(host));
  if (hosts.length < 2 || resolution === "NONE") return;
  for (const [i, { number, protocol = "" }] of ports.entries()) {
    const read = protocolOf(protocol);
    if (read && !isHttp(read) && !isTls(read)) reporter.report(`spec.ports[${i}]`, refusals.hostsOfBytes(`${number}`));
  }
}

function checkResolution(spec: ServiceEntrySpec, { reporter }: Reading): void {
  const resolution = spec.resolution ?? "NONE";
  const endpoints = spec.endpoints ?? [];
  if (resolution === "DYNAMIC_DNS") checkDynamic(spec, reporter);
  if (endpoints.length > 0 && spec.workloadSelector)
    reporter.report("spec.workloadSelector", diagnostics.endpointsAndSelector());
  checkSelector(spec.workloadSelector && (spec.workloadSelector.labels ?? {}), "spec.workloadSelector", reporter);
  if (resolution === "NONE" && spec.workloadSelector)
    reporter.report("spec.workloadSelector", refusals.selectorOfNone());
  if (resolution === "NONE" && endpoints.length > 0)
    reporter.report("spec.endpoints", diagnostics.endpointsNotAllowed(resolution));
  const sockets = endpoints.filter(({ address = "" }) => isUnixAddress(address));
  if (sockets.length > 0 && (spec.ports ?? []).length !== 1)
    reporter.report("spec.ports", workloadDiagnostics.unixServicePorts((spec.ports ?? []).length));
  if (resolution === "STATIC" && endpoints.length === 0 && !spec.workloadSelector)
    reporter.report("spec.resolution", diagnostics.endpointsMissing());
  for (const [i, host] of spec.hosts.entries())
    if (host === "*") reporter.report(`spec.hosts[${i}]`, workloadDiagnostics.everyHost());
  if (resolution === "DNS_ROUND_ROBIN" && endpoints.length > 1)
    reporter.report("spec.endpoints", workloadDiagnostics.onlyOneEndpoint(endpoints.length));
  if (resolution.startsWith("DNS")) {
    for (const [i, host] of spec.hosts.entries()) {
      if (host.startsWith("*") && endpoints.length === 0)
        reporter.report(`spec.hosts[${i}]`, diagnostics.dnsOfWildcard(host));
    }
    for (const [i, address] of (spec.addresses ?? []).entries()) {
      if (addressOfRange(address).includes("/"))
        reporter.report(`spec.addresses[${i}]`, diagnostics.rangeWithEndpoints(address));
    }
  }
}

/** Who is called is told by each request: nothing else may say it, and a protocol must show it. */
function checkDynamic(
  { hosts, addresses, endpoints, workloadSelector, ports }: ServiceEntrySpec,
  reporter: Reporter,
): void {
  for (const [i, host] of hosts.entries())
    if (!host.startsWith("*")) reporter.report(`spec.hosts[${i}]`, workloadDiagnostics.dynamicHost(host));
  for (const [field, value] of Object.entries({ addresses, endpoints, workloadSelector }))
    if (value !== undefined && (!Array.isArray(value) || value.length > 0))
      reporter.report(`spec.${field}`, workloadDiagnostics.dynamicEndpoints(field));
  for (const [i, { protocol = "" }] of (ports ?? []).entries()) {
    const read = protocolOf(protocol);
    if (read && !isHttp(read) && !isTls(read))
      reporter.report(`spec.ports[${i}].protocol`, workloadDiagnostics.dynamicProtocol(protocol || "none"));
  }
}

/** A port that fails is kept, so that endpoints can be checked against all names; the object is refused anyway. */
function readPorts(spec: ServiceEntrySpec, { reporter }: Reading): readonly ServicePort[] {
  const numbers = new Set<number>();
  const names = new Set<string>();
  const ports = (spec.ports ?? []).map((port, i): ServicePort => {
    const path = `spec.ports[${i}]`;
    if (numbers.has(port.number)) reporter.report(`${path}.number`, diagnostics.duplicatePort(`number ${port.number}`));
    if (names.has(port.name)) reporter.report(`${path}.name`, diagnostics.duplicatePort(`name ${port.name}`));
    numbers.add(port.number);
    names.add(port.name);
    const protocol = protocolOf(port.protocol ?? "");
    if (!protocol)
      reporter.report(`${path}.protocol`, diagnostics.unsupportedProtocol(port.protocol ?? "", PROTOCOL_NAMES));
    return { number: port.number, name: port.name, protocol: protocol ?? "undeclared", target: port.targetPort };
  });
  return ports.sort((a, b) => a.number - b.number);
}

const PROTOCOL_NAMES = PROTOCOLS.filter((protocol) => protocol !== "undeclared").map((protocol) =>
  protocol.toUpperCase(),
);

/** Not said: looked at. */
function protocolOf(text: string): Protocol | undefined {
  if (text === "") return "undeclared";
  const name = text.toLowerCase();
  return PROTOCOLS.find((protocol) => protocol === name && protocol !== "undeclared");
}

function readEndpoint(
  spec: EndpointSpec,
  path: string,
  ports: readonly ServicePort[],
  entry: ServiceEntrySpec,
  reading: Reading,
): ListedEndpoint | undefined {
  const { namespace, settings, reporter } = reading;
  const { address, network } = spec;
  if (address === undefined) {
    if (network && entry.resolution === "STATIC")
      reporter.report(`${path}.network`, workloadDiagnostics.networkAlone(network));
    else reporter.report(path, workloadDiagnostics.addressMissing());
    return undefined;
  }
  checkAddress(address, spec, path, entry.resolution ?? "NONE", reading);
  const names = new Set(ports.map((port) => port.name));
  for (const name of Object.keys(spec.ports ?? {})) {
    if (reporter.isFull) break;
    if (!names.has(name))
      reporter.report(`${path}.ports.${name}`, { ...diagnostics.unknownEndpointPort(name, [...names]), part: "name" });
  }
  const targets = ports.map(
    ({ name, number, target }) => [name, spec.ports?.[name] ?? (typeof target === "number" ? target : number)] as const,
  );
  return {
    address,
    ports: Object.fromEntries(targets),
    health: "healthy",
    weight: spec.weight || 1,
    locality: localityOf(spec.locality ?? ""),
    cluster: settings.cluster,
    network: spec.network ?? "",
    labels: spec.labels ?? {},
    identity: spec.serviceAccount
      ? serviceAccountIdentity(settings.trustDomain, namespace, spec.serviceAccount)
      : undefined,
    takesMutualTls: takesMutualTls(spec.labels ?? {}, spec.serviceAccount, `${path}.labels`, reporter) || undefined,
  };
}

/** With STATIC nothing is ever looked up, so a name could not become an address; and Envoy looks up no sockets. */
function checkAddress(
  address: string,
  { ports }: EndpointSpec,
  path: string,
  resolution: string,
  { reporter }: Reading,
): void {
  if (isUnixAddress(address) && resolution === "STATIC") checkUnixAddress(address, ports, `${path}.address`, reporter);
  else if (!parseAddress(address) && (resolution === "STATIC" || hostProblem(address) !== undefined))
    reporter.report(`${path}.address`, diagnostics.endpointAddress(address, resolution));
}
