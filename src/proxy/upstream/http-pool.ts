// The connections to one host in one protocol, and the requests that wait for one.

import { Alarm, timers } from "../../base/timer-wheel.ts";
import { Http1ClientConnection } from "../../http/h1/client-connection.ts";
import { Http2ClientConnection } from "../../http/h2/client-connection.ts";
import type { HttpLimits } from "../../http/limits.ts";
import type { ClientConnection, ClientConnectionListener } from "../../http/stream.ts";
import type { ByteStream } from "../../net/byte-stream.ts";
import { formatSocketAddress } from "../connection-facts.ts";
import type { Breakers } from "./breakers.ts";

/** The host that the pool belongs to, as far as the pool tells it what happens. */
export interface PooledHost {
  /** SPIFFE id that the endpoint proved on its newest connection. */
  principal: string;
  readonly stats: { connections: number; connectFailures: number; activeConnections: number; openConnections: number };
}

/** A request that wants a connection. Exactly one of the two is called, possibly before `acquire` returns; none after `cancel`. */
export interface PoolWaiter {
  onConnection(connection: PooledConnection): void;
  onPoolFailure(failure: "connect-failure" | "overflow", detail: string): void;
}

export interface PoolSettings {
  readonly protocol: "http1" | "http2";
  readonly limits: HttpLimits;
  readonly preservesCase: boolean;
  /** 0 is without limit. */
  readonly maxRequestsPerConnection: number;
  readonly maxConcurrentStreams: number;
  /** After which a connection takes no more requests; 0 is never. */
  readonly maxConnectionDurationMs: number;
  /** Above 1, room is kept ahead of the requests that will want it. */
  readonly preconnectRatio: number;
  /** The last connection is gone, and nobody waits for another. */
  onEmpty?(): void;
  /** Opens a connection to the host; calls back once. */
  connect(onConnected: (stream: ByteStream, principal: string) => void, onFailure: (detail: string) => void): void;
}

/** How many connections one request may have opened ahead (Envoy: ConnPoolImplBase::tryCreateNewConnections). */
const MAX_AHEAD = 3;

/** A connection in the pool; requests go through `connection`. */
export class PooledConnection implements ClientConnectionListener {
  readonly connection: ClientConnection;
  readonly principal: string;
  /** In Envoy's words. */
  readonly protocol: "HTTP/1.1" | "HTTP/2";
  /** Our end of it, as logs show it. */
  readonly localLabel: string;
  readonly #pool: HttpPool;
  readonly #age: Alarm | undefined;
  #requests = 0;

