// What one workload opens for all the Gateways that select it: ports with their servers, merged as Istio does (MergeGateways). The oldest
// Gateway comes first, and what cannot be beside it on a port is left out and told.

import { familyOf, type Gateway, type GatewayServer, type ServerFamily } from "./gateway.ts";
import { inboundPortsOf } from "./lookup.ts";
import type { Mesh } from "./mesh.ts";
import { byAge } from "./origin.ts";
import { labelsMatch, type Workload } from "./workload.ts";

export interface BoundServer {
  readonly gateway: Gateway;
  readonly server: GatewayServer;
}

export interface GatewayPort {
  /** The workload's own; 0: a Unix socket. */
  readonly number: number;
  /** As GatewayServer has it. */
  readonly bind: string | undefined;
  readonly family: ServerFamily;
  readonly servers: readonly BoundServer[];
}

/** `protocol`: the port speaks another; `host`: another server has the host on it. */
export interface ServerConflict {
  readonly kind: "protocol" | "host";
  readonly loser: BoundServer;
  readonly winner: BoundServer;
  /** Of a host that both name. */
  readonly host: string;
}

export interface OpenedPorts {
  readonly ports: readonly GatewayPort[];
  readonly conflicts: readonly ServerConflict[];
}

/** Gateways that the workload opens, oldest first. */
export function gatewaysOf(mesh: Mesh, workload: Workload): readonly Gateway[] {
  if (!workload.proxy?.gateway) return [];
  return mesh.gateways.filter(({ selector }) => labelsMatch(selector, workload.labels)).toSorted(byAge);
}

/** The target ports of Services that lead `port` to the workload; without one, clients come to the port itself. */
function listeningPorts(mesh: Mesh, workload: Workload, port: number): readonly number[] {
  if (port === 0) return [port];
  const led = inboundPortsOf(mesh, workload)
    .filter(({ bindings }) => bindings.some((binding) => binding.port.number === port))
    .map(({ number }) => number);
  return led.length > 0 ? led : [port];
}

/** The server among these that keeps another from being beside them. */
function rivalOf(servers: readonly BoundServer[], bound: BoundServer): ServerConflict | undefined {
  const family = familyOf(bound.server);
  const [first] = servers;
  if (first && (familyOf(first.server) !== family || family === "tcp"))
    return { kind: "protocol", loser: bound, winner: first, host: "" };
  if (family !== "tls") return undefined;
  for (const { host } of bound.server.hosts) {
    const winner = servers.find(({ server }) => server.hosts.some((other) => other.host === host));
    if (winner) return { kind: "host", loser: bound, winner, host };
  }
  return undefined;
}

export function openedPorts(mesh: Mesh, workload: Workload): OpenedPorts {
  const ports = new Map<string, Omit<GatewayPort, "servers"> & { readonly servers: BoundServer[] }>();
  const conflicts: ServerConflict[] = [];
  for (const gateway of gatewaysOf(mesh, workload)) {
    for (const server of gateway.servers) {
      for (const number of listeningPorts(mesh, workload, server.port)) {
        const key = `${server.bind ?? ""} ${number}`;
        const open = ports.get(key) ?? { number, bind: server.bind, family: familyOf(server), servers: [] };
        const conflict = rivalOf(open.servers, { gateway, server });
        if (conflict) conflicts.push(conflict);
        else open.servers.push({ gateway, server });
        ports.set(key, open);
      }
    }
  }
  const sorted = [...ports.values()].sort((a, b) => a.number - b.number || ((a.bind ?? "") < (b.bind ?? "") ? -1 : 1));
  return { ports: sorted, conflicts };
}
