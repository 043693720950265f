// Service → a service of the mesh.

import { parseAddress } from "../../base/cidr.ts";
import type { Service, ServicePort } from "../../model/service.ts";
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

type PortValue = NonNullable<ServiceValue["spec"]["ports"]>[number];

/** A headless Service has no address of its own: clients dial an endpoint, so the address they dialled is kept. */
export function readService(object: SourceObject, settings: MeshSettings, reporter: Reporter): Service | undefined {
  const spec = decodeObject(SCHEMAS.Service, object, reporter)?.spec;
  if (!spec) return undefined;
  const { origin, createdAt, annotations } = object;
  const { namespace, name } = origin;
  if (spec.type === "ExternalName") {
    reporter.report("spec.type", diagnostics.externalName(name));
    return undefined;
  }
  const addresses = (spec.clusterIPs ?? [spec.clusterIP ?? ""]).filter(
    (address) => address !== "" && address !== "None",
  );
  for (const [path, address] of writtenAddresses(spec))
    if (address !== "" && address !== "None" && !parseAddress(address))
      reporter.report(path, badAddress(path.slice("spec.".length), address, "IP address or None"));
  const unheard = unknownPreference(annotations, spec.trafficDistribution);
  if (unheard)
    reporter.report(unheard.path, diagnostics.unknownTrafficDistribution(unheard.value, TRAFFIC_DISTRIBUTIONS));
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
    ports: (spec.ports ?? [])
      .flatMap((port, i) => readPort(port, `spec.ports[${i}]`, reporter) ?? [])
      .sort((a, b) => a.number - b.number),
    location: "mesh",
    resolution: isHeadless ? "passthrough" : "endpoints",
    selector,
    visibility: visibilityOf(exportTo, namespace, settings.defaults.visibility.services),
    ...preferenceOf(annotations, spec.trafficDistribution),
    ...(spec.internalTrafficPolicy === "Local" ? { nodeLocal: true } : {}),
  };
}

function writtenAddresses({ clusterIP = "", clusterIPs = [] }: ServiceValue["spec"]): readonly [string, string][] {
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
