// DestinationRules that send plaintext: to workloads that refuse it, or where mutual TLS would have been used.

import { endpointsOf, mtlsMode, serverPolicyOf } from "../../model/lookup.ts";
import type { Service } from "../../model/service.ts";
import { servicesUnder } from "../../model/services-under.ts";
import type { Workload } from "../../model/workload.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import type { ViewOf } from "../view.ts";
import type { World } from "../world.ts";

type Rule = ViewOf<typeof kinds.destinationRule>;

export const mutualTls: MeshAnalyzer = {
  name: "destinationrule.MTLSAnalyzer",
  about: "no DestinationRule turns mutual TLS off where it is demanded, or would be used",
  codes: ["IST0113", "HED1320"],
  scope: "mesh",
  analyze(world, report) {
    const demands = new Demands(world);
    for (const rule of world.views(kinds.destinationRule)) {
      const { spec } = rule.value;
      for (const { path, port } of plaintextLevels(spec))
        checkPlaintext(rule, world.host(spec.host, rule.namespace), port, path, demands, world, report);
    }
  },
};

interface PlaintextLevel {
  readonly path: string;
  /** Undefined: of all ports. */
  readonly port: number | undefined;
}

/** Where a DestinationRule says that connections are in the clear. */
export function plaintextLevels({ trafficPolicy }: Rule["value"]["spec"]): readonly PlaintextLevel[] {
  const levels = [
    { tls: trafficPolicy?.tls, path: "spec.trafficPolicy.tls", port: undefined },
    ...(trafficPolicy?.portLevelSettings ?? []).map(({ tls, port }, i) => ({
      tls,
      path: `spec.trafficPolicy.portLevelSettings[${i}].tls`,
      port: port.number,
    })),
  ];
  return levels.filter(({ tls }) => tls && (tls.mode ?? "DISABLE") === "DISABLE");
}

interface Demand {
  readonly strict: Served | undefined;
  readonly permissive: boolean;
}

/** What the servers of hosts take: thousands of rules may be for one wildcard. */
class Demands {
  readonly #world: World;
  readonly #known = new Map<string, Demand>();

  constructor(world: World) {
    this.#world = world;
  }

  of(host: string, port: number | undefined): Demand {
    const key = `${port ?? ""} ${host}`;
    const known = this.#known.get(key) ?? this.#look(host, port);
    this.#known.set(key, known);
    return known;
  }

  #look(host: string, port: number | undefined): Demand {
    const { mesh } = this.#world;
    const served = servicesUnder(mesh, host).flatMap((service) => proxiedOf(service, port, this.#world));
    const modes = served.map((each) => ({ each, mode: mtlsMode(mesh, each.workload, each.port) }));
    return {
      strict: modes.find(({ mode }) => mode === "strict")?.each,
      permissive: modes.some(({ mode }) => mode === "permissive"),
    };
  }
}

function checkPlaintext(
  rule: Rule,
  host: string,
  port: number | undefined,
  path: string,
  demands: Demands,
  world: World,
  report: Report,
): void {
  const demand = demands.of(host, port);
  if (demand.strict) tellConflict(rule, demand.strict, path, world, report);
  else if (demand.permissive)
    report(
      rule.object,
      path,
      finding(
        "HED1320",
        `tls mode DISABLE sends plaintext to ${host}, whose workloads take mutual TLS: their policies see no identity`,
        "no tls block: mutual TLS is used wherever it can be",
      ),
    );
}

interface Served {
  readonly service: Service;
  readonly workload: Workload;
  readonly port: number;
}

function proxiedOf(service: Service, port: number | undefined, { mesh }: World): readonly Served[] {
  return service.ports
    .filter(({ number }) => port === undefined || number === port)
    .flatMap(({ number }) => endpointsOf(mesh, service, number))
    .flatMap((endpoint) => {
      const workload = endpoint.workload === undefined ? undefined : mesh.index.workloads.get(endpoint.workload);
      return workload?.proxy ? [{ service, workload, port: endpoint.applicationPort }] : [];
    });
}

/** The rule is told of the policy, and the policy of the rule. */
function tellConflict(rule: Rule, { service, workload }: Served, path: string, world: World, report: Report): void {
  const { index } = world.mesh;
  const policy =
    serverPolicyOf(world.mesh, workload) ??
    index.namespaceServerPolicies.get(workload.namespace) ??
    index.meshServerPolicy;
  const policyName = policy ? `${policy.origin.namespace}/${policy.origin.name}` : "";
  const message = `A DestinationRule and Policy are in conflict with regards to mTLS for host ${service.host}. The DestinationRule "${rule.namespace}/${rule.name}" specifies that mTLS must be false but the Policy object "${policyName}" specifies STRICT`;
  const suggestion =
    "no tls block in the DestinationRule (mutual TLS is then used wherever it can be), or mode PERMISSIVE";
  report(rule.object, path, finding("IST0113", message, suggestion));
  const author = policy && world.view(kinds.peerAuthentication, policy.origin);
  if (author) report(author.object, "spec.mtls", finding("IST0113", message, suggestion));
}
