// Objects that hold for a proxy as a whole: a scope that hides what it hides, an access log that is off, a patch that takes something away. No
// resource may show them, and the proxy is configured by them all the same.

import { changersOf } from "../../compile/patch/program.ts";
import { telemetryOf } from "../../model/effective-telemetry.ts";
import type { Mesh } from "../../model/mesh.ts";
import { originKey } from "../../model/origin.ts";
import type { Workload } from "../../model/workload.ts";

const NOBODY: ReadonlySet<string> = new Set();

/** Remembers what holds for a workload for as long as all that could is the same. */
export class Governing {
  #inputs: readonly unknown[] = [];
  #known = new WeakMap<Workload, ReadonlySet<string>>();

  /** By originKey. */
  of(mesh: Mesh, workload: Workload): ReadonlySet<string> {
    const inputs = [mesh.proxyScopes, mesh.telemetries, mesh.envoyPatches, mesh.trafficExtensions, mesh.settings];
    if (inputs.some((input, i) => input !== this.#inputs[i])) {
      this.#inputs = inputs;
      this.#known = new WeakMap();
    }
    const known = this.#known.get(workload);
    if (known) return known;
    const keys = keysOf(mesh, workload);
    this.#known.set(workload, keys);
    return keys;
  }
}

function keysOf(mesh: Mesh, workload: Workload): ReadonlySet<string> {
  const scope = workload.proxy?.gateway ? undefined : mesh.index.proxyScopes.of(workload);
  const origins = [
    ...(scope ? [scope.origin] : []),
    ...(telemetryOf(mesh, workload)?.origins ?? []),
    ...changersOf(mesh, workload),
  ];
  return origins.length === 0 ? NOBODY : new Set(origins.map(originKey));
}
