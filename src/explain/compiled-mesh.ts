// A mesh whose proxies are compiled when they are asked for.

import type { JsonObject } from "@bufbuild/protobuf";
import { compileProxy, compileShared, type SharedResources } from "../compile/compile.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Workload } from "../model/workload.ts";
import { ProxyTables } from "./proxy-tables.ts";

export interface CompiledMesh {
  readonly mesh: Mesh;
  readonly shared: SharedResources;
  /** Of the request's token. */
  readonly claims: JsonObject | undefined;
}

/** Every proxy counts as connected, with all that it is to have: see `reachOf`. */
export function compiledMesh(mesh: Mesh, claims: JsonObject | undefined): CompiledMesh {
  return { mesh, shared: compileShared(mesh, new Map()), claims };
}

/** Undefined: the workload has no proxy. */
export function tablesOf({ shared }: CompiledMesh, workload: Workload): ProxyTables | undefined {
  const snapshot = compileProxy(shared, workload);
  return snapshot && workload.proxy && new ProxyTables(snapshot, workload.proxy.kind);
}
