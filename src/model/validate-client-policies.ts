// Findings about client policies: hosts that no service has, and servers that do not fit. Policies that look at endpoints are asked again when
// those of their services moved.

import { differingKeys } from "../base/corrected-map.ts";
import { policyOfAlias } from "./alias-findings.ts";
import { type ClientPolicy, credentialsNamed } from "./client-policy.ts";
import { sameItems } from "./equality.ts";
import type { Finding } from "./finding.ts";
import * as findings from "./findings.ts";
import { file, LabelIndex } from "./label-index.ts";
import { endpointsOf, mtlsMode } from "./lookup.ts";
import type { Mesh } from "./mesh.ts";
import { originKey } from "./origin.ts";
import { type Service, type ServiceKey, serviceKey } from "./service.ts";
import { servicesUnder } from "./services-under.ts";
import { originationFindings } from "./validate-origination.ts";

/** What was found of the policies of a mesh. */
interface Kept {
  readonly inputs: readonly unknown[];
  readonly endpoints: Mesh["index"]["endpoints"];
  /** By service, policies that look at its endpoints. */
  readonly watching: ReadonlyMap<ServiceKey, readonly ClientPolicy[]>;
  /** Those that name Secrets. */
  readonly originating: readonly ClientPolicy[];
  readonly withoutService: readonly Finding[];
  /** Of servers; policies of which nothing was found are not in it. */
  readonly ofServers: ReadonlyMap<ClientPolicy, readonly Finding[]>;
}

/** By the policies of a mesh. */
const keptFindings = new WeakMap<readonly ClientPolicy[], Kept>();

export function clientPolicyFindings(mesh: Mesh): readonly Finding[] {
  const kept = after(keptFindings.get(mesh.clientPolicies), mesh);
  keptFindings.set(mesh.clientPolicies, kept);
  const originating = kept.originating.flatMap((policy) => originationFound(mesh, policy));
  const { ofServers, withoutService } = kept;
  const found = ofServers.size === 0 ? [] : mesh.clientPolicies.flatMap((policy) => ofServers.get(policy) ?? []);
  return [...withoutService, ...originating, ...found];
}

function after(before: Kept | undefined, mesh: Mesh): Kept {
  const { services, aliases, settings, serverPolicies, clientPolicies, index } = mesh;
  const { endpoints } = index;
  const inputs = [services, aliases, settings, serverPolicies];
  const servers = new ServerValidation(mesh);
  if (before && sameItems(before.inputs, inputs)) {
    const moved = differingKeys(before.endpoints, endpoints);
    const policies = new Set([...moved].flatMap((key) => before.watching.get(key) ?? []));
    if (policies.size === 0) return { ...before, endpoints };
    return { ...before, endpoints, ofServers: foundOf(policies, servers, before.ofServers) };
  }
  const watching = new Map<ServiceKey, ClientPolicy[]>();
  for (const policy of clientPolicies)
    for (const service of servers.watchedBy(policy)) file(watching, serviceKey(service), policy);
  return {
    inputs,
    endpoints,
    watching,
    originating: clientPolicies.filter((policy) => credentialsNamed(policy).length > 0),
    withoutService: clientPolicies.flatMap((policy) => hostFound(mesh, policy)),
    ofServers: foundOf(new Set([...watching.values()].flat()), servers, new Map()),
  };
}

function foundOf(
  policies: ReadonlySet<ClientPolicy>,
  servers: ServerValidation,
  before: Kept["ofServers"],
): Kept["ofServers"] {
  const found = new Map(before);
  for (const policy of policies) {
    const now = servers.findings(policy);
    if (now.length > 0) found.set(policy, now);
    else found.delete(policy);
  }
  return found;
}

function hostFound(mesh: Mesh, { host, origin }: ClientPolicy): readonly Finding[] {
  const target = mesh.index.aliases.get(host)?.target;
  if (target !== undefined) return [{ origin, path: "spec.host", message: policyOfAlias(host, target) }];
  if (servicesUnder(mesh, host).length > 0) return [];
  const message = (near: string | undefined) => findings.policyWithoutService(host, near);
  return [{ origin, path: "spec.host", message: { text: host, among: undefined, message } }];
}

function originationFound(mesh: Mesh, policy: ClientPolicy): readonly Finding[] {
  return originationFindings(mesh, policy).map((message) => ({
    origin: policy.origin,
    path: "spec.trafficPolicy.tls",
    message,
  }));
}

/** What the servers of policies are, and take, in one mesh. */
class ServerValidation {
  readonly #mesh: Mesh;
  readonly #strict = new Map<Service, boolean>();

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  /** Services whose endpoints `findings` looks at. */
  watchedBy(policy: ClientPolicy): readonly Service[] {
    const own = this.#serviceOfSubsets(policy);
    const under = isPlaintext(policy) ? servicesUnder(this.#mesh, policy.host) : [];
    return [...new Set([...(own ? [own] : []), ...under])];
  }

  findings(policy: ClientPolicy): readonly Finding[] {
    const { host, origin } = policy;
    const service = this.#serviceOfSubsets(policy);
    const empty = service ? this.#emptySubsets(policy, service) : [];
    if (!isPlaintext(policy)) return empty;
    const strict = servicesUnder(this.#mesh, host).find((candidate) => this.#demandsMtls(candidate));
    if (!strict) return empty;
    return [...empty, { origin, path: "spec.trafficPolicy.tls", message: findings.plaintextToStrict(strict.host) }];
  }

  /** A wildcard's subsets are for services of every kind; for one host an empty subset is a mistake. */
  #serviceOfSubsets({ host, subsets }: ClientPolicy): Service | undefined {
    const [service] = subsets.length > 0 ? servicesUnder(this.#mesh, host) : [];
    return service?.host === host ? service : undefined;
  }

  #emptySubsets(policy: ClientPolicy, service: Service): readonly Finding[] {
    const labels = new Set(
      service.ports.flatMap((port) => endpointsOf(this.#mesh, service, port.number).map((endpoint) => endpoint.labels)),
    );
    // Without endpoints nothing is known: the service may be about to start.
    if (labels.size === 0) return [];
    const index = new LabelIndex([...labels].map((each) => ({ labels: each })));
    return policy.subsets.flatMap((subset, i): readonly Finding[] => {
      if (index.first(subset.labels)) return [];
      const own = originKey(subset.origin) === originKey(policy.origin);
      const path = own ? `spec.subsets[${i}]` : "spec.subsets";
      const message = findings.emptySubset(subset.name, policy.host, subset.labels);
      return [{ origin: subset.origin, path, message }];
    });
  }

  #demandsMtls(service: Service): boolean {
    const known = this.#strict.get(service) ?? this.#isStrict(service);
    this.#strict.set(service, known);
    return known;
  }

  #isStrict(service: Service): boolean {
    return service.ports.some((port) =>
      endpointsOf(this.#mesh, service, port.number).some((endpoint) => {
        const workload =
          endpoint.workload === undefined ? undefined : this.#mesh.index.workloads.get(endpoint.workload);
        return workload?.proxy !== undefined && mtlsMode(this.#mesh, workload, endpoint.applicationPort) === "strict";
      }),
    );
  }
}

function isPlaintext({ settings }: ClientPolicy): boolean {
  return settings.tls?.kind === "disable";
}
