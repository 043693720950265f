// Selectors that select nothing, or by what has no effect.

import { LabelIndex } from "../../model/label-index.ts";
import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import type { World } from "../world.ts";
import { labelsText, selectingOf } from "./selecting.ts";

/** By this label an implementation of the Gateway API marks the workloads of a gateway. */
const GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name";

export const matching: MeshAnalyzer = {
  name: "selector.WorkloadAnalyzer",
  about: "every selector selects a workload",
  codes: ["IST0101", "IST0127", "IST0166"],
  scope: "mesh",
  analyze(world, report) {
    const gateways = new LabelIndex(world.runnables.filter(({ labels }) => labels[GATEWAY_NAME] !== undefined));
    const thereOf = remembered((namespace: string | undefined) => labelsThere(namespace, world));
    for (const selecting of selectingOf(world)) {
      const { object, namespace, labels, path, targeted } = selecting;
      if (targeted) continue;
      const isForAll = world.isRoot(namespace);
      if (Object.keys(labels).length === 0) {
        if (object.origin.kind === "AuthorizationPolicy" && !isForAll && !world.selectFirst({}, namespace))
          report(object, "metadata.name", emptyNamespace(namespace));
        continue;
      }
      if (!world.selectFirst(labels, isForAll ? undefined : namespace)) {
        const near = nearestLabel(labels, thereOf(isForAll ? undefined : namespace), world);
        report(object, path, noWorkloads(object.origin.kind, labels, near));
        continue;
      }
      if (gateways.things.length === 0 || !isPolicy(object.origin.kind)) continue;
      const gateway = gateways.select(labels).find((each) => isForAll || each.namespace === namespace);
      if (gateway)
        report(
          object,
          path,
          finding(
            "IST0166",
            `Ineffective selector on Kubernetes Gateway ${gateway.labels[GATEWAY_NAME]}. Use the TargetRef field instead`,
            `targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: ${gateway.labels[GATEWAY_NAME]}}]`,
          ),
        );
    }
  },
};

const NO_WORKLOADS = "No matching workloads for this resource with the following labels: ";

function emptyNamespace(namespace: string) {
  return finding("IST0127", `${NO_WORKLOADS}none, in namespace ${namespace}`, "the namespace of the workloads");
}

/** Of Sidecars and Telemetries Istio says that the selector is nowhere (its SelectorAnalyzers), of policies that nothing has the labels. */
function noWorkloads(kind: string, labels: Readonly<Record<string, string>>, near: string | undefined) {
  const text = labelsText(labels);
  return kind === "Sidecar" || kind === "Telemetry"
    ? finding("IST0101", `Referenced selector not found: ${JSON.stringify(text)}`, near)
    : finding("IST0127", `${NO_WORKLOADS}${text}`, near);
}

function isPolicy(kind: string): boolean {
  return ["AuthorizationPolicy", "RequestAuthentication", "Telemetry", "TrafficExtension", "WasmPlugin"].includes(kind);
}

/** `key: value` of everything that selectors of a namespace can select; of all without one. */
function labelsThere(namespace: string | undefined, world: World): ReadonlySet<string> {
  return new Set(
    world
      .select({}, namespace)
      .flatMap((runnable) => Object.entries(runnable.labels).map(([key, value]) => `${key}: ${value}`)),
  );
}

function remembered<K, T>(make: (key: K) => T): (key: K) => T {
  const known = new Map<K, T>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.set(key, value);
    return value;
  };
}

function nearestLabel(
  labels: Readonly<Record<string, string>>,
  there: ReadonlySet<string>,
  world: World,
): string | undefined {
  for (const [key, value] of Object.entries(labels)) {
    const text = `${key}: ${value}`;
    if (!there.has(text)) return world.nearest(text, there);
  }
  return undefined;
}
