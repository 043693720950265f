// Certificates, keys and roots that somebody keeps for gateways, by name (Kubernetes' Secrets of kind TLS, Istio's `credentialName`).

import type { Secret } from "../base/secret.ts";
import type { Origin } from "./origin.ts";

/** Of names that are ConfigMaps', with their namespace: `configmap://shop/roots` (Istio's). */
export const CONFIG_MAP_NAME = "configmap://";

/** By which it is found: a ConfigMap's name is whole, a Secret's is of somebody's namespace. */
export function credentialKey(namespace: string, name: string): string {
  return name.startsWith(CONFIG_MAP_NAME) ? name : `${namespace}/${name}`;
}

export interface KeyPair {
  /** PEM, leaf first. */
  readonly chain: string;
  readonly key: Secret;
}

/** Of a Secret, seen by gateways of its own namespace alone: whoever may read it may serve with it. Of a ConfigMap it is roots, by its own name. */
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
