// What the supervisor and its workers tell each other, over the channel that Bun gives a child process.

import type { Rejection } from "../../xds/update.ts";
import type { WantedResources } from "../resource-sink.ts";

/** A listening socket that a worker is started with, under this descriptor. */
export interface HandedSocket {
  readonly key: string;
  readonly port: number;
  readonly fd: number;
}

/** Ports that the system gave to listeners that asked for any, by the key of their place: all workers share them. */
export type AssignedPorts = readonly (readonly [key: string, port: number])[];

/** Of resources that others name. */
export interface WantedNames {
  readonly endpoints: readonly string[];
  readonly routes: readonly string[];
  readonly secrets: readonly string[];
}

export function namesOf({ endpoints, routes, secrets }: WantedResources): WantedNames {
  return { endpoints: [...endpoints], routes: [...routes], secrets: [...secrets] };
}

export function wantedBy({ endpoints, routes, secrets }: WantedNames): WantedResources {
  return { endpoints: new Set(endpoints), routes: new Set(routes), secrets: new Set(secrets) };
}

export type ToWorker =
  | {
      readonly kind: "start";
      readonly workers: number;
      /** Its place in what workers count together, of so many; NO_SEAT: all were taken. */
      readonly seat: number;
      readonly seats: number;
      /** Path of the Unix socket for the worker's admin interface. */
      readonly admin: string;
      readonly sockets: readonly HandedSocket[];
    }
  /** `response`: a DeltaDiscoveryResponse. Answered by a verdict with its id. */
  | {
      readonly kind: "resources";
      readonly id: number;
      readonly response: Uint8Array;
      readonly ports: AssignedPorts;
      /** Unix sockets that another worker opened, by the keys of their places: their descriptors are on their way, in this order. */
      readonly pipes?: readonly string[];
    }
  /** Of what the control plane goes on telling. */
  | ({ readonly kind: "keep" } & WantedNames)
  /** Takes nothing new, finishes what is under way, ends. `hasHeir`: who waits in the queues of its sockets is another's. */
  | { readonly kind: "drain"; readonly withinMs: number; readonly hasHeir: boolean }
  /** Others have changed something in what workers count together. */
  | { readonly kind: "look" }
  /** The answer to `last`: the worker's statistics are kept, and it ends. */
  | { readonly kind: "end" };

export type FromWorker =
  | { readonly kind: "hello" }
  | {
      readonly kind: "verdict";
      readonly id: number;
      readonly rejections: readonly Rejection[];
      readonly wanted: WantedNames;
    }
  /** `sent`: its descriptor is on its way, before this message; else it was handed over. */
  | { readonly kind: "opened"; readonly key: string; readonly port: number; readonly sent: boolean }
  | { readonly kind: "closed"; readonly key: string }
  /** The others are to look. */
  | { readonly kind: "changed" }
  /** The worker's statistics as they are at its end, which it puts off until they are kept. */
  | { readonly kind: "last"; readonly exposition: string };

/** The descriptors of a worker: the channel for sockets, the memory that all workers share, and the sockets that it is started with. */
export const CHANNEL_FD = 3;
export const MEMORY_FD = 4;
export const FIRST_SOCKET_FD = 5;