  constructor(pool: HttpPool, stream: ByteStream, principal: string, settings: PoolSettings) {
    this.#pool = pool;
    this.principal = principal;
    this.protocol = settings.protocol === "http2" ? "HTTP/2" : "HTTP/1.1";
    this.localLabel = formatSocketAddress(stream.local);
    this.connection =
      settings.protocol === "http2"
        ? new Http2ClientConnection(stream, this, settings.limits)
        : new Http1ClientConnection(stream, this, settings.limits, settings.preservesCase);
    stream.listener = this.connection;
    if (settings.maxConnectionDurationMs > 0) {
      this.#age = new Alarm(() => pool.retire(this));
      timers.arm(this.#age, settings.maxConnectionDurationMs);
    }
  }

  /** How many requests may begin now. */
  room(settings: PoolSettings): number {
    const { connection } = this;
    if (connection.draining) return 0;
    return Math.min(connection.available, settings.maxConcurrentStreams - connection.active);
  }

  /** Counts a request that has begun; the last one that the settings allow drains the connection, which would close if it were idle. */
  begun(settings: PoolSettings): void {
    this.#requests++;
    if (settings.maxRequestsPerConnection > 0 && this.#requests >= settings.maxRequestsPerConnection)
      this.#pool.retire(this);
  }

  onAvailable(): void {
    this.#pool.onRoom(this);
  }

  onDraining(): void {
    this.#pool.retire(this);
  }

  onClosed(): void {
    if (this.#age?.armed) timers.disarm(this.#age);
    this.#pool.onClosed(this);
  }
}

export class HttpPool {
  readonly #host: PooledHost;
  readonly #settings: PoolSettings;
  /** Those of the priority that the pool is for. */
  readonly breakers: Breakers;
  /** Taking requests; the last one that had room comes first to mind (`#favourite`). */
  readonly #ready: PooledConnection[] = [];
  /** Finishing what they carry. */
  readonly #retired = new Set<PooledConnection>();
  readonly #waiting: PoolWaiter[] = [];
  #connecting = 0;
  #draining = false;

  constructor(host: PooledHost, settings: PoolSettings, breakers: Breakers) {
    this.#host = host;
    this.#settings = settings;
    this.breakers = breakers;
  }

  /** Gives `waiter` a connection now, or when there is one. */
  acquire(waiter: PoolWaiter): void {
    const ready = this.#ready;
    // Newest first: an HTTP/1.1 connection that just finished is the warmest, and the oldest ones run into their idle time-out.
    for (let i = ready.length - 1; i >= 0; i--) {
      const pooled = ready[i]!;
      if (pooled.room(this.#settings) > 0) {
        this.breakers.requestBegun();
        waiter.onConnection(pooled);
        pooled.begun(this.#settings);
        if (this.#settings.preconnectRatio > 1) this.#connectAhead();
        return;
      }
    }
    if (!this.breakers.admitPending()) {
      waiter.onPoolFailure("overflow", "too many requests wait for a connection");
      return;
    }
    this.#waiting.push(waiter);
    if (this.#connecting < this.#connectionsNeeded()) this.#connect();
    if (this.#settings.preconnectRatio > 1) this.#connectAhead();
  }

  /** Envoy: ConnPoolImplBase::shouldConnect with a ratio. */
  #connectAhead(): void {
    const { preconnectRatio, maxConcurrentStreams } = this.#settings;
    for (let i = 0; i < MAX_AHEAD; i++) {
      let active = 0;
      let room = this.#connecting * maxConcurrentStreams;
      for (const pooled of this.#ready) {
        active += pooled.connection.active;
        room += Math.max(0, pooled.room(this.#settings));
      }
      if ((this.#waiting.length + active) * preconnectRatio <= room + active || !this.#connect()) return;
    }
  }

  /** An HTTP/2 connection will take a whole queue, an HTTP/1.1 connection one request. */
  #connectionsNeeded(): number {
    return this.#settings.protocol === "http2" ? 1 : this.#waiting.length;
  }

  cancel(waiter: PoolWaiter): void {
    const index = this.#waiting.indexOf(waiter);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    this.breakers.releasePending();
  }

  /** False: the limits do not let it. */
  #connect(): boolean {
    const { stats } = this.#host;
    const isFirst = this.#ready.length === 0 && this.#connecting === 0 && this.#retired.size === 0;
    if (!this.breakers.admitConnection(stats.openConnections, isFirst)) return false;
    this.#connecting++;
    stats.connections++;
    stats.openConnections++;
    this.#settings.connect(
      (stream, principal) => this.#onConnected(stream, principal),
      (detail) => this.#onConnectFailure(detail),
    );
    return true;
  }

  #onConnected(stream: ByteStream, principal: string): void {
    this.#connecting--;
    this.#host.principal = principal;
    this.#host.stats.activeConnections++;
    const pooled = new PooledConnection(this, stream, principal, this.#settings);
    this.#ready.push(pooled);
    // Those that waited when the host went are served: nobody else will.
    this.onRoom(pooled);
    if (this.#draining) this.retire(pooled);
  }

  #onConnectFailure(detail: string): void {
    this.#connecting--;
    this.#host.stats.connectFailures++;
    this.#host.stats.openConnections--;
    this.breakers.releaseConnection();
    if (this.#settings.protocol === "http2" || this.#connecting === 0) this.#failAll("connect-failure", detail);
    else this.#failOne("connect-failure", detail);
    this.#tellEmpty();
  }

  #tellEmpty(): void {
    const { onEmpty } = this.#settings;
    if (onEmpty && this.#ready.length + this.#retired.size + this.#connecting + this.#waiting.length === 0) onEmpty();
  }

  #failOne(failure: "connect-failure", detail: string): void {
    const waiter = this.#waiting.shift();
    if (!waiter) return;
    this.breakers.releasePending();
    waiter.onPoolFailure(failure, detail);
  }

  /** Those that begin to wait during the calls (a retry) are not failed by them. */
  #failAll(failure: "connect-failure", detail: string): void {
    for (let count = this.#waiting.length; count > 0; count--) this.#failOne(failure, detail);
  }

  /** @internal */
  onRoom(pooled: PooledConnection): void {
    while (this.#waiting.length > 0 && pooled.room(this.#settings) > 0) {
      const waiter = this.#waiting.shift()!;
      this.breakers.releasePending();
      this.breakers.requestBegun();
      waiter.onConnection(pooled);
      pooled.begun(this.#settings);
    }
    if (
      this.#waiting.length > 0 &&
      this.#connecting < this.#connectionsNeeded() &&
      this.#ready.every((one) => one.room(this.#settings) <= 0)
    )
      this.#connect();
  }

  /** @internal Takes the connection out: it finishes what it carries. */
  retire(pooled: PooledConnection): void {
    const index = this.#ready.indexOf(pooled);
    if (index !== -1) {
      this.#ready.splice(index, 1);
      this.#retired.add(pooled);
    }
    if (!pooled.connection.draining) pooled.connection.shutdown();
  }

  /** @internal */
  onClosed(pooled: PooledConnection): void {
    const index = this.#ready.indexOf(pooled);
    if (index !== -1) this.#ready.splice(index, 1);
    else this.#retired.delete(pooled);
    this.#host.stats.activeConnections--;
    this.#host.stats.openConnections--;
    this.breakers.releaseConnection();
    if (this.#waiting.length > 0 && this.#ready.length === 0 && this.#connecting === 0) this.#connect();
    this.#tellEmpty();
  }

  /** The host is gone from the cluster: connections finish what they carry and close. */
  drain(): void {
    this.#draining = true;
    for (const pooled of [...this.#ready]) this.retire(pooled);
  }
}
