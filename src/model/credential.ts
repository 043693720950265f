// Certificates, keys and roots that somebody keeps for gateways, by name (Kubernetes' Secrets of kind TLS, Istio's `credentialName`).

import type { Secret } from "../base/secret.ts";
import type { Origin } from "./origin.ts";

export interface KeyPair {
  /** PEM, leaf first. */
  readonly chain: string;
  readonly key: Secret;
}

/** Seen by gateways of its own namespace alone: whoever may read the Secret may serve with it. */
export interface Credential {
  readonly origin: Origin;
  readonly keyPair?: KeyPair | undefined;
  /** PEM of the roots that clients' certificates must lead to. */
  readonly roots?: string | undefined;
  /** PEM of the certificates that are revoked. */
  readonly revoked?: string | undefined;
  /** Of the content: a key shows nothing by which two could be told apart. */
  readonly digest: string;
}
