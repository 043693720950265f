// Where a program and its sidecar run: on this host, sharing its ports with others, or captured in a network of their own.

import type { Capture } from "../agent/capture.ts";
import { CAPTURE_PORTS } from "../agent/capture-rules.ts";
import type { ProxyStart } from "../agent/sidecar.ts";
import { EXIT, Failure } from "../base/failure.ts";
import {
  type ChosenPorts,
  choosePorts,
  portBook,
  settlePorts,
  USUAL_PORTS,
  type WantedPorts,
} from "./sidecar-ports.ts";
import type { UpstreamOption } from "./values.ts";

export interface Placement {
  /** By which peers reach it. */
  readonly address: string;
  readonly ports: ChosenPorts;
  /** The network of its own; undefined on this host. */
  readonly capture: Capture | undefined;
  /** Its ports once it is known what the mesh says of them. */
  settle(start: ProxyStart): ChosenPorts;
  /** Gives back what was taken. */
  release(): void;
}

/** Throws a Failure when a port cannot be had. */
export function onThisHost(address: string, wanted: WantedPorts, upstreams: readonly UpstreamOption[]): Placement {
  const book = portBook(address);
  try {
    const ports = choosePorts(book, wanted, upstreams);
    return {
      address,
      ports,
      capture: undefined,
      settle: (start) => settlePorts((port) => book.choose(port), ports, wanted, start),
      release: () => book.release(),
    };
  } catch (thrown) {
    book.release();
    throw thrown;
  }
}

/** In the network of a captured program. */
const RESERVED: readonly number[] = [...Object.values(USUAL_PORTS), ...Object.values(CAPTURE_PORTS)];

/** Throws a Failure when this machine cannot capture. In a network of one's own every port is free. */
export async function captured(
  { name, namespace }: { readonly name: string; readonly namespace: string },
  wanted: WantedPorts,
): Promise<Placement> {
  if (Object.keys(wanted).length > 0) {
    throw new Failure("--capture and ports of the sidecar exclude each other", {
      hint: "leave the ports out: a captured program has a network of its own, with the usual ones",
      exit: EXIT.usage,
    });
  }
  // Loaded by those alone who capture: it calls the C library.
  const { Capture } = await import("../agent/capture.ts");
  const capture = Capture.open({ name, namespace, openPorts: [USUAL_PORTS.mesh, USUAL_PORTS.status] });
  // The way to the agent is open by then, and stays where it is.
  const settle = ({ adminPort }: ProxyStart) =>
    settlePorts((port) => (RESERVED.includes(port) ? USUAL_PORTS.admin : port), USUAL_PORTS, {}, { adminPort });
  return { address: capture.address, ports: USUAL_PORTS, capture, settle, release: () => capture.close() };
}
