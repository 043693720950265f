// What a workload demands of its callers. Kept apart from client policy: the two sides are written by different people
// (Part of every dialect: PeerAuthentication, Consul's local limits, App Mesh's listeners, Kuma's inbound rules).

import type { Authored } from "./origin.ts";

/** `permissive` takes plaintext and mutual TLS, `strict` only mutual TLS, `disable` only plaintext. */
export type MtlsMode = "disable" | "permissive" | "strict";

/** The narrower scope wins; in one scope the oldest policy. */
export type PolicyScope =
  | { readonly kind: "mesh" }
  | { readonly kind: "namespace"; readonly namespace: string }
  | { readonly kind: "workloads"; readonly namespace: string; readonly labels: Readonly<Record<string, string>> };

export interface ServerPolicy extends Authored {
  readonly scope: PolicyScope;
  /** Undefined: inherited from the wider scope. */
  readonly mtls?: MtlsMode | undefined;
  /** By application port (the container's, not the service's). An undefined mode inherits this policy's `mtls`. */
  readonly ports: readonly { readonly port: number; readonly mtls?: MtlsMode | undefined }[];
}
