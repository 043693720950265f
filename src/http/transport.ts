// What a codec needs of a socket. net/ implements it for TCP, TLS and Unix sockets; tests implement it in memory.

export interface Transport {
  /**
   * Writes `length` bytes from `start` on, all when they are left out: a view costs more than two numbers. Bytes taken, 0 to the
   * length; the rest waits for the connection's `drained`. -1 when the transport is gone.
   */
  write(bytes: Uint8Array, start?: number, length?: number): number;
  /** Stops and restarts `receive`. */
  pause(): void;
  resume(): void;
  /** FIN, after what was written. */
  end(): void;
  /** Closes at once (RST where the platform can). */
  terminate(): void;
}
