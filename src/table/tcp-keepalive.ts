// TCP keep-alive of connections (envoy.config.core.v3.TcpKeepalive).

/** Undefined: as the system has it. */
export interface TcpKeepalive {
  /** Probes without an answer, after which the connection is gone. */
  readonly probes: number | undefined;
  /** Seconds of silence before the first. */
  readonly idleSeconds: number | undefined;
  /** Seconds between them. */
  readonly intervalSeconds: number | undefined;
}
