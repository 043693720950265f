// EndpointSlice → endpoints listed for a Service.

import { parseAddress } from "../../base/cidr.ts";
import type { EndpointList, ListedEndpoint } from "../../model/endpoint.ts";
import type { MeshSettings } from "../../model/settings.ts";
import { type Health, workloadKey } from "../../model/workload.ts";
import { decodeObject } from "../decode.ts";
import { badAddress } from "../diagnostics.ts";
import type { SourceObject } from "../object.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./diagnostics.ts";
import { type EndpointSliceValue, SCHEMAS } from "./kinds.ts";
import { keyOfService } from "./names.ts";

type EndpointValue = NonNullable<EndpointSliceValue["endpoints"]>[number];

export function readEndpointSlice(
  object: SourceObject,
  settings: MeshSettings,
  reporter: Reporter,
): EndpointList | undefined {
  const slice = decodeObject(SCHEMAS.EndpointSlice, object, reporter);
  if (!slice) return undefined;
  const service = object.labels["kubernetes.io/service-name"];
  if (!service) {
    reporter.report("metadata.labels", diagnostics.sliceWithoutService());
    return undefined;
  }
  if (slice.addressType === "FQDN") {
    reporter.report("addressType", diagnostics.namedEndpoints());
    return undefined;
  }
  const ports = Object.fromEntries(
    (slice.ports ?? []).flatMap(({ name = "", port }) => (port === undefined ? [] : [[name, port]])),
  );
  return {
    service: keyOfService(service, object.origin.namespace, settings.clusterDomain),
    endpoints: (slice.endpoints ?? []).flatMap(
      (endpoint, i) => readEndpoint(endpoint, `endpoints[${i}]`, ports, object, settings, reporter) ?? [],
    ),
    origin: object.origin,
  };
}

/** The addresses of one endpoint are the same for all purposes (Kubernetes' API): the first stands for it. */
function readEndpoint(
  { addresses, conditions, targetRef, zone, nodeName, hostname }: EndpointValue,
  path: string,
  ports: ListedEndpoint["ports"],
  { origin }: SourceObject,
  { cluster }: MeshSettings,
  reporter: Reporter,
): ListedEndpoint | undefined {
  const address = addresses[0];
  if (address === undefined || !parseAddress(address)) {
    reporter.report(`${path}.addresses`, badAddress("address", address ?? "", "IP address"));
    return undefined;
  }
  const isPod = targetRef?.kind === "Pod" && targetRef.name !== undefined;
  return {
    address,
    ports,
    health: healthOf(conditions),
    weight: 1,
    locality: { region: "", zone: zone ?? "", subzone: "" },
    ...(nodeName ? { node: nodeName } : {}),
    ...(hostname ? { hostname } : {}),
    cluster,
    network: "",
    labels: {},
    workload: isPod
      ? workloadKey({ cluster, namespace: targetRef.namespace ?? origin.namespace, name: targetRef.name! })
      : undefined,
  };
}

/** An unset `ready` means ready; one that is terminating but still serving finishes what it has. */
function healthOf(conditions: EndpointValue["conditions"]): Health {
  if (conditions?.ready ?? true) return "healthy";
  return conditions?.terminating && conditions.serving ? "draining" : "unhealthy";
}
