// Who the control plane is: its certificate says so, and agents and proxies expect it.

import { unwrap } from "../pki/parsed.ts";
import { type SpiffeId, serviceAccountId } from "../pki/spiffe.ts";

const ACCOUNT = { namespace: "heddle-system", name: "heddle" } as const;

/** `trustDomain` must be a valid one. */
export function controlPlaneIdentity(trustDomain: string): SpiffeId {
  return unwrap(serviceAccountId(trustDomain, ACCOUNT));
}
