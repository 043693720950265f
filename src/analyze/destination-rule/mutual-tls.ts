// DestinationRules that send plaintext: to workloads that refuse it, or where mutual TLS would have been used.

import { hostMatches } from "../../model/hosts.ts";
import { endpointsOf, mtlsMode, serverPolicyOf } from "../../model/lookup.ts";
import type { Service } from "../../model/service.ts";
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
    for (const rule of world.views(kinds.destinationRule)) {
      const { spec } = rule.value;
      for (const { path, port } of plaintextLevels(spec))
        checkPlaintext(rule, world.host(spec.host, rule.namespace), port, path, world, report);
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

function checkPlaintext(
  rule: Rule,
  host: string,
  port: number | undefined,
  path: string,
  world: World,
  report: Report,
): void {
  const services = host.startsWith("*")
    ? world.mesh.services.filter((service) => hostMatches(host, service.host))
    : (world.mesh.index.servicesByHost.get(host) ?? []);
  const served = services.flatMap((service) => proxiedOf(service, port, world));
  const strict = served.find(({ workload, port: own }) => mtlsMode(world.mesh, workload, own) === "strict");
  if (strict) tellConflict(rule, strict, path, world, report);
  else if (served.some(({ workload, port: own }) => mtlsMode(world.mesh, workload, own) === "permissive"))
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
  const author = world
    .views(kinds.peerAuthentication)
    .find(({ namespace, name }) => policy?.origin.namespace === namespace && policy.origin.name === name);
  if (author) report(author.object, "spec.mtls", finding("IST0113", message, suggestion));
}
