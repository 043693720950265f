// A connection as bytes, whatever carries it: a socket, TLS on a socket, or two ends inside this process.

/** Who gets the bytes. The HTTP connections of http/ fit it as they are. */
export interface ByteListener {
  /** The chunk is the listener's to read during the call, and no longer unless it has claimed it. */
  receive(chunk: Uint8Array): void;
  /** The stream takes bytes again. */
  drained(): void;
  /** The peer will send no more (FIN, close_notify). */
  ended(): void;
  /** Last call. */
  closed(): void;
}

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** What a finished TLS handshake says. */
export interface TlsFacts {
  /** "" without SNI. */
  readonly serverName: string;
  /** "" when none was agreed. */
  readonly alpn: string;
  /** DER of the peer's leaf, its chain already proven; undefined when it showed none. */
  readonly peerCertificate: Uint8Array | undefined;
  /** What a peer showed that proves nothing, where it is served all the same. */
  readonly unprovenCertificate?: Uint8Array | undefined;
  /** Asked when somebody wants to know, for most logs do not. */
  readonly session?: () => TlsSession | undefined;
  /** DER of the leaf that the peer was shown; asked likewise. */
  readonly ownCertificate?: () => Uint8Array | undefined;
}

export interface TlsSession {
  /** `TLSv1.3` */
  readonly version: string;
  /** OpenSSL's name: `TLS_AES_128_GCM_SHA256` */
  readonly cipher: string;
}

/** Fits http/transport.ts by shape: net and http do not import each other. */
export interface ByteStream {
  /** Set by whoever takes the connection over. */
  listener: ByteListener;
  readonly tls: TlsFacts | undefined;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** Where its bytes are counted: whoever takes the stream over puts his own here. */
  counters: ByteCounters;
  /** Writes `length` bytes from `start` on, or all. Bytes taken, the rest waits for `drained`; -1 when the stream is gone. */
  write(bytes: Uint8Array, start?: number, length?: number): number;
  pause(): void;
  resume(): void;
  /**
   * During `receive`: the chunk stays what it is after the call, until the listener frees it (base/memory.ts). False: what is to stay
   * has to be copied.
   */
  claim(): boolean;
  /** Ends the sending direction after what was written. */
  end(): void;
  /** Ends both directions after what was written, without waiting for the peer's end; what it still sends is refused. */
  close(): void;
  /** Breaks the connection off: what was written may be lost. */
  terminate(): void;
}

/** Bytes of the application, those of TLS aside. */
export interface ByteCounters {
  received: number;
  sent: number;
}

/** Of streams whose bytes nobody asks for. */
export const UNCOUNTED: ByteCounters = { received: 0, sent: 0 };

export const NOBODY: ByteListener = { receive() {}, drained() {}, ended() {}, closed() {} };
