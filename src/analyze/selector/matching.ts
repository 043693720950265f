// Selectors that select nothing, or by what has no effect.

import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import type { World } from "../world.ts";
import { labelsText, selectedBy, selectingOf } from "./selecting.ts";

/** By this label an implementation of the Gateway API marks the workloads of a gateway. */
const GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name";

export const matching: MeshAnalyzer = {
  name: "selector.WorkloadAnalyzer",
  about: "every selector selects a workload",
  codes: ["IST0127", "IST0166"],
  scope: "mesh",
  analyze(world, report) {
    for (const selecting of selectingOf(world)) {
      const { object, labels, path, targeted } = selecting;
      if (targeted || Object.keys(labels).length === 0) continue;
      const selected = selectedBy(selecting, world);
      const gateway = selected.find((runnable) => runnable.labels[GATEWAY_NAME] !== undefined);
      if (selected.length === 0) {
        report(
          object,
          path,
          finding(
            "IST0127",
            `No matching workloads for this resource with the following labels: ${labelsText(labels)}`,
            nearestLabel(selecting.namespace, labels, world),
          ),
        );
      } else if (gateway && isPolicy(object.origin.kind))
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

function isPolicy(kind: string): boolean {
  return ["AuthorizationPolicy", "RequestAuthentication", "Telemetry", "WasmPlugin"].includes(kind);
}

function nearestLabel(namespace: string, labels: Readonly<Record<string, string>>, world: World): string | undefined {
  const there = new Set(
    world
      .select({}, world.isRoot(namespace) ? undefined : namespace)
      .flatMap((runnable) => Object.entries(runnable.labels).map(([key, value]) => `${key}: ${value}`)),
  );
  for (const [key, value] of Object.entries(labels)) {
    const text = `${key}: ${value}`;
    if (!there.has(text)) return world.nearest(text, there);
  }
  return undefined;
}
