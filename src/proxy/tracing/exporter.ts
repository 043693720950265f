// Finished spans on their way to the collector: gathered, told a few at a time, and dropped rather than slow anything down.

import { Alarm, timers } from "../../base/timer-wheel.ts";
import type { Tracer } from "../../table/tracing.ts";
import { CollectorReport, type ReportContent } from "../collector-report.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { encodeOtlp } from "./otlp.ts";
import type { Span } from "./span.ts";
import type { Teller } from "./span-tags.ts";
import { encodeZipkin } from "./zipkin.ts";

/** Envoy's (runtime `tracing.<kind>.min_flush_spans`, `.flush_interval_ms`). */
export interface FlushSettings {
  minSpans: number;
  intervalMs: number;
}

/** Beyond this, spans are dropped and counted: memory is for traffic. Envoy has no bound; a span is about 2 KB. */
const MAX_SPANS = 2_000;
/** What a report holds at most: collectors refuse larger ones (Zipkin: 5 MB; gRPC: 4 MB). */
const MAX_REPORTED = 512;
const GRPC_PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** As Envoy counts (`tracing.zipkin.*`, `tracing.opentelemetry.*`). */
export class SpanStats {
  spansSent = 0;
  spansDropped = 0;
  timerFlushed = 0;
  reportsSent = 0;
  reportsDropped = 0;
  reportsFailed = 0;
  reportsSkippedNoCluster = 0;
}

export class SpanExporter {
  readonly tracer: Tracer;
  readonly stats: SpanStats;
  readonly #teller: Teller;
  readonly #clusters: ReadonlyMap<string, Cluster>;
  readonly #settings: FlushSettings;
  readonly #alarm = new Alarm(() => this.#onTimer());
  #waiting: Span[] = [];
  #isReporting = false;
  #isClosing = false;

  constructor(
    tracer: Tracer,
    teller: Teller,
    clusters: ReadonlyMap<string, Cluster>,
    settings: FlushSettings,
    stats: SpanStats,
  ) {
    this.tracer = tracer;
    this.#teller = teller;
    this.#clusters = clusters;
    this.#settings = settings;
    this.stats = stats;
  }

  take(span: Span): void {
    if (this.#waiting.length >= MAX_SPANS) {
      this.stats.spansDropped++;
      return;
    }
    this.#waiting.push(span);
    this.#next();
  }

  /** One report is under way at a time: what comes meanwhile goes with the next, so that reports grow with the traffic. */
  #next(): void {
    if (this.#isReporting || this.#waiting.length === 0) return;
    if (this.#isClosing || this.#waiting.length >= this.#settings.minSpans) this.flush();
    else if (!this.#alarm.armed) timers.arm(this.#alarm, this.#settings.intervalMs);
  }

  #onTimer(): void {
    this.stats.timerFlushed++;
    this.flush();
  }

  flush(): void {
    if (this.#isReporting || this.#waiting.length === 0) return;
    timers.disarm(this.#alarm);
    const spans = this.#waiting.length > MAX_REPORTED ? this.#waiting.splice(0, MAX_REPORTED) : this.#waiting;
    if (spans === this.#waiting) this.#waiting = [];
    this.stats.spansSent += spans.length;
    const cluster = this.#clusters.get(this.tracer.cluster);
    if (!cluster) {
      this.stats.reportsSkippedNoCluster++;
      return;
    }
    this.#isReporting = true;
    new CollectorReport(cluster, this.#content(spans), (outcome) => this.#onReported(outcome)).send();
  }

  #content(spans: readonly Span[]): ReportContent {
    const { tracer } = this;
    const { authority, headers, timeoutMs } = tracer;
    if (tracer.kind === "zipkin") {
      const body = encodeZipkin(spans, this.#teller);
      const { path } = tracer;
      return { authority, path, type: "application/json", headers, body, timeoutMs };
    }
    const { httpPath } = tracer;
    const type = httpPath === undefined ? undefined : "application/x-protobuf";
    return {
      authority,
      path: httpPath ?? GRPC_PATH,
      type,
      headers,
      body: encodeOtlp(spans, tracer.resource),
      timeoutMs,
    };
  }

  #onReported(outcome: "taken" | "refused" | "failed"): void {
    if (outcome === "taken") this.stats.reportsSent++;
    else if (outcome === "refused") this.stats.reportsDropped++;
    else this.stats.reportsFailed++;
    this.#isReporting = false;
    this.#next();
  }

  /** What waits is told at once. */
  close(): void {
    this.#isClosing = true;
    timers.disarm(this.#alarm);
    this.flush();
  }

  get isBusy(): boolean {
    return this.#isReporting;
  }
}

/** At the proxy's end: for collectors to answer to the last spans. */
const CLOSE_MS = 1_000;
const CLOSE_POLL_MS = 5;

/** The proxy's exporters: connection managers that tell the same collector share one. */
export class Tracers {
  readonly stats: Readonly<Record<Tracer["kind"], SpanStats>> = {
    zipkin: new SpanStats(),
    opentelemetry: new SpanStats(),
  };
  readonly settings: Readonly<Record<Tracer["kind"], FlushSettings>> = {
    zipkin: { minSpans: 5, intervalMs: 5_000 },
    opentelemetry: { minSpans: 5, intervalMs: 5_000 },
  };
  /** Kinds that somebody was told by. */
  readonly used = new Set<Tracer["kind"]>();
  teller: Teller = { nodeId: "", zone: "", serviceName: "" };
  readonly #clusters: ReadonlyMap<string, Cluster>;
  /** Held by the connection managers that use them, and by their own timer while spans wait. */
  readonly #exporters = new Map<string, WeakRef<SpanExporter>>();

  constructor(clusters: ReadonlyMap<string, Cluster>) {
    this.#clusters = clusters;
  }

  open(tracer: Tracer): SpanExporter {
    for (const [key, held] of this.#exporters) if (!held.deref()) this.#exporters.delete(key);
    const key = JSON.stringify(tracer);
    const known = this.#exporters.get(key)?.deref();
    if (known) return known;
    const { kind } = tracer;
    this.used.add(kind);
    const exporter = new SpanExporter(tracer, this.teller, this.#clusters, this.settings[kind], this.stats[kind]);
    this.#exporters.set(key, new WeakRef(exporter));
    return exporter;
  }

  /** What waits is told before the clusters go. */
  async close(): Promise<void> {
    const exporters = [...this.#exporters.values()].flatMap((held) => held.deref() ?? []);
    for (const exporter of exporters) exporter.close();
    const deadline = performance.now() + CLOSE_MS;
    while (exporters.some(({ isBusy }) => isBusy) && performance.now() < deadline) await Bun.sleep(CLOSE_POLL_MS);
  }
}
