// Who a workload is, in its certificate. Dialects lay identities out differently (Istio by service account, Consul by
// service and datacenter, App Mesh by DNS name), so the model holds the finished name and nothing parses it.

export type Identity =
  | { readonly kind: "spiffe"; readonly uri: string }
  /** A DNS name as subject alternative name. */
  | { readonly kind: "dns"; readonly name: string };

/** Istio's and Heddle's layout: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export function serviceAccountIdentity(trustDomain: string, namespace: string, serviceAccount: string): Identity {
  return { kind: "spiffe", uri: `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}` };
}

/** The subject alternative name as text, for display and exact matches. */
export function identityText(identity: Identity): string {
  return identity.kind === "spiffe" ? identity.uri : identity.name;
}
