// Faults that a client's proxy makes up, to show what a caller does about them.

import type { GrpcCode } from "../base/grpc-code.ts";

export type AbortStatus =
  | { readonly kind: "http"; readonly status: number }
  | { readonly kind: "grpc"; readonly status: GrpcCode };

/** Shares are in percent, from 0 to 100; each is drawn by itself. */
export interface Fault {
  readonly delay?: { readonly durationMs: number; readonly percent: number } | undefined;
  readonly abort?: { readonly status: AbortStatus; readonly percent: number } | undefined;
}
