// What a workload serves, port by port, as its own proxy must know it.

import { inboundPortsOf, mtlsMode } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Protocol } from "../model/protocol.ts";
import type { MtlsMode } from "../model/server-policy.ts";
import type { Service } from "../model/service.ts";
import type { Workload, WorkloadProxy } from "../model/workload.ts";
import { legServerName } from "./leg.ts";

/** Plain data: the memo compares it. */
export interface ServedPort {
  /** The application's. */
  readonly number: number;
  readonly protocol: Protocol;
  readonly mode: MtlsMode;
  /** Names of the services that lead here, for the leg. */
  readonly serverNames: readonly string[];
  /** The oldest service that leads here: it declares the protocol and names the port in logs and metrics. */
  readonly service: Service | undefined;
  readonly servicePort: number | undefined;
  /** The proxy's port that takes what is sent to the application in the clear; undefined when connections are captured. */
  readonly standIn: number | undefined;
}

/** Ports that services lead to and ports that the proxy stands in for, ascending. A server name belongs to its oldest service. */
export function servedPorts(mesh: Mesh, workload: Workload, proxy: WorkloadProxy): readonly ServedPort[] {
  const bound = new Map(inboundPortsOf(mesh, workload).map((port) => [port.number, port.bindings]));
  const standIns = new Map(proxy.inboundPorts.map(({ application, plaintext }) => [application, plaintext]));
  const numbers = [...new Set([...bound.keys(), ...standIns.keys()])].sort((a, b) => a - b);
  const taken = new Set<string>();
  return numbers.flatMap((number) => {
    const bindings = bound.get(number) ?? [];
    const [oldest] = bindings;
    // Off Kubernetes a process may run before anybody made a service of it.
    const declared = workload.ports.find((port) => port.number === number)?.protocol;
    const protocol = oldest?.port.protocol ?? declared ?? "undeclared";
    if (protocol === "udp") return [];
    const names = bindings.map(({ service, port }) => legServerName(service, port.number));
    const serverNames = [...new Set(names)].filter((name) => !taken.has(name)).sort();
    for (const name of serverNames) taken.add(name);
    return [
      {
        number,
        protocol,
        mode: mtlsMode(mesh, workload, number),
        serverNames,
        service: oldest?.service,
        servicePort: oldest?.port.number,
        standIn: proxy.capture ? undefined : standIns.get(number),
      },
    ];
  });
}

/** Whether the leg leads to the port. Names stay out of the listener's map otherwise, so that nobody is offered it. */
export function servesLeg({ mode, serverNames }: ServedPort): boolean {
  return mode !== "disable" && serverNames.length > 0;
}
