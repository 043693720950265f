// What is remembered of one request or byte stream while it lasts, for its line in the access log and for header operations.

import { getHeader, type HeaderList } from "../http/headers.ts";
import type { RequestHead, ResponseHead } from "../http/stream.ts";
import type { PlainOperator } from "../table/format.ts";
import type { ConnectionFacts } from "../table/request.ts";
import { isoTime, wallTime } from "./clock.ts";
import type { FormatSource } from "./format-value.ts";
import { addFlag, NO_FLAGS, type ResponseFlag } from "./response-flags.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

/** Envoy's sign for what is not there. */
const ABSENT = "-";

export class AccessRecord implements FormatSource {
  readonly #facts: ConnectionFacts;
  /** On the clock of performance.now(). */
  readonly startedAt = performance.now();
  #endedAt: number | undefined = undefined;
  /** Undefined for a byte stream. */
  readonly request: RequestHead | undefined;
  response: ResponseHead | undefined = undefined;
  trailers: HeaderList | undefined = undefined;
  routeName = "";
  clusterName: string = ABSENT;
  cluster: Cluster | undefined = undefined;
  host: Host | undefined = undefined;
  /** Local end of the connection to the host. */
  upstreamLocal: string = ABSENT;
  attempts = 0;
  flags: string = NO_FLAGS;
  /** Envoy's response code details. */
  details: string = ABSENT;
  transportFailure: string = ABSENT;
  bytesReceived = 0;
  bytesSent = 0;

  constructor(facts: ConnectionFacts, request: RequestHead | undefined) {
    this.#facts = facts;
    this.request = request;
  }

  get responseHeaders(): HeaderList | undefined {
    return this.response?.headers;
  }

  /** So far, or until `end`. */
  get durationMs(): number {
    return (this.#endedAt ?? performance.now()) - this.startedAt;
  }

  /** What is remembered is whole: metrics and logs say the same duration. */
  end(): void {
    this.#endedAt = performance.now();
  }

  flag(flag: ResponseFlag): void {
    this.flags = addFlag(this.flags, flag);
  }

  operator(name: PlainOperator): string {
    const facts = this.#facts;
    switch (name) {
      case "START_TIME":
        return isoTime(wallTime(this.startedAt));
      case "PROTOCOL":
        return this.request?.protocol ?? ABSENT;
      case "RESPONSE_CODE":
        return String(this.response?.status ?? 0);
      case "RESPONSE_FLAGS":
        return this.flags;
      case "RESPONSE_CODE_DETAILS":
        return this.details;
      case "CONNECTION_TERMINATION_DETAILS":
        return ABSENT;
      case "UPSTREAM_TRANSPORT_FAILURE_REASON":
        return this.transportFailure;
      case "BYTES_RECEIVED":
        return String(this.bytesReceived);
      case "BYTES_SENT":
        return String(this.bytesSent);
      case "DURATION":
        return String(Math.round(this.durationMs));
      case "RESPONSE_DURATION":
        return (this.response && getHeader(this.response.headers, "x-envoy-upstream-service-time")) ?? ABSENT;
      case "UPSTREAM_HOST":
        return this.host?.label ?? ABSENT;
      case "UPSTREAM_CLUSTER":
        return this.cluster?.table.statName ?? this.clusterName;
      case "UPSTREAM_CLUSTER_RAW":
        return this.clusterName;
      case "UPSTREAM_LOCAL_ADDRESS":
        return this.upstreamLocal;
      case "UPSTREAM_REQUEST_ATTEMPT_COUNT":
        return String(this.attempts);
      case "DOWNSTREAM_LOCAL_ADDRESS":
        return facts.localLabel;
      case "DOWNSTREAM_REMOTE_ADDRESS":
        return facts.remoteLabel;
      case "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":
        return facts.remoteAddress;
      case "DOWNSTREAM_PEER_URI_SAN":
        return facts.principal || ABSENT;
      case "REQUESTED_SERVER_NAME":
        return facts.serverName || ABSENT;
      case "ROUTE_NAME":
        return this.routeName || ABSENT;
      case "HOSTNAME":
        return process.env.HOSTNAME ?? ABSENT;
    }
  }
}
