// What is remembered of one request or byte stream while it lasts, for its line in the access log and for header operations.

import type { JsonObject } from "@bufbuild/protobuf";
import { GRPC_STATUS } from "../base/grpc-code.ts";
import { statusNumber, statusOfHttp } from "../grpc/status.ts";
import { getHeader, type HeaderList } from "../http/headers.ts";
import type { ClientStream, RequestHead, ResponseHead, StreamBytes } from "../http/stream.ts";
import { applyFilterState, type FilterStateObject, type FilterStateRule } from "../table/filter-state.ts";
import type { Moment, PlainOperator } from "../table/format/catalogue.ts";
import type { MetadataSource } from "../table/format/part.ts";
import type { LogFacts, LogType } from "../table/log-filter.ts";
import { type FilterMetadata, mergeMetadata } from "../table/metadata.ts";
import type { Route } from "../table/route.ts";
import { wallMs } from "./clock.ts";
import type { DownstreamFacts } from "./connection-facts.ts";
import { type FormatSource, formatText } from "./format-value.ts";
import { recordOperator } from "./record-operator.ts";
import { addFlag, NO_FLAGS, type ResponseFlag } from "./response-flags.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

export class AccessRecord implements FormatSource, LogFacts {
  /** Of the connection, or as trusted proxies before this one tell them of the client. */
  facts: DownstreamFacts;
  /** On the clock of performance.now(), as all of the moments; 0 when they have not come. */
  readonly startedAt = performance.now();
  /** Namespaces and values in turns, in the order in which they were found: most are never read. */
  #found: (string | JsonObject)[] | undefined = undefined;
  #kept: Map<string, FilterStateObject> | undefined = undefined;
  #requestOverAt = 0;
  #sendingAt = 0;
  #sentAt = 0;
  #respondedAt = 0;
  #upstreamOverAt = 0;
  #answeredAt = 0;
  #endedAt = 0;
  /** Undefined for a byte stream. */
  readonly request: RequestHead | undefined;
  response: ResponseHead | undefined = undefined;
  trailers: HeaderList | undefined = undefined;
  grpcStatus: number | undefined = undefined;
  route: Route | undefined = undefined;
  clusterName = "";
  cluster: Cluster | undefined = undefined;
  host: Host | undefined = undefined;
  /** Local end of the connection to the host; "" without. */
  upstreamLocal = "";
  attempts = 0;
  /** Which moment a line is of. */
  logType: LogType;
  flags: string = NO_FLAGS;
  /** Envoy's response code details. */
  details: string | undefined = undefined;
  transportFailure: string | undefined = undefined;
  /** Why the proxy ended the connection, in Envoy's words. */
  terminationDetails: string | undefined = undefined;
  /** What the client's stream and the attempts' have moved; undefined for a byte stream, and without any. */
  downstream: Readonly<StreamBytes> | undefined = undefined;
  upstream: Readonly<StreamBytes> | undefined = undefined;
  bytesReceived = 0;
  bytesSent = 0;
  /** A check of this proxy, or of the application through it. */
  isHealthCheck = false;
  /** The response went out to its end. */
  isWhole = false;

  constructor(facts: DownstreamFacts, request: RequestHead | undefined) {
    this.logType = request ? "DownstreamEnd" : "TcpConnectionEnd";
    this.facts = facts;
    this.request = request;
  }

  /** That the host was spoken to in. */
  upstreamProtocol: string | undefined = undefined;

  get serverName(): string {
    return this.facts.serverName;
  }

  get status(): number {
    return this.response?.status ?? 0;
  }

  get impliedGrpcStatus(): number {
    const fields = [this.trailers, this.response?.headers];
    for (const headers of fields) {
      const status = headers && statusNumber(headers);
      if (status !== undefined) return status;
    }
    return GRPC_STATUS[statusOfHttp(this.status).code];
  }

