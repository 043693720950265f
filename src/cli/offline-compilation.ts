// Objects → what one proxy would get for them, as the control plane would compile it, and what is to be said about them. Pure.

import { type Diagnostic, hasErrors } from "../base/diagnostic.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { compileProxy, compileShared } from "../compile/compile.ts";
import type { ProxySnapshot } from "../compile/proxy-snapshot.ts";
import { translate } from "../dialect/dialects.ts";
import type { SourceObject } from "../dialect/object.ts";
import { buildMesh } from "../model/build.ts";
import type { Mesh } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { SourceMap } from "../model/source-map.ts";
import { validateMesh } from "../model/validate.ts";
import type { Workload } from "../model/workload.ts";
import { addressed, type TargetOptions, targetOf } from "./compile-target.ts";

export interface OfflineCompilation {
  readonly workload: Workload;
  /** The files hold no such workload: options describe it. */
  readonly described: boolean;
  readonly snapshot: ProxySnapshot;
  readonly sources: SourceMap;
  /**
   * Of objects, and between objects. Errors between them do not stop the control plane, so they do not stop this: the finding says what
   * becomes of the traffic.
   */
  readonly findings: readonly Diagnostic[];
  /** Addresses of keys that the control plane would fetch; here nothing leaves the machine. */
  readonly unfetched: readonly string[];
}

export type OfflineResult =
  | { readonly kind: "compiled"; readonly compilation: OfflineCompilation }
  /** An object is wrong by itself: the control plane would keep the one of before, and here is none. */
  | { readonly kind: "rejected"; readonly diagnostics: readonly Diagnostic[] };

/** Throws a Failure when there is no such proxy. */
export function compileOffline(
  objects: readonly SourceObject[],
  options: TargetOptions,
  settings: MeshSettings,
): OfflineResult {
  const written = translate(objects, settings);
  const diagnostics = written.results.flatMap((result) => result.diagnostics);
  if (hasErrors(diagnostics)) return { kind: "rejected", diagnostics };
  const { parts: known } = translate(objects.map(addressed), settings);
  const { object, described } = targetOf(objects, known, options);
  const all = [...objects.filter(({ key }) => key !== object.key), object];
  const { results, parts, sources, settings: inForce } = translate(all, settings);
  const found = results.flatMap((result) => result.diagnostics);
  if (hasErrors(found)) return { kind: "rejected", diagnostics: found };
  const mesh = buildMesh(inForce, parts);
  const { namespace, name } = object.origin;
  const workload = mesh.workloads.find((one) => one.namespace === namespace && one.name === name);
  const snapshot = workload && compileProxy(compileShared(mesh, new Map()), workload);
  if (!snapshot)
    throw new Failure(`Pod ${namespace}/${name} has run to its end: it has no configuration`, { exit: EXIT.data });
  const findings = [...found, ...validateMesh(mesh, parts, sources)];
  return {
    kind: "compiled",
    compilation: { workload, described, snapshot, sources, findings, unfetched: unfetched(mesh) },
  };
}

function unfetched({ requestAuthentications }: Mesh): readonly string[] {
  const issuers = requestAuthentications.flatMap((authentication) => authentication.issuers);
  return [...new Set(issuers.flatMap(({ keys }) => (keys.kind === "fetched" ? [keys.uri] : [])))].sort();
}
