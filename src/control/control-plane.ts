// The control plane without its surroundings: sources in, discovery out. Who signs certificates, who scrapes and who shows it is wired by the command line.

import type { Method } from "../grpc/server.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { WorkloadKey } from "../model/workload.ts";
import { Registry } from "../stats/registry.ts";
import type { Node } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { DebounceOptions } from "./debounce.ts";
import { ADS_PATH, Discovery } from "./discovery.ts";
import { ControlMetrics } from "./metrics.ts";
import { type Compilation, Pipeline } from "./pipeline.ts";
import type { Source } from "./source/source.ts";

export interface ControlPlaneOptions {
  readonly settings: MeshSettings;
  readonly debounce: DebounceOptions;
  /** Of objects with one name, those of the first source count. */
  readonly sources: readonly Source[];
  /** Where its own metrics go. */
  readonly registry?: Registry;
  /** See Discovery. */
  readonly trustMs?: number;
  /** How long a route may wait for the clusters that it names. */
  readonly patienceMs?: number | undefined;
  /** A workload's proxy came, or its last stream went. */
  onConnected(workload: WorkloadKey, node: Node): void;
  onDisconnected(workload: WorkloadKey): void;
  onCompiled(compilation: Compilation): void;
  /** What proxies have in force may be other than before. */
  onProgress?(): void;
}

export class ControlPlane {
  readonly discovery: Discovery;
  readonly pipeline: Pipeline;
  readonly #sources: readonly Source[];

  constructor(options: ControlPlaneOptions) {
    this.#sources = options.sources;
    const metrics = new ControlMetrics(options.registry ?? new Registry());
    this.discovery = new Discovery(
      {
        onServerNames: (workload, names) => this.pipeline.acknowledge(workload, names),
        onConnected: options.onConnected,
        onDisconnected: options.onDisconnected,
        onProgress: () => options.onProgress?.(),
      },
      metrics,
      options.trustMs,
      options.patienceMs,
    );
    this.pipeline = new Pipeline(
      options.settings,
      options.debounce,
      options.sources.map(({ name }) => name),
      (compilation) => {
        this.discovery.publish(compilation);
        options.onCompiled(compilation);
      },
      metrics,
    );
  }

  /** The gRPC methods of discovery, by path. */
  get methods(): Readonly<Record<string, Method>> {
    return { [ADS_PATH]: this.discovery.method };
  }

  /** Resolves when every source has told what it has, and the first compilation is out. */
  start(): Promise<void> {
    let missing = this.#sources.length;
    return new Promise((resolve) => {
      for (const [rank, source] of this.#sources.entries()) {
        source.start({
          ...this.pipeline.listener(rank),
          onSynced: () => {
            if (--missing > 0) return;
            this.pipeline.onSynced();
            resolve();
          },
        });
      }
    });
  }

  stop(): void {
    for (const source of this.#sources) source.stop();
    this.pipeline.stop();
  }
}
