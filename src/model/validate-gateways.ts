// Findings about gateways: routes bound to what is not there, servers that cannot be beside each other, certificates that are missing.

import { nearest } from "../base/nearest.ts";
import { type Gateway, gatewayKey, placeOfServer } from "./gateway.ts";
import * as findings from "./gateway-findings.ts";
import { gatewaysOf, openedPorts, type ServerConflict } from "./gateway-ports.ts";
import { HostMeetings } from "./host-meetings.ts";
import { credentialOf, hasRoots, proxiedWorkloads } from "./lookup.ts";
import type { Mesh } from "./mesh.ts";
import type { Message } from "./message.ts";
import { type Origin, originKey } from "./origin.ts";
import { rootsMissing } from "./roots-findings.ts";
import type { Route } from "./route.ts";

export type Report = (origin: Origin, path: string, message: Message) => void;

/** Each finding once, however many proxies it is of. */
export function validateGateways(mesh: Mesh, report: Report): void {
  const told = new Set<string>();
  const once: Report = (origin, path, message) => {
    const finding = `${originKey(origin)} ${path} ${message.message}`;
    if (!told.has(finding)) report(origin, path, message);
    told.add(finding);
  };
  const byKey = new Map(mesh.gateways.map((gateway) => [gatewayKey(gateway), gateway]));
  const near = boundedNearest(byKey.keys());
  for (const route of mesh.gatewayRoutes) checkBinding(byKey, near, route, once);
  if (mesh.gateways.length === 0) return;
  for (const workload of proxiedWorkloads(mesh)) {
    if (!workload.proxy?.gateway) continue;
    for (const conflict of openedPorts(mesh, workload).conflicts) tellBoth(conflict, once);
    checkServers(mesh, workload.namespace, gatewaysOf(mesh, workload), once);
  }
}

/** Names looked for in one run: each is compared with every gateway, and nobody reads on after this many. */
const MAX_SUGGESTIONS = 50;

function boundedNearest(names: Iterable<string>): (text: string) => string | undefined {
  const all = [...names];
  let left = MAX_SUGGESTIONS;
  return (text) => (left-- > 0 ? nearest(text, all) : undefined);
}

function checkBinding(
  gateways: ReadonlyMap<string, Gateway>,
  near: (text: string) => string | undefined,
  { origin, gateway: bound = "", hosts, namespace }: Route,
  report: Report,
): void {
  const gateway = gateways.get(bound);
  if (!gateway) {
    report(origin, "spec.gateways", findings.unknownGateway(bound, near(bound)));
    return;
  }
  const offered = gateway.servers
    .flatMap((server) => server.hosts)
    .filter((host) => host.namespace === undefined || host.namespace === namespace);
  const meeting = new HostMeetings(offered.map(({ host }) => host));
  if (!hosts.some((host) => meeting.meets(host))) report(origin, "spec.hosts", findings.noCommonHost(bound));
}

function tellBoth({ kind, loser, winner, host }: ServerConflict, report: Report): void {
  const [lost, won] = [loser.gateway.origin, winner.gateway.origin];
  if (kind === "protocol") {
    report(lost, loser.server.path, findings.protocolTaken(placeOfServer(loser.server), won));
    report(won, winner.server.path, findings.protocolKept(placeOfServer(winner.server), lost));
  } else {
    report(lost, loser.server.path, findings.serverHostTaken(host, won));
    report(won, winner.server.path, findings.serverHostKept(host, lost));
  }
}

function checkServers(mesh: Mesh, namespace: string, gateways: ReturnType<typeof gatewaysOf>, report: Report): void {
  for (const { origin, servers } of gateways) {
    for (const { tls, path } of servers) {
      if (tls?.kind !== "terminate") continue;
      const { certificates, clients } = tls;
      for (const name of certificates.kind === "credentials" ? certificates.names : [])
        if (!credentialOf(mesh, namespace, name)?.keyPair)
          report(origin, `${path}.tls`, findings.credentialMissing(name, namespace));
      if (clients.kind === "none" || clients.roots.kind !== "credential") continue;
      const { name } = clients.roots;
      if (!hasRoots(mesh, namespace, name)) report(origin, `${path}.tls`, rootsMissing(name, namespace));
    }
  }
}
