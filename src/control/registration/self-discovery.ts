// What a proxy's bootstrap has that weighs zones: where it is, and the cluster that it is one of.

import { localityOfEntry } from "../../dialect/istio/workload-entry.ts";
import { localityOfLabels } from "../../dialect/kubernetes/pod.ts";
import { isJsonObject } from "../../kube/json.ts";
import { resource } from "../../kube/resources.ts";
import type { Locality } from "../../model/workload.ts";
import { LOCAL_CLUSTER } from "../../xds/names.ts";
import type { Standing } from "../standing.ts";

const FROM_CONTROL_PLANE = { resource_api_version: "V3", ads: {} };

/** Its hosts are never called. */
const CLUSTER = {
  name: LOCAL_CLUSTER,
  type: "EDS",
  connect_timeout: "1s",
  eds_cluster_config: { service_name: LOCAL_CLUSTER, eds_config: FROM_CONTROL_PLANE },
};

/** As the mesh sees it when it reads the object. */
function localityOf({ type, object: { spec } }: Standing, labels: Readonly<Record<string, string>>): Locality {
  if (type === resource.pods) return localityOfLabels(labels);
  const written = isJsonObject(spec) && typeof spec.locality === "string" ? spec.locality : undefined;
  return localityOfEntry(written, labels);
}

/** A patch of an envoy.config.bootstrap.v3.Bootstrap, for either proxy. `labels`: the workload's. */
export function selfDiscovery(standing: Standing, labels: Readonly<Record<string, string>>) {
  const { region, zone, subzone } = localityOf(standing, labels);
  const { namespace, name } = standing.object.metadata;
  return {
    origin: { kind: standing.object.kind, namespace, name },
    value: {
      node: { locality: { region, zone, sub_zone: subzone } },
      cluster_manager: { local_cluster_name: LOCAL_CLUSTER },
      static_resources: { clusters: [CLUSTER] },
    },
    replacesLists: false,
  };
}
