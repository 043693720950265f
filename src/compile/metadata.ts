// What resources say about themselves in `filter_metadata.istio`: the object they came from and the service they stand for, as Istio does.
// Never a file, a line, a resourceVersion or a generation: a changed cluster is rebuilt with all of its connections, so that editing a
// comment must send nothing. Listeners carry none at all: Envoy 1.40 drains every connection of a listener whose metadata changed.

import { create, type JsonObject } from "@bufbuild/protobuf";
import type { Origin } from "../model/origin.ts";
import type { Service } from "../model/service.ts";
import { type Metadata, MetadataSchema } from "../xds/gen/envoy/config/core/v3/base_pb.ts";

/** `/apis/networking.istio.io/v1/namespaces/default/virtual-service/golden-signal`; core objects as in `/api/v1/namespaces/default/service/x`. */
export function originPath({ group, kind, namespace, name }: Origin): string {
  const root = group === "" ? "/api/v1" : `/apis/${group}/${group === "heddle.dev" ? "v1alpha1" : "v1"}`;
  const kebab = kind.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "-").toLowerCase();
  return `${root}/namespaces/${namespace}/${kebab}/${name}`;
}

function istioMetadata(fields: JsonObject): Metadata {
  return create(MetadataSchema, { filterMetadata: { istio: fields } });
}

export function originMetadata(origin: Origin): Metadata {
  return istioMetadata({ config: originPath(origin) });
}

/** `origin`: the policy that shaped the cluster, else the service. */
export function clusterMetadata(service: Service, origin: Origin, subset: string): Metadata {
  const { host, name, namespace } = service;
  return istioMetadata({
    config: originPath(origin),
    services: [{ host, name, namespace }],
    ...(subset === "" ? {} : { subset }),
  });
}

/** Of an inbound cluster: what metrics and logs call the application. */
export function servicesMetadata(services: readonly Service[]): Metadata {
  return istioMetadata({ services: services.map(({ host, name, namespace }) => ({ host, name, namespace })) });
}
