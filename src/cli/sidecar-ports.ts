// The ports of a sidecar: asked for by number, or the usual ones where they are free.

import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { PortBook } from "../agent/ports.ts";
import type { ProxyStart } from "../agent/sidecar.ts";
import { EXIT, Failure } from "../base/failure.ts";
import type { UpstreamOption } from "./values.ts";

/** Istio's numbers; 15080 is ours. */
export const USUAL_PORTS = {
  admin: 15_000,
  inbound: 15_006,
  mesh: 15_008,
  status: 15_020,
  forwardProxy: 15_080,
} as const;
export type PortName = keyof typeof USUAL_PORTS;

/** A number, 0 for any free one; absent: the usual one, or any other where that is taken. */
export type WantedPorts = Readonly<Partial<Record<PortName, number>>>;
export type ChosenPorts = Readonly<Record<PortName, number>>;

/** Sidecars of one user share a host, whatever their control planes. */
export function portBook(host: string): PortBook {
  return new PortBook(join(tmpdir(), `heddle-ports-${userInfo().uid}`), host);
}

/** Throws a Failure when a port that was asked for by number cannot be had. The book must be released at the end. */
export function choosePorts(book: PortBook, wanted: WantedPorts, upstreams: readonly UpstreamOption[]): ChosenPorts {
  for (const { port } of upstreams) insist(book, port, "--upstream", "choose another port");
  const choose = (name: PortName, option: string): number => {
    const number = wanted[name];
    if (number !== undefined && number > 0)
      return insist(book, number, option, "choose another port, 0 for any free one");
    return book.choose(number ?? USUAL_PORTS[name]);
  };
  return {
    admin: choose("admin", "--admin-port"),
    inbound: choose("inbound", "--inbound-port"),
    mesh: choose("mesh", "--mesh-port"),
    status: choose("status", "--status-port"),
    forwardProxy: choose("forwardProxy", "--forward-proxy-port"),
  };
}

/** As far as nobody asked for a port at the start, the mesh's word; what is taken gives way here, too. */
export function settlePorts(
  choose: (port: number) => number,
  chosen: ChosenPorts,
  wanted: WantedPorts,
  { adminPort, statusPort, forwardProxyPort }: Pick<ProxyStart, "adminPort" | "statusPort" | "forwardProxyPort">,
): ChosenPorts {
  const settle = (name: "admin" | "status" | "forwardProxy", said = 0): number =>
    said === 0 || said === USUAL_PORTS[name] || wanted[name] !== undefined ? chosen[name] : choose(said);
  return {
    ...chosen,
    admin: settle("admin", adminPort),
    status: settle("status", statusPort),
    forwardProxy: settle("forwardProxy", forwardProxyPort),
  };
}

function insist(book: PortBook, port: number, option: string, way: string): number {
  if (book.choose(port) === port) return port;
  throw new Failure(`${option}: port ${port} is in use`, {
    hint: `${way}, or stop the program that uses it`,
    exit: EXIT.failure,
  });
}
