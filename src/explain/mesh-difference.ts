// What a change of objects would do to a mesh: to what each proxy is told, and to whoever was seen calling.

import { compileProxy, compileShared } from "../compile/compile.ts";
import type { ProxySnapshot } from "../compile/proxy-snapshot.ts";
import type { Mesh } from "../model/mesh.ts";
import type { SourceMap } from "../model/source-map.ts";
import { type Workload, type WorkloadKey, workloadKey } from "../model/workload.ts";
import { type CallerDifference, callerDifference, type ObservedCaller } from "./caller-difference.ts";
import { Explainer } from "./explain.ts";
import { type ProxyChange, proxyDifference } from "./proxy-difference.ts";

export interface MeshState {
  readonly mesh: Mesh;
  readonly sources: SourceMap;
}

export interface ProxyDifference {
  /** `<namespace>/<name>`, of all whose changes are these. */
  readonly proxies: readonly string[];
  readonly change: "added" | "removed" | "changed";
  readonly changes: readonly ProxyChange[];
}

export interface MeshDifference {
  readonly proxies: readonly ProxyDifference[];
  /** Those for whom something changes. */
  readonly callers: readonly CallerDifference[];
  /** How many callers were asked about. */
  readonly observed: number;
}

export function meshDifference(
  before: MeshState,
  after: MeshState,
  callers: readonly ObservedCaller[],
): MeshDifference {
  const [was, is] = [before, after].map(({ mesh, sources }) => ({ mesh, explainer: new Explainer(mesh, sources) }));
  const asked = callers.flatMap((caller) => callerDifference(caller, was!, is!) ?? []);
  return {
    proxies: proxyDifferences(before.mesh, after.mesh),
    callers: asked.filter(({ requests }) => requests.length > 0),
    observed: asked.length,
  };
}

type Proxies = ReadonlyMap<WorkloadKey, { readonly workload: Workload; readonly snapshot: ProxySnapshot }>;

function proxiesOf(mesh: Mesh): Proxies {
  const shared = compileShared(mesh, new Map());
  return new Map(
    mesh.workloads.flatMap((workload) => {
      const snapshot = compileProxy(shared, workload);
      return snapshot ? [[workloadKey(workload), { workload, snapshot }] as const] : [];
    }),
  );
}

function proxyDifferences(before: Mesh, after: Mesh): readonly ProxyDifference[] {
  const [was, is] = [proxiesOf(before), proxiesOf(after)];
  const groups = new Map<string, { readonly difference: Omit<ProxyDifference, "proxies">; readonly names: string[] }>();
  for (const key of [...new Set([...was.keys(), ...is.keys()])].sort()) {
    const [old, now] = [was.get(key), is.get(key)];
    const { namespace, name, proxy } = (now ?? old)!.workload;
    const changes = proxyDifference(old?.snapshot, now?.snapshot, proxy?.kind ?? "heddle");
    const change = !old ? "added" : now ? "changed" : "removed";
    if (change === "changed" && changes.length === 0) continue;
    const text = JSON.stringify([change, changes]);
    const group = groups.get(text) ?? { difference: { change, changes }, names: [] };
    group.names.push(`${namespace}/${name}`);
    groups.set(text, group);
  }
  return [...groups.values()].map(({ difference, names }) => ({ proxies: names, ...difference }));
}
