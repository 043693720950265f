// Statistics streamed to a service at every flush (Envoy: envoy.stat_sinks.metrics_service). What cannot be sent is sent the next time: a
// service that is slow, or gone, holds up nothing and has nothing waiting for it.

import { create, toBinary } from "@bufbuild/protobuf";
import { anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { logger } from "../../base/log.ts";
import { LastingStream } from "../../grpc/channel.ts";
import type { ClientCall } from "../../grpc/client.ts";
import type { Bootstrap } from "../../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import {
  HistogramEmitMode,
  type MetricsServiceConfig,
  MetricsServiceConfigSchema,
} from "../../xds/gen/envoy/config/metrics/v3/metrics_service_pb.ts";
import { StatsdSinkSchema, type StatsSink } from "../../xds/gen/envoy/config/metrics/v3/stats_pb.ts";
import { StreamMetricsMessageSchema } from "../../xds/gen/envoy/service/metrics/v3/metrics_service_pb.ts";
import type { Stat } from "../admin/stat.ts";
import { connectorTo } from "../cluster-connector.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { encodeMetrics, type MetricForm } from "./metric-families.ts";
import { statsdSink } from "./statsd.ts";

const log = logger("proxy");

const PATH = "/envoy.service.metrics.v3.MetricsService/StreamMetrics";
/** Envoy's. */
const DEFAULT_FLUSH_MS = 5_000;
const NOBODY = new Uint8Array(0);

export interface MetricsSource {
  readonly bootstrap: Bootstrap;
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** Every one, as it is. */
  stats(): readonly Stat[] | Promise<readonly Stat[]>;
}

interface Sink {
  tell(stats: readonly Stat[]): void;
  close(): void;
}

/** @returns what ends it. */
export function streamMetrics({ bootstrap, clusters, stats }: MetricsSource): () => void {
  const sinks = bootstrap.statsSinks.flatMap((sink, i) => sinkOf(sink, `stats_sinks[${i}]`, bootstrap, clusters) ?? []);
  if (sinks.length === 0) return () => {};
  const { statsFlush, statsFlushInterval } = flushOf(bootstrap);
  if (statsFlush === "on demand") log.warn("stats_flush_on_admin has no effect: statistics are streamed all the time");
  const timer = setInterval(async () => {
    const now = await stats();
    for (const sink of sinks) sink.tell(now);
  }, statsFlushInterval);
  timer.unref();
  return () => {
    clearInterval(timer);
    for (const sink of sinks) sink.close();
  };
}

function flushOf({ statsFlush, statsFlushInterval }: Bootstrap) {
  const isOnDemand = statsFlush.case === "statsFlushOnAdmin" && statsFlush.value;
  const said = statsFlushInterval && durationMs(statsFlushInterval);
  return {
    statsFlush: isOnDemand ? ("on demand" as const) : ("by time" as const),
    statsFlushInterval: said || DEFAULT_FLUSH_MS,
  };
}

/** Undefined, with a word of it: nobody is told. */
function sinkOf(
  { name, configType }: StatsSink,
  path: string,
  bootstrap: Bootstrap,
  clusters: ReadonlyMap<string, Cluster>,
): Sink | undefined {
  const typed = configType.case === "typedConfig" ? configType.value : undefined;
  const statsd = typed && anyUnpack(typed, StatsdSinkSchema);
  const sink = statsd && statsdSink(statsd);
  if (sink) return sink;
  const config = typed && anyUnpack(typed, MetricsServiceConfigSchema);
  const target = config?.grpcService?.targetSpecifier;
  const cluster = target?.case === "envoyGrpc" ? clusters.get(target.value.clusterName) : undefined;
  if (config && cluster) return new MetricsStream(config, bootstrap, cluster);
  const reason = statsd
    ? "its address is no port of an IP address"
    : config
      ? "its grpc_service is no cluster of the bootstrap"
      : "no such sink";
  log.warn("statistics are not streamed", { path, name, reason });
  return undefined;
}

function formOf({ histogramEmitMode: mode, reportCountersAsDeltas }: MetricsServiceConfig): MetricForm {
  return {
    emitsSummaries: mode !== HistogramEmitMode.HISTOGRAM,
    emitsHistograms: mode !== HistogramEmitMode.SUMMARY,
    toldCounts: reportCountersAsDeltas ? new Map() : undefined,
  };
}

class MetricsStream implements Sink {
  readonly #form: MetricForm;
  readonly #identifier: Uint8Array;
  readonly #stream: LastingStream;
  #call: ClientCall | undefined;
  #isFirst = true;
  /** The service has taken what was sent before. */
  #isWritable = true;

  constructor(config: MetricsServiceConfig, { node }: Bootstrap, cluster: Cluster) {
    this.#form = formOf(config);
    const message = create(StreamMetricsMessageSchema, { identifier: node ? { node } : {} });
    this.#identifier = toBinary(StreamMetricsMessageSchema, message);
    this.#stream = new LastingStream(
      connectorTo(cluster),
      PATH,
      { authority: cluster.table.name },
      {
        onOpen: (call) => {
          this.#call = call;
          this.#isFirst = true;
          this.#isWritable = true;
        },
        onMessage() {},
        onWritable: () => {
          this.#isWritable = true;
        },
        onLost: () => {
          this.#call = undefined;
        },
      },
    );
    this.#stream.open();
  }

  tell(stats: readonly Stat[]): void {
    if (!this.#call || !this.#isWritable) return;
    const message = encodeMetrics(stats, this.#form, Date.now(), this.#isFirst ? this.#identifier : NOBODY);
    this.#isFirst = false;
    this.#isWritable = this.#call.send(message);
  }

  close(): void {
    this.#stream.close();
  }
}
