// Findings about changes to Envoys: whose proxy does not take them.

import { file } from "./label-index.ts";
import { proxiedWorkloads } from "./lookup.ts";
import type { Mesh } from "./mesh.ts";
import type { Message } from "./message.ts";
import { type Authored, type Origin, originKey } from "./origin.ts";
import { notOnHeddle, withoutProxies } from "./patch-findings.ts";

/** One for an object: a hundred replicas have the same proxy. */
export function validatePatches(mesh: Mesh, report: (origin: Origin, path: string, message: Message) => void): void {
  const { envoyPatches, trafficExtensions, index } = mesh;
  const all: readonly Authored[] = [...envoyPatches, ...trafficExtensions];
  if (all.length === 0) return;
  const chosen = new Set<string>();
  const untouched = new Map<string, string[]>();
  for (const workload of proxiedWorkloads(mesh)) {
    for (const { origin } of [...index.envoyPatches.of(workload), ...index.trafficExtensions.of(workload)]) {
      chosen.add(originKey(origin));
      if (workload.proxy?.kind === "heddle")
        file(untouched, originKey(origin), `${workload.namespace}/${workload.name}`);
    }
  }
  for (const { origin } of all) {
    const names = untouched.get(originKey(origin));
    if (names) report(origin, "", notOnHeddle(origin.kind, names));
    else if (!chosen.has(originKey(origin)) && index.proxied.length > 0)
      report(origin, "", withoutProxies(origin.kind));
  }
}
