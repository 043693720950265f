// Where a program and its sidecar run: on this host, sharing its ports with others, or captured in a network of their own.

import type { Capture } from "../agent/capture.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { type ChosenPorts, choosePorts, portBook, USUAL_PORTS, type WantedPorts } from "./sidecar-ports.ts";
import type { UpstreamOption } from "./values.ts";

export interface Placement {
  /** By which peers reach it. */
  readonly address: string;
  readonly ports: ChosenPorts;
  /** The network of its own; undefined on this host. */
  readonly capture: Capture | undefined;
  /** Gives back what was taken. */
  release(): void;
}

/** Throws a Failure when a port cannot be had. */
export function onThisHost(address: string, wanted: WantedPorts, upstreams: readonly UpstreamOption[]): Placement {
  const book = portBook(address);
  try {
    return { address, ports: choosePorts(book, wanted, upstreams), capture: undefined, release: () => book.release() };
  } catch (thrown) {
    book.release();
    throw thrown;
  }
}

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
  return { address: capture.address, ports: USUAL_PORTS, capture, release: () => capture.close() };
}
