// Requests that configuration tells apart: where telemetry knows who calls whom and not what for, one of each class stands for all.

import type {
  Condition,
  OperationCondition,
  OperationLeaf,
  SubjectCondition,
  SubjectLeaf,
} from "../model/authorization.ts";
import { authorizationOf, endpointsOf, httpRouteFor } from "../model/lookup.ts";
import type { HttpMatch, StringMatch, ValueMatch } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";
import type { Workload } from "../model/workload.ts";

export interface Probe {
  readonly method: string;
  readonly path: string;
  /** Names in lower case and values, in turns. */
  readonly headers: readonly string[];
}

/** A mesh with more classes than this is asked about the first of them. */
const MAX_PROBES = 200;

const PLAIN: Probe = { method: "GET", path: "/", headers: [] };
const ANY_VALUE = "some";

/** The plain request first. */
export function probesOf(meshes: readonly Mesh[], service: Service, client: Workload): readonly Probe[] {
  const all = meshes.flatMap((mesh) => [...ofRoutes(mesh, service, client), ...ofPolicies(mesh, service)]);
  const distinct = new Map([PLAIN, ...all].map((probe) => [JSON.stringify(probe), probe]));
  return [...distinct.values()].slice(0, MAX_PROBES);
}

function ofRoutes(mesh: Mesh, { host }: Service, { namespace }: Workload): readonly Probe[] {
  const rules = httpRouteFor(mesh, host, namespace)?.rules ?? [];
  return rules.flatMap(({ matches }) => matches.flatMap((match) => probeOf(match) ?? []));
}

/** Undefined: nothing that a pattern stands for is known. */
function probeOf({ path, method, headers, query }: HttpMatch): Probe | undefined {
  const pathText = path === undefined ? "/" : path.kind === "regex" ? undefined : path.value;
  const methodText = method === undefined ? "GET" : exampleOf(method);
  const fields = headers.filter(({ invert }) => !invert).map(({ name, value }) => [name, exampleOf(value)] as const);
  const parameters = query.map(({ name, value }) => [name, exampleOf(value)] as const);
  const known = (pair: readonly [string, string | undefined]): pair is readonly [string, string] =>
    pair[1] !== undefined;
  if (pathText === undefined || methodText === undefined) return undefined;
  if (!fields.every(known) || !parameters.every(known)) return undefined;
  const search = parameters.length > 0 ? `?${new URLSearchParams(Object.fromEntries(parameters))}` : "";
  return { method: methodText, path: `${rooted(pathText)}${search}`, headers: fields.flat() };
}

function rooted(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

function exampleOf(match: StringMatch | ValueMatch): string | undefined {
  if (match.kind === "present") return ANY_VALUE;
  return match.kind === "regex" ? undefined : match.value;
}

// ── policies ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function ofPolicies(mesh: Mesh, service: Service): readonly Probe[] {
  const servers = new Set(
    service.ports.flatMap(({ number }) =>
      endpointsOf(mesh, service, number).flatMap(({ workload }) =>
        workload === undefined ? [] : (mesh.index.workloads.get(workload) ?? []),
      ),
    ),
  );
  const policies = [...servers].flatMap((server) => authorizationOf(mesh, server).flatMap(({ enforced }) => enforced));
  return [...new Set(policies)].flatMap(({ rules }) =>
    rules.flatMap(({ subject, operation }) => probesOfRule(subject, operation)),
  );
}

/** Each path with each method, with the headers that the rule names. */
function probesOfRule(subject: SubjectCondition, operation: OperationCondition): readonly Probe[] {
  const operations = [...leaves<OperationLeaf>(operation)];
  const paths = operations.flatMap((leaf) => (leaf.kind === "path" ? (textOf(leaf.match) ?? []) : [])).map(rooted);
  const methods = operations.flatMap((leaf) => (leaf.kind === "method" ? (textOf(leaf.match) ?? []) : []));
  const headers = [...leaves<SubjectLeaf>(subject)].flatMap((leaf) =>
    leaf.kind === "header" && leaf.name !== "authorization" ? [leaf.name, textOf(leaf.match) ?? ANY_VALUE] : [],
  );
  const or = (texts: readonly string[], otherwise: string) => (texts.length > 0 ? texts : [otherwise]);
  return or(paths, "/").flatMap((path) => or(methods, "GET").map((method) => ({ method, path, headers })));
}

function* leaves<Leaf extends { readonly kind: string }>(condition: Condition<Leaf>): Generator<Leaf> {
  if ("conditions" in condition) {
    for (const inner of condition.conditions as readonly Condition<Leaf>[]) yield* leaves(inner);
  } else if ("condition" in condition) yield* leaves(condition.condition as Condition<Leaf>);
  else yield condition as Leaf;
}

function textOf(match: { readonly kind: string; readonly value?: string }): string | undefined {
  return match.kind === "regex" || match.kind === "present" ? undefined : match.value;
}
