// Findings that need the whole mesh: references that lead nowhere, objects that shadow each other, policies that contradict.

import type { Diagnostic } from "../base/diagnostic.ts";
import { aliasOfItself, aliasOfStranger } from "./alias-findings.ts";
import { sameContent } from "./equality.ts";
import { type Finding, markOf, Teller } from "./finding.ts";
import * as findings from "./findings.ts";
import { file } from "./label-index.ts";
import { inboundPortsOf, serverPolicyOf, servicesOf } from "./lookup.ts";
import type { Mesh, MeshParts } from "./mesh.ts";
import { compareText } from "./origin.ts";
import type { PolicyScope, ServerPolicy } from "./server-policy.ts";
import { type Service, type ServiceAlias, serviceKey } from "./service.ts";
import type { SourceMap } from "./source-map.ts";
import { clientPolicyFindings } from "./validate-client-policies.ts";
import { validateGateways } from "./validate-gateways.ts";
import { validatePatches } from "./validate-patches.ts";
import { routeFindings } from "./validate-routes.ts";
import { securityFindings } from "./validate-security.ts";
import { telemetryFindings } from "./validate-telemetry.ts";
import type { Workload } from "./workload.ts";

/** `parts` are those that `mesh` was built from. Sorted by object, then by path. */
export function validateMesh(mesh: Mesh, parts: MeshParts, sources: SourceMap): readonly Diagnostic[] {
  const found: Finding[] = [
    ...serviceFindings(mesh, parts),
    ...routeFindings(mesh),
    ...clientPolicyFindings(mesh),
    ...(mesh.serverPolicies.length > 0 ? serverPolicyFindings(mesh) : []),
    ...securityFindings(mesh),
    ...telemetryFindings(mesh),
  ];
  validatePatches(mesh, (origin, path, message) => void found.push({ origin, path, message }));
  validateGateways(mesh, (origin, path, message) => void found.push({ origin, path, message }));
  return [...new Teller(mesh, sources).tell(found)].sort((a, b) => compareText(place(a), place(b)));
}

interface KeptOfServices {
  readonly written: MeshParts["services"];
  readonly aliases: Mesh["aliases"];
  readonly found: readonly Finding[];
}

/** By the services of a mesh. */
const keptOfServices = new WeakMap<readonly Service[], KeptOfServices>();

function serviceFindings(mesh: Mesh, { services: written }: MeshParts): readonly Finding[] {
  const { services, aliases, index } = mesh;
  const known = keptOfServices.get(services);
  if (known?.written === written && known.aliases === aliases) return known.found;
  const duplicates = written.flatMap((service): readonly Finding[] => {
    const winner = index.services.get(serviceKey(service));
    // The mesh has the older object where both say the same.
    if (!winner || sameContent({ ...winner, aliases: undefined }, service)) return [];
    const message = findings.duplicateService(service.host, winner.origin);
    return [{ origin: service.origin, path: "", message, other: { origin: winner.origin, path: "" } }];
  });
  const found = [...duplicates, ...aliases.flatMap((alias) => aliasFindings(mesh, alias))];
  keptOfServices.set(services, { written, aliases, found });
  return found;
}

function aliasFindings({ index }: Mesh, { host, target, origin, path }: ServiceAlias): readonly Finding[] {
  const end = index.aliases.get(host)?.target;
  if (end === undefined) return [{ origin, path, message: aliasOfItself(host, target) }];
  return index.servicesByHost.has(end) ? [] : [{ origin, path, message: aliasOfStranger(host, end) }];
}

function serverPolicyFindings(mesh: Mesh): readonly Finding[] {
  const selected = new Map<ServerPolicy, Workload[]>();
  const selecting = mesh.serverPolicies.filter(({ scope }) => scope.kind === "workloads");
  if (selecting.length > 0)
    for (const workload of mesh.workloads) {
      const policy = serverPolicyOf(mesh, workload);
      if (policy) file(selected, policy, workload);
    }
  return mesh.serverPolicies.flatMap((policy) => [
    ...scopeFindings(mesh, policy),
    ...portFindings(mesh, policy, selected.get(policy) ?? []),
  ]);
}

/** The winner is told of the first rival alone: more of them change nothing. */
function scopeFindings(mesh: Mesh, { scope, origin }: ServerPolicy): readonly Finding[] {
  const winner = winnerOfScope(mesh, scope)?.origin;
  if (!winner || winner === origin) return [];
  return [
    { origin, path: "", message: findings.shadowedServerPolicy(winner), other: { origin: winner, path: "" } },
    {
      origin: winner,
      path: "",
      message: findings.shadowsServerPolicy(origin),
      other: { origin, path: "" },
      once: markOf(winner, "", "winner"),
    },
  ];
}

function winnerOfScope({ index }: Mesh, scope: PolicyScope): ServerPolicy | undefined {
  if (scope.kind === "mesh") return index.meshServerPolicy;
  return scope.kind === "namespace" ? index.namespaceServerPolicies.get(scope.namespace) : undefined;
}

function portFindings(mesh: Mesh, policy: ServerPolicy, workloads: readonly Workload[]): readonly Finding[] {
  if (workloads.length === 0) return [];
  const services = workloads.flatMap((workload) => servicesOf(mesh, workload));
  const servicePorts = new Set(services.flatMap((service) => service.ports.map((port) => port.number)));
  const declared = workloads.flatMap((workload) => workload.ports.map((port) => port.number));
  const bound = workloads.flatMap((workload) => inboundPortsOf(mesh, workload).map((port) => port.number));
  const served = [...new Set([...declared, ...bound])].sort((a, b) => a - b);
  return policy.ports.flatMap(({ port }): readonly Finding[] => {
    if (served.includes(port)) return [];
    const message = findings.portNotServed(port, served, servicePorts.has(port));
    return [{ origin: policy.origin, path: `spec.portLevelMtls.${port}`, message }];
  });
}

function place({ object, path, code }: Diagnostic): string {
  return `${object?.kind}/${object?.namespace}/${object?.name} ${path} ${code}`;
}
