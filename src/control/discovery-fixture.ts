// A control plane with discovery on a port of its own, for tests that are its clients.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readObjects } from "../dialect/object.ts";
import { type GrpcListener, listenGrpc } from "../grpc/listen.ts";
import { GrpcService } from "../grpc/server.ts";
import { connectTo } from "../grpc/test-wire.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { expositionText } from "../stats/exposition.ts";
import { Registry } from "../stats/registry.ts";
import { ControlPlane } from "./control-plane.ts";
import type { Compilation } from "./pipeline.ts";
import type { SourceListener } from "./source/source.ts";

export const WORLD = readFileSync(join(import.meta.dir, "../../test/golden/compile/world.yaml"), "utf8");
export const SERVER = "spiffe://cluster.local/ns/default/sa/golden-signal";
export const CLIENT = "spiffe://cluster.local/ns/default/sa/client";
export const CLUSTER = "outbound|80||golden-signal.default.svc.cluster.local";

/** For proxies that hold their answers; whoever does not is done with them before. */
export const TRUST_MS = 200;

type Connection = Awaited<ReturnType<typeof connectTo>>;

/** A control plane with a source that the test speaks for. */
export class World {
  source: SourceListener | undefined;
  readonly compiled: Compilation[] = [];
  readonly connections: string[] = [];
  readonly registry = new Registry();
  readonly control = new ControlPlane({
    settings: DEFAULT_SETTINGS,
    debounce: { quietMs: 5, maxMs: 100 },
    sources: [
      {
        name: "the test",
        start: (listener) => {
          this.source = listener;
          this.tell(WORLD);
          listener.onSynced();
        },
        stop() {},
      },
    ],
    registry: this.registry,
    trustMs: TRUST_MS,
    onConnected: (workload) => this.connections.push(`+${workload}`),
    onDisconnected: (workload) => this.connections.push(`-${workload}`),
    onCompiled: (compilation) => this.compiled.push(compilation),
  });
  #listener: GrpcListener | undefined;
  readonly #opened: Connection[] = [];
  #principal = "";

  async start(): Promise<void> {
    await this.control.start();
    const service = new GrpcService(this.control.methods);
    const peerOf = () => ({ principal: this.#principal, address: "127.0.0.1:1" });
    this.#listener = listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, peerOf);
  }

  tell(text: string): void {
    for (const object of readObjects("world.yaml", text).objects) this.source?.onObject(object);
  }

  /** The next connections are taken to have proven it. */
  set principal(principal: string) {
    this.#principal = principal;
  }

  /** A connection that is taken to have proven `principal`. */
  async connect(principal: string): Promise<Connection> {
    this.#principal = principal;
    const connection = await connectTo(this.#listener!.port);
    this.#opened.push(connection);
    return connection;
  }

  get port(): number {
    return this.#listener!.port;
  }

  /** Sum of the series of a metric that have `labels` in them; 0 without any. */
  metric(name: string, labels = ""): number {
    const lines = expositionText(this.registry, "text").split("\n");
    return lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => line.includes(labels))
      .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  stop(): void {
    for (const connection of this.#opened) connection.shutdown();
    this.#listener?.stop();
    this.control.stop();
  }
}
