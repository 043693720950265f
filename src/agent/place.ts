// Where the proxy and the application run, as the agent beside them deals with it: on this host, or in a captured network of their own.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import type { Registry } from "../stats/registry.ts";
import type { Capture } from "./capture.ts";
import { CapturedNames } from "./captured-names.ts";
import type { HeldIdentity } from "./identity.ts";
import { relay, relaySocket } from "./relay.ts";
import type { Sidecar } from "./sidecar.ts";

export interface Place {
  /** Path of a Unix socket that leads to the control plane; undefined where its address does. */
  readonly controlPlane: string | undefined;
  proxyCommand(command: readonly string[]): readonly string[];
  applicationCommand(command: readonly string[]): readonly string[];
  /** Sockets that `work` makes before it returns are there, and not here. */
  enter<T>(work: () => T): T;
  /** Of a URL with a loopback address, there. */
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Resolves when the names of the mesh can be looked up, or are late. Rejects when no name can be. */
  resolveNames(current: () => HeldIdentity | undefined): Promise<void>;
  /** The place itself stays. */
  close(): void;
}

export const THIS_HOST: Place = {
  controlPlane: undefined,
  proxyCommand: (command) => command,
  applicationCommand: (command) => command,
  enter: (work) => work(),
  fetch: (url, init) => fetch(url, init),
  resolveNames: async () => {}, // by the forward proxy and the ports of upstreams
  close() {},
};

export class CapturedPlace implements Place {
  readonly controlPlane: string;
  readonly #capture: Capture;
  readonly #sidecar: Sidecar;
  readonly #relays = new Map<string, { stop(): void }>();
  readonly #names: CapturedNames;

  /** The sidecar's folder must exist. @throws Failure when its path is too long for Unix sockets. */
  constructor(capture: Capture, sidecar: Sidecar, registry: Registry) {
    this.#capture = capture;
    this.#sidecar = sidecar;
    this.#names = new CapturedNames(capture, sidecar, registry);
    const { host, port } = sidecar.controlPlane;
    this.controlPlane = join(sidecar.folder, "xds.sock");
    this.#relays.set(this.controlPlane, relay(this.controlPlane, { host, port }));
  }

  proxyCommand(command: readonly string[]): readonly string[] {
    return this.#capture.proxy(command);
  }

  /** @throws Failure when there is no such program: `ip` would complain in its stead, with an exit code of its own. */
  applicationCommand(command: readonly string[]): readonly string[] {
    const [program = ""] = command;
    if (!(program.includes("/") ? existsSync(program) : Bun.which(program)))
      throw new Failure(`cannot start ${program}: no such program`, {
        hint: "is the program installed and on the PATH?",
      });
    return this.#capture.application(command);
  }

  enter<T>(work: () => T): T {
    return this.#capture.enter(work);
  }

  fetch(url: string, init: RequestInit): Promise<Response> {
    const { hostname, port } = new URL(url);
    const target = { host: hostname, port: Number(port) || 80 };
    const unix = relaySocket(this.#sidecar.folder, target.port);
    if (!this.#relays.has(unix)) {
      this.#relays.set(
        unix,
        relay(unix, target, (work) => this.enter(work)),
      );
    }
    return fetch(url, { ...init, unix });
  }

  resolveNames(current: () => HeldIdentity | undefined): Promise<void> {
    return this.#names.start(current);
  }

  close(): void {
    this.#names.close();
    for (const { stop } of this.#relays.values()) stop();
    this.#relays.clear();
  }
}
