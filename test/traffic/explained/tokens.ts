// Tokens of requests: whom a proxy believes, whom it does not, and what they claim.

import type { JsonObject } from "@bufbuild/protobuf";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { AskedRequest } from "./requests.ts";

const ISSUER = "issuer.test";
const IN_AN_HOUR = Math.floor(Date.now() / 1_000) + 3_600;

const CLAIMS: readonly (JsonObject | undefined)[] = [
  undefined,
  { iss: ISSUER, sub: "ann", exp: IN_AN_HOUR, groups: ["admins", "everybody"], tenant: { name: "north" } },
  { iss: ISSUER, sub: "bob", exp: IN_AN_HOUR, groups: ["everybody"], scope: "read write" },
  { iss: ISSUER, sub: "cho", exp: IN_AN_HOUR, aud: ["shop.test"] },
  { iss: "stranger.test", sub: "eve", exp: IN_AN_HOUR, groups: ["admins"] },
];

export interface Tokens {
  /** A JSON Web Key Set. */
  readonly keys: string;
  /** The same requests, with tokens of every kind in turn, and some with none. */
  readonly onto: (requests: readonly AskedRequest[]) => readonly AskedRequest[];
}

export async function makeTokens(): Promise<Tokens> {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const key = { ...(await exportJWK(publicKey)), alg: "ES256", kid: "one", use: "sig" };
  const signed = await Promise.all(
    CLAIMS.map(async (claims) => {
      if (!claims) return undefined;
      const text = await new SignJWT({ ...claims }).setProtectedHeader({ alg: "ES256", kid: "one" }).sign(privateKey);
      return { claims, text };
    }),
  );
  return {
    keys: JSON.stringify({ keys: [key] }),
    onto: (requests) => requests.map((request, i) => ({ ...request, token: signed[i % signed.length] })),
  };
}

/** Who believes `keys`' tokens: a server, which forwards them, and a gateway, which does not and routes by what they claim. */
export function tokenObjects(keys: string): string {
  return `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: silver, namespace: default}
spec:
  selector: {matchLabels: {app: silver}}
  jwtRules: [{issuer: ${ISSUER}, jwks: '${keys}', forwardOriginalToken: true}]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: edge, namespace: default}
spec:
  selector: {matchLabels: {istio: edge}}
  jwtRules:
  - issuer: ${ISSUER}
    jwks: '${keys}'
    outputClaimToHeaders: [{header: x-subject, claim: sub}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: silver-claims, namespace: default}
spec:
  selector: {matchLabels: {app: silver}}
  action: DENY
  rules:
  - from: [{source: {requestPrincipals: [${ISSUER}/bob]}}]
    to: [{operation: {paths: ["/detail*", "/silver*"]}}]
  - from: [{source: {requestPrincipals: ["*"]}}]
    when: [{key: "request.auth.claims[tenant][name]", notValues: [north]}]
    to: [{operation: {methods: [POST, PUT]}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: silver-members, namespace: default}
spec:
  selector: {matchLabels: {app: silver}}
  action: ALLOW
  rules:
  - when: [{key: "request.auth.claims[groups]", values: [admins]}]
  - when: [{key: "request.auth.audiences", values: [shop.test]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a-edge, namespace: default}
spec:
  hosts: [secure.test, unknown.test]
  gateways: [edge]
  http:
  - match: [{headers: {"@request.auth.claims.groups": {exact: admins}}}]
    route: [{destination: {host: golden, subset: v2}}]
  - match: [{headers: {"@request.auth.claims.scope": {exact: read}}}]
    route: [{destination: {host: silver}}]
  - route: [{destination: {host: golden, subset: v1}}]`;
}
