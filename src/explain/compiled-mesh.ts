// A mesh whose proxies are compiled when they are asked for.

import type { JsonObject } from "@bufbuild/protobuf";
import { compileProxy, compileShared, type SharedResources } from "../compile/compile.ts";
import type { Mesh } from "../model/mesh.ts";
import { type Workload, type WorkloadKey, workloadKey } from "../model/workload.ts";
import type { LiveProxies } from "./live.ts";
import { ProxyTables } from "./proxy-tables.ts";

export interface CompiledMesh {
  readonly mesh: Mesh;
  readonly shared: SharedResources;
  readonly live: LiveProxies;
  /** Of proxies that were asked for. */
  readonly tables: Map<WorkloadKey, ProxyTables>;
  /** Of the request's token. */
  readonly claims: JsonObject | undefined;
}

/** Every proxy counts as connected, with all that it is to have: see `reachOf`. */
export function compiledMesh(mesh: Mesh, live: LiveProxies): CompiledMesh {
  return { mesh, shared: compileShared(mesh, new Map()), live, tables: new Map(), claims: undefined };
}

/** What it runs by its own word, where it told, else what it is to have. Undefined: the workload has no proxy. */
export function tablesOf({ shared, live, tables }: CompiledMesh, workload: Workload): ProxyTables | undefined {
  const key = workloadKey(workload);
  const known = tables.get(key);
  if (known) return known;
  const snapshot = compileProxy(shared, workload);
  if (!snapshot || !workload.proxy) return undefined;
  const running = live.get(key)?.running;
  const { resources } = running?.kind === "told" ? running : snapshot;
  const made = new ProxyTables({ ...snapshot, resources }, workload.proxy.kind);
  tables.set(key, made);
  return made;
}
