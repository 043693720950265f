// One generated mesh on both proxies, and where they, or what is explained of them, differ.

import { Application } from "../xds/application.ts";
import { unlike, type Words } from "./compare.ts";
import { exchange, PROTOCOLS, type Protocol, type Seen } from "./exchange.ts";
import { misexplained } from "./explained.ts";
import type { GeneratedMesh } from "./mesh.ts";
import type { AskedRequest } from "./requests.ts";
import { type Applications, type Running, World } from "./world.ts";

export interface Difference {
  readonly request: AskedRequest;
  readonly protocol: Protocol;
  readonly words: Words;
}

/** It tells of HTTP/1.1, as a client of the forward proxy and of the gateway speaks it. */
function explanation(running: Running, request: AskedRequest, seen: Seen): Words | undefined {
  return seen.protocol === "HTTP/1.1" ? misexplained(running, request, seen) : undefined;
}

/** Both proxies, for all the meshes of a run. */
export class Laboratory {
  readonly #applications: Applications;
  readonly #worlds: readonly [envoy: World, heddle: World];

  private constructor(applications: Applications, worlds: readonly [World, World]) {
    this.#applications = applications;
    this.#worlds = worlds;
  }

  static async start(): Promise<Laboratory> {
    const applications = { golden: new Application("golden"), silver: new Application("silver") };
    const worlds = await Promise.all([World.start("envoy", applications), World.start("heddle", applications)]);
    return new Laboratory(applications, worlds);
  }

  stop(): void {
    for (const world of this.#worlds) world.stop();
  }

  /** @throws Error with the words of the proxy that refuses the mesh, or of the compiler that refuses an object. */
  async differences(mesh: GeneratedMesh, requests: readonly AskedRequest[]): Promise<readonly Difference[]> {
    const [envoys, heddles] = this.#worlds;
    const running = await Promise.all([envoys.run(mesh), heddles.run(mesh)]);
    const refusals = running.flatMap((one) => one.refusals);
    if (refusals.length > 0) throw new Error(`objects are refused: ${refusals.join("; ")}`);
    const envoy = await exchange(running[0], requests, this.#applications);
    const heddle = await exchange(running[1], requests, this.#applications);
    return requests.flatMap((request, i) =>
      PROTOCOLS.flatMap((protocol, p) => {
        const seen = heddle[i]![p]!;
        const words = unlike(request, envoy[i]![p]!, seen) ?? explanation(running[1], request, seen);
        return words ? [{ request, protocol, words }] : [];
      }),
    );
  }
}
