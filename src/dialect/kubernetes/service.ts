// Service → a service of the mesh.

import { parseAddress } from "../../base/cidr.ts";
import type { Service, ServiceAlias, ServicePort } from "../../model/service.ts";
import type { MeshSettings } from "../../model/settings.ts";
import { decodeObject } from "../decode.ts";
import { badAddress } from "../diagnostics.ts";
import { visibilityOf } from "../export-to.ts";
import type { SourceObject } from "../object.ts";
import type { Reporter } from "../reporter.ts";
import { preferenceOf, TRAFFIC_DISTRIBUTIONS, unknownPreference } from "../traffic-distribution.ts";
import * as diagnostics from "./diagnostics.ts";
import { SCHEMAS, type ServiceValue } from "./kinds.ts";
import { serviceHost } from "./names.ts";
import { portProtocol } from "./protocol.ts";

type ServiceSpec = ServiceValue["spec"];
type PortValue = NonNullable<ServiceSpec["ports"]>[number];

/** A Service of its own, or a further name of another's. */
export type ServicePart =
  | { readonly kind: "service"; readonly service: Service }
  | { readonly kind: "alias"; readonly alias: ServiceAlias };

export function readService(object: SourceObject, settings: MeshSettings, reporter: Reporter): ServicePart | undefined {
  const spec = decodeObject(SCHEMAS.Service, object, reporter)?.spec;
  if (!spec) return undefined;
  if (spec.type !== "ExternalName") return { kind: "service", service: serviceOf(object, spec, settings, reporter) };
  const alias = aliasOf(object, spec, settings, reporter);
  return alias && { kind: "alias", alias };
}

const TARGET = "spec.externalName";

/** Istio's ENABLE_EXTERNAL_NAME_ALIAS, which is on. Ports are none of a name's. */
function aliasOf(
  { origin, createdAt }: SourceObject,
  spec: ServiceSpec,
  settings: MeshSettings,
  reporter: Reporter,
): ServiceAlias | undefined {
  const { namespace, name } = origin;
  const { externalName = "" } = spec;
  const target = externalName.toLowerCase().replace(/\.$/, "");
  if (!isDnsName(target)) {
    reporter.report(externalName === "" ? "spec" : TARGET, diagnostics.noExternalName(externalName));
    return undefined;
  }
  const host = serviceHost(name, namespace, settings.clusterDomain);
  return { origin, createdAt, host, namespace, name, target, path: TARGET, ports: portsOf(spec, reporter) };
}

/** As Kubernetes' API server checks it (RFC 1123, subdomain). */
function isDnsName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(text);
}

/** A headless Service has no address of its own: clients dial an endpoint, so the address they dialled is kept. */
function serviceOf(object: SourceObject, spec: ServiceSpec, settings: MeshSettings, reporter: Reporter): Service {
  const { origin, createdAt, annotations } = object;
  const { namespace, name } = origin;
  const addresses = (spec.clusterIPs ?? [spec.clusterIP ?? ""]).filter(
    (address) => address !== "" && address !== "None",
  );
  for (const [path, address] of writtenAddresses(spec))
    if (address !== "" && address !== "None" && !parseAddress(address))
      reporter.report(path, badAddress(path.slice("spec.".length), address, "IP address or None"));
  const unheard = unknownPreference(annotations, spec.trafficDistribution);
  if (unheard)
    reporter.report(unheard.path, diagnostics.unknownTrafficDistribution(unheard.value, TRAFFIC_DISTRIBUTIONS));
  if (spec.sessionAffinity === "ClientIP") reporter.report("spec.sessionAffinity", diagnostics.sessionAffinity());
  const isHeadless = spec.clusterIP === "None" || spec.clusterIPs?.includes("None");
  const selector = Object.keys(spec.selector ?? {}).length > 0 ? { namespace, labels: spec.selector! } : undefined;
  const exportTo = annotations["networking.istio.io/exportTo"]?.split(",").map((entry) => entry.trim());
  return {
    origin,
    createdAt,
    host: serviceHost(name, namespace, settings.clusterDomain),
    namespace,
    name,
    addresses,
    ports: portsOf(spec, reporter),
    location: "mesh",
    resolution: isHeadless ? "passthrough" : "endpoints",
    selector,
    visibility: visibilityOf(exportTo, namespace, settings.defaults.visibility.services),
    ...preferenceOf(annotations, spec.trafficDistribution),
    ...(spec.internalTrafficPolicy === "Local" ? { nodeLocal: true } : {}),
    ...(spec.publishNotReadyAddresses ? { publishesUnready: true } : {}),
  };
}

/** Of one number TCP comes before UDP, as what proxies route (DNS has both). */
function portsOf({ ports = [] }: ServiceSpec, reporter: Reporter): readonly ServicePort[] {
  return ports
    .flatMap((port, i) => readPort(port, `spec.ports[${i}]`, reporter) ?? [])
    .sort((a, b) => a.number - b.number || Number(a.protocol === "udp") - Number(b.protocol === "udp"));
}

function writtenAddresses({ clusterIP = "", clusterIPs = [] }: ServiceSpec): readonly [string, string][] {
  return [
    ["spec.clusterIP", clusterIP],
    ...clusterIPs.map((address, i): [string, string] => [`spec.clusterIPs[${i}]`, address]),
  ];
}

function readPort(port: PortValue, path: string, reporter: Reporter): ServicePort | undefined {
  if (port.protocol === "SCTP") {
    reporter.report(`${path}.protocol`, diagnostics.transportNotSupported("SCTP"));
    return undefined;
  }
  return { number: port.port, name: port.name ?? "", protocol: portProtocol(port), target: port.targetPort };
}