  /** So far, or until `end`. */
  get durationMs(): number {
    return (this.#endedAt || performance.now()) - this.startedAt;
  }

  // ── the moments, in the order in which most requests see them ──────────────────────────────────────────────────────────────────

  /** The client's last byte came. */
  requestOver(): void {
    this.#requestOverAt = performance.now();
  }

  get requestIsOver(): boolean {
    return this.#requestOverAt !== 0;
  }

  /** An attempt has its connection, and the head is on its way; `whole`: with it everything. */
  sending(whole: boolean): void {
    this.#sendingAt = performance.now();
    if (whole) this.#sentAt = this.#sendingAt;
  }

  /** Bytes of attempts before count on in this one's (Envoy: StreamInfoImpl::setUpstreamBytesMeter). */
  sendBy(stream: ClientStream): void {
    const before = this.upstream;
    this.upstream = stream;
    if (!before) return;
    stream.wireSent += before.wireSent;
    stream.wireReceived += before.wireReceived;
    stream.headerSent += before.headerSent;
    stream.headerReceived += before.headerReceived;
  }

  sent(): void {
    this.#sentAt = performance.now();
  }

  /** A host's response head came. */
  responded(): void {
    this.#respondedAt = performance.now();
  }

  /** The host's last byte came. */
  upstreamOver(): void {
    this.#upstreamOverAt = performance.now();
  }

  /** The response's head went to the client. */
  answered(): void {
    this.#answeredAt = performance.now();
  }

  /** What is remembered is whole: metrics and logs say the same duration. */
  end(): void {
    this.#endedAt = performance.now();
  }

  moment(name: Moment): number | undefined {
    switch (name) {
      case "DS_RX_BEG":
        return this.startedAt;
      case "DS_RX_END":
        return this.#requestOverAt || undefined;
      case "US_TX_BEG":
        return this.#sendingAt || undefined;
      case "US_TX_END":
        return this.#sentAt || undefined;
      case "US_RX_BEG":
        return this.#respondedAt || undefined;
      case "US_RX_END":
        return this.#respondedAt === 0 ? undefined : this.#upstreamOverAt || undefined;
      case "DS_TX_BEG":
        return this.#answeredAt || undefined;
      case "DS_TX_END":
        return this.#endedAt || undefined;
    }
  }

  time(of: "start" | "emit" | "peer-start" | "peer-end"): number | undefined {
    switch (of) {
      case "start":
        return wallMs(this.startedAt);
      case "emit":
        return wallMs(performance.now());
      case "peer-start":
        return this.facts.peer?.notBeforeMs;
      case "peer-end":
        return this.facts.peer?.notAfterMs;
    }
  }

  // ── flags ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  flag(flag: ResponseFlag): void {
    this.flags = addFlag(this.flags, flag);
  }

  get hasFlags(): boolean {
    return this.flags !== NO_FLAGS;
  }

  hasFlag(flag: string): boolean {
    return this.flags === flag || this.flags.split(",").includes(flag);
  }

  // ── metadata ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a filter found out (Envoy's dynamic metadata); its keys stand over those that are there. */
  setMetadata(namespace: string, values: JsonObject): void {
    this.#found ??= [];
    this.#found.push(namespace, values);
  }

  metadata(of: MetadataSource): FilterMetadata | undefined {
    switch (of) {
      case "dynamic":
        return this.#found && mergeMetadata(this.#found);
      case "route":
        return this.route?.metadata;
      case "cluster":
        return this.cluster?.table.metadata;
      case "upstream-host":
        return this.host?.metadata;
    }
  }

  // ── filter state ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  keep(rules: readonly FilterStateRule[]): void {
    this.#kept ??= new Map(this.facts.filterState);
    applyFilterState(this.#kept, rules, ({ format, absent }) => formatText(format, this, absent));
  }

  /** Of the request, else of the connection. */
  filterState(key: string): FilterStateObject | undefined {
    return (this.#kept ?? this.facts.filterState)?.get(key);
  }

  operator(name: PlainOperator): string | number | undefined {
    return recordOperator(name, this);
  }

  requestHeader(name: string): string | undefined {
    return this.request && getHeader(this.request.headers, name);
  }
}
