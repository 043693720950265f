// What the load tells of itself, and what it is told: lines of JSON.

import type { Protocol } from "../plan.ts";

export interface Place {
  readonly host: string;
  readonly port: number;
}

/**
 * How an exchange ended for its client.
 * - `whole`: 200 and every byte
 * - `answered`: another status
 * - `cut`: the head and not all of the body
 * - `unanswered`: no head
 * - `refused`: it never reached the proxy: no connection, or a stream that the peer declared unseen
 * - `gave-up`: the client's own doing
 * - `hung`: nothing happened any more
 */
export type End = "whole" | "answered" | "cut" | "unanswered" | "refused" | "gave-up" | "hung";

export interface Outcome {
  readonly id: string;
  readonly protocol: Protocol;
  readonly method: string;
  readonly end: End;
  readonly status: number;
  /** gRPC's, -1 without. */
  readonly grpcStatus: number;
  /** What was wrong with the bytes. */
  readonly fault: string | undefined;
  /** Of a connection that carried something before. */
  readonly reused: boolean;
  /** Of the client's socket; 0 without one. */
  readonly localPort: number;
  readonly received: number;
  readonly detail: string;
  readonly planned: "reset" | "gives-up" | undefined;
  /** The application was to reset before its head: what may be tried again is not lost by that. */
  readonly resetFirst: boolean;
  /** Milliseconds since 1970. */
  readonly endedAt: number;
}

/** What the applications saw of an exchange. */
export interface Sighting {
  readonly id: string;
  readonly seen: number;
  /** How often the whole body came. */
  readonly whole: number;
  /** How often it was reset: as planned, or by an outage. */
  readonly resets: number;
  readonly fault: string | undefined;
}

export interface OutageSpan {
  readonly served: Served;
  readonly from: number;
  readonly to: number;
}

export interface LoadReport {
  readonly outages: readonly OutageSpan[];
  readonly outcomes: readonly Outcome[];
  readonly sightings: readonly Sighting[];
}

export type ApplicationName = "a" | "b";
export type Served = "http" | "grpc" | "bytes";
export type Ports = Readonly<Record<ApplicationName, Readonly<Record<Served, number>>>>;

export type ToLoad =
  | {
      readonly kind: "begin";
      readonly seed: number;
      readonly seconds: number;
      readonly http: Place;
      readonly bytes: Place;
      readonly visitors: Place;
    }
  | { readonly kind: "outage"; readonly application: ApplicationName; readonly served: Served; readonly ms: number }
  | { readonly kind: "end" };

export type FromLoad =
  | { readonly kind: "ports"; readonly ports: Ports }
  /** In the file `report`. */
  | { readonly kind: "over" };
