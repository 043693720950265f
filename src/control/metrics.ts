// What discovery and the pipeline count, under istiod's names. Series are resolved here, so that a push pays for additions alone.

import { grpcStatusText } from "../grpc/status-text.ts";
import type { CounterSeries } from "../stats/counter.ts";
import type { HistogramSeries } from "../stats/histogram.ts";
import * as names from "../stats/names/control.ts";
import type { Registry } from "../stats/registry.ts";
import { type ResourceKind, SEND_ORDER } from "../xds/type-urls.ts";

/** Why proxies are pushed to: Istio's trigger reasons, as far as there is such a thing here. */
export type Trigger = "config" | "service" | "endpoint" | "proxy";

/** Which of the sources' objects are a registry's, and what Istio calls a change of theirs. */
const REGISTRY_KINDS: ReadonlyMap<string, { readonly trigger: Trigger; readonly update: string }> = new Map([
  ["Service", { trigger: "service", update: "svc" }],
  ["EndpointSlice", { trigger: "endpoint", update: "eds" }],
  ["Pod", { trigger: "endpoint", update: "eds" }],
]);

const REJECTS: Partial<Record<ResourceKind, typeof names.CDS_REJECT>> = {
  cds: names.CDS_REJECT,
  eds: names.EDS_REJECT,
  lds: names.LDS_REJECT,
  rds: names.RDS_REJECT,
};

interface KindSeries {
  readonly pushes: CounterSeries;
  readonly pushTime: HistogramSeries;
  readonly size: HistogramSeries;
}

export class ControlMetrics {
  readonly #registry: Registry;
  readonly #kinds: ReadonlyMap<ResourceKind, KindSeries>;
  /** The code by which a node refuses a type, by both. */
  readonly #refusals = new Map<string, string>();

  constructor(registry: Registry) {
    this.#registry = registry;
    const pushes = registry.counter(names.PUSHES);
    const pushTime = registry.histogram(names.PUSH_TIME);
    const size = registry.histogram(names.CONFIG_SIZE);
    this.#kinds = new Map(
      SEND_ORDER.map((kind) => [
        kind,
        { pushes: pushes.series([kind]), pushTime: pushTime.series([kind]), size: size.series([kind]) },
      ]),
    );
    // Zero is a finding, too.
    const errors = registry.counter(names.INTERNAL_ERRORS);
    errors.add(errors.series([]), 0);
  }

  /** A response went out. `buildMs` is what it took to make and send it, `sendMs` what the sending alone did. */
  pushed(kind: ResourceKind, bytes: number, buildMs: number, sendMs: number): void {
    const series = this.#kinds.get(kind);
    if (!series) return;
    this.#registry.counter(names.PUSHES).increment(series.pushes);
    this.#registry.histogram(names.PUSH_TIME).observe(series.pushTime, buildMs / 1_000);
    this.#registry.histogram(names.CONFIG_SIZE).observe(series.size, bytes);
    const send = this.#registry.histogram(names.SEND_TIME);
    send.observe(send.series([]), sendMs / 1_000);
  }

  /** A change reached one proxy: `ms` since the first event of it. */
  converged(ms: number): void {
    const time = this.#registry.histogram(names.CONVERGENCE_TIME);
    time.observe(time.series([]), ms / 1_000);
  }

  /** How long a proxy waited for its turn among those that are pushed to. */
  queued(ms: number): void {
    const time = this.#registry.histogram(names.QUEUE_TIME);
    time.observe(time.series([]), ms / 1_000);
  }

  refused(kind: ResourceKind, node: string, code: number): void {
    const rejects = this.#registry.counter(names.REJECTS);
    rejects.increment(rejects.series([kind]));
    this.accepted(kind, node);
    const definition = REJECTS[kind];
    if (!definition) return;
    const text = String(grpcStatusText(code, "camel"));
    this.#refusals.set(`${kind}/${node}`, text);
    const gauge = this.#registry.gauge(definition);
    gauge.set(gauge.series([node, text]), 1);
  }

  accepted(kind: ResourceKind, node: string): void {
    const key = `${kind}/${node}`;
    const text = this.#refusals.get(key);
    const definition = REJECTS[kind];
    if (text === undefined || !definition) return;
    this.#refusals.delete(key);
    const gauge = this.#registry.gauge(definition);
    gauge.remove(gauge.series([node, text]));
  }

  /** The proxy's stream is over. */
  forget(node: string): void {
    for (const kind of SEND_ORDER) this.accepted(kind, node);
  }

  expiredNonce(kind: string): void {
    const expired = this.#registry.counter(names.EXPIRED_NONCES);
    expired.increment(expired.series([kind]));
  }

  internalError(): void {
    const errors = this.#registry.counter(names.INTERNAL_ERRORS);
    errors.increment(errors.series([]));
  }

  /** @returns what kind of push the change will lead to */
  received(kind: string, event: "add" | "update" | "delete"): Trigger {
    const known = REGISTRY_KINDS.get(kind);
    const events = this.#registry.counter(known ? names.REGISTRY_EVENTS : names.CONFIG_EVENTS);
    events.increment(events.series([kind, event]));
    const update = known?.update ?? "config";
    const updates = this.#registry.counter(names.INBOUND_UPDATES);
    updates.increment(updates.series([update === "svc" && event === "delete" ? "svcdelete" : update]));
    return known?.trigger ?? "config";
  }

  compiled(triggers: ReadonlySet<Trigger>, modelMs: number): void {
    const counter = this.#registry.counter(names.PUSH_TRIGGERS);
    for (const trigger of triggers) counter.increment(counter.series([trigger]));
    const time = this.#registry.histogram(names.COMPILE_TIME);
    time.observe(time.series([]), modelMs / 1_000);
  }
}
