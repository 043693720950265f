// TLS that clients originate with what Secrets of their namespace hold (DestinationRule's `credentialName`). Gateways may have what any rule
// names that they follow; a sidecar what a rule of its own namespace names that selects it. To everybody else, and where the Secret has not
// what is asked for, there is no way to the service: anything less would go out in the clear, or to whoever answers.

import {
  type ClientPolicy,
  type ClientTls,
  credentialsNamed,
  type OriginationCredential,
} from "../model/client-policy.ts";
import type { Client } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { visibleTo } from "../model/visibility.ts";
import { CredentialSecrets } from "./credential-secrets.ts";
import { selects } from "./http-rules.ts";

/** Whose Secrets, and whether every rule may name them. */
export interface CredentialHolder {
  readonly namespace: string;
  readonly gateway: boolean;
}

/** Names of the secrets that are served; `missing`: not all that is asked for is there. */
export type Origination =
  | { readonly kind: "secrets"; readonly certificate: string | undefined; readonly roots: string | undefined }
  | { readonly kind: "missing" };

const MISSING: Origination = { kind: "missing" };

/** Whether it names Secrets, at whatever level. */
export function namesCredentials(policy: ClientPolicy | undefined): boolean {
  return policy !== undefined && credentialsNamed(policy).length > 0;
}

function mayHave({ gateway }: CredentialHolder, policy: ClientPolicy): boolean {
  return gateway || policy.clients !== undefined;
}

function find(secrets: CredentialSecrets, { name, rootsName, mutual, verifies }: OriginationCredential): Origination {
  const roots = verifies ? secrets.roots(rootsName ?? name) : undefined;
  if (verifies && roots === undefined) return MISSING;
  const certificate = mutual ? secrets.certificate(name) : undefined;
  if (mutual && certificate === undefined) return MISSING;
  return { kind: "secrets", certificate, roots };
}

/** Undefined: it asks for no Secret. `policy` is the one that says so. */
export function originationOf(
  mesh: Mesh,
  holder: CredentialHolder | undefined,
  policy: ClientPolicy | undefined,
  tls: ClientTls | undefined,
): Origination | undefined {
  if (tls?.kind !== "simple" || !tls.credential) return undefined;
  if (!holder || !policy || !mayHave(holder, policy)) return MISSING;
  return find(new CredentialSecrets(mesh, holder.namespace), tls.credential);
}

/** Has all be served that rules for the client name. */
export function originateAll(
  mesh: Mesh,
  client: Client & { readonly holder?: CredentialHolder | undefined },
  secrets: CredentialSecrets,
): void {
  const { holder } = client;
  if (!holder) return;
  for (const policy of mesh.clientPolicies) {
    if (!mayHave(holder, policy) || !visibleTo(policy.visibility, client.namespace)) continue;
    if (policy.clients && !selects(policy.clients, client)) continue;
    for (const credential of credentialsNamed(policy)) find(secrets, credential);
  }
}
