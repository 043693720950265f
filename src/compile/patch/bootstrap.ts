// Changes to the bootstrap of an Envoy, which its agent makes and merges them into.

import type { EnvoyPatch, EnvoyPatches, PatchContext } from "../../model/envoy-patch.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import type { Workload } from "../../model/workload.ts";
import { chosenOf, type DescribedWorkload, patchesFor } from "./program.ts";

export interface BootstrapPatch {
  readonly origin: Origin;
  /** JSON of a Bootstrap. */
  readonly value: unknown;
  readonly replacesLists: boolean;
}

/** In the order in which they are merged. */
export function bootstrapPatches(
  mesh: Mesh,
  workload: DescribedWorkload & Pick<Workload, "labels">,
  role: "sidecar" | "gateway",
): readonly BootstrapPatch[] {
  return patchesFor(mesh, workload).flatMap((each) => patchesOf(each, workload, role));
}

function patchesOf(
  each: EnvoyPatches,
  workload: DescribedWorkload,
  role: "sidecar" | "gateway",
): readonly BootstrapPatch[] {
  const chosen = new Set(chosenOf(each, workload));
  return each.patches.flatMap((patch: EnvoyPatch, i) =>
    chosen.has(i) && patch.target === "bootstrap" && isOf(patch.context, role)
      ? [{ origin: each.origin, value: patch.value, replacesLists: patch.operation === "merge-replacing-lists" }]
      : [],
  );
}

/** A bootstrap has no direction: either of a sidecar's is meant. */
function isOf(context: PatchContext, role: "sidecar" | "gateway"): boolean {
  return context === "any" || (context === "gateway") === (role === "gateway");
}
