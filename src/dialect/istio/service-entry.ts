// ServiceEntry → services that the platform does not know, with their endpoints.

import { parseAddress } from "../../base/cidr.ts";
import type { EndpointList, ListedEndpoint } from "../../model/endpoint.ts";
import { serviceAccountIdentity } from "../../model/identity.ts";
import { PROTOCOLS, type Protocol } from "../../model/protocol.ts";
import { type Resolution, type Service, type ServicePort, serviceKey } from "../../model/service.ts";
import type { Locality } from "../../model/workload.ts";
import { decodeObject } from "../decode.ts";
import { visibilityOf } from "../export-to.ts";
import { hostProblem } from "../formats.ts";
import * as diagnostics from "./diagnostics.ts";
import { resolveHost } from "./names.ts";
import type { Reading } from "./reading.ts";
import { type EndpointSpec, SERVICE_ENTRY, type ServiceEntrySpec } from "./service-entry-schema.ts";

export interface ServiceEntryParts {
  readonly services: readonly Service[];
  readonly endpointLists: readonly EndpointList[];
}

/** NONE is the default: traffic goes where the client dialled. DYNAMIC_DNS was refused before this is asked. */
const RESOLUTIONS: Readonly<Record<string, Resolution>> = {
  NONE: "passthrough",
  STATIC: "endpoints",
  DNS: "dns",
  DNS_ROUND_ROBIN: "dns-round-robin",
};

/** One service for each host. */
export function readServiceEntry(reading: Reading): ServiceEntryParts | undefined {
  const { object, origin, namespace, settings, reporter } = reading;
  const spec = decodeObject(SERVICE_ENTRY, object, reporter)?.spec;
  if (!spec) return undefined;
  checkResolution(spec, reading);
  const ports = readPorts(spec, reading);
  const endpoints = (spec.endpoints ?? []).map((endpoint, i) =>
    readEndpoint(endpoint, `spec.endpoints[${i}]`, ports, spec, reading),
  );
  const services = spec.hosts.map((written): Service => {
    const host = resolveHost(written, namespace, settings.clusterDomain);
    return {
      origin,
      createdAt: object.createdAt,
      host,
      namespace,
      name: host,
      addresses: spec.addresses ?? [],
      ports,
      location: spec.location === "MESH_INTERNAL" ? "mesh" : "external",
      resolution: RESOLUTIONS[spec.resolution ?? "NONE"] ?? "passthrough",
      selector: spec.workloadSelector && { namespace, labels: spec.workloadSelector.labels ?? {} },
      subjectAltNames: spec.subjectAltNames,
      visibility: visibilityOf(spec.exportTo, namespace, settings.defaults.visibility.services),
    };
  });
  return { services, endpointLists: services.flatMap((service) => listsOf(service, endpoints, reading)) };
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

function checkResolution(spec: ServiceEntrySpec, { reporter }: Reading): void {
  const resolution = spec.resolution ?? "NONE";
  const endpoints = spec.endpoints ?? [];
  if (resolution === "DYNAMIC_DNS") reporter.report("spec.resolution", diagnostics.resolutionNotSupported(resolution));
  if (endpoints.length > 0 && spec.workloadSelector)
    reporter.report("spec.workloadSelector", diagnostics.endpointsAndSelector());
  if (resolution === "NONE" && endpoints.length > 0)
    reporter.report("spec.endpoints", diagnostics.endpointsNotAllowed(resolution));
  if (resolution === "STATIC" && endpoints.length === 0 && !spec.workloadSelector)
    reporter.report("spec.resolution", diagnostics.endpointsMissing());
  if (resolution.startsWith("DNS")) {
    for (const [i, host] of spec.hosts.entries()) {
      if (host.startsWith("*") && endpoints.length === 0)
        reporter.report(`spec.hosts[${i}]`, diagnostics.dnsOfWildcard(host));
    }
    for (const [i, address] of (spec.addresses ?? []).entries()) {
      if (address.includes("/")) reporter.report(`spec.addresses[${i}]`, diagnostics.rangeWithEndpoints(address));
    }
  }
}

/** A port that fails is kept, so that endpoints can be checked against all names; the object is refused anyway. */
function readPorts(spec: ServiceEntrySpec, { reporter }: Reading): readonly ServicePort[] {
  const ports = (spec.ports ?? []).map((port, i): ServicePort => {
    const path = `spec.ports[${i}]`;
    const earlier = spec.ports!.slice(0, i);
    if (earlier.some((other) => other.number === port.number))
      reporter.report(`${path}.number`, diagnostics.duplicatePort(`number ${port.number}`));
    if (earlier.some((other) => other.name === port.name))
      reporter.report(`${path}.name`, diagnostics.duplicatePort(`name ${port.name}`));
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
): ListedEndpoint {
  const { namespace, settings, reporter } = reading;
  checkAddress(spec.address, `${path}.address`, entry.resolution ?? "NONE", reading);
  const names = ports.map((port) => port.name);
  for (const name of Object.keys(spec.ports ?? {})) {
    if (!names.includes(name))
      reporter.report(`${path}.ports.${name}`, { ...diagnostics.unknownEndpointPort(name, names), part: "name" });
  }
  const targets = ports.map(
    ({ name, number, target }) => [name, spec.ports?.[name] ?? (typeof target === "number" ? target : number)] as const,
  );
  const [region = "", zone = "", subzone = ""] = spec.locality?.split("/") ?? [];
  return {
    address: spec.address,
    ports: Object.fromEntries(targets),
    health: "healthy",
    weight: spec.weight || 1,
    locality: { region, zone, subzone },
    cluster: settings.cluster,
    network: spec.network ?? "",
    labels: spec.labels ?? {},
    identity:
      spec.serviceAccount === undefined
        ? undefined
        : serviceAccountIdentity(settings.trustDomain, namespace, spec.serviceAccount),
  };
}

/** With STATIC nothing is ever looked up, so a name could not become an address. */
function checkAddress(address: string, path: string, resolution: string, { reporter }: Reading): void {
  if (address.startsWith("unix://")) reporter.report(path, diagnostics.unixAddress(address));
  else if (!parseAddress(address) && (resolution === "STATIC" || hostProblem(address) !== undefined)) {
    reporter.report(path, diagnostics.endpointAddress(address, resolution));
  }
}
