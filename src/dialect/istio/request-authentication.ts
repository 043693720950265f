// RequestAuthentication → whose tokens workloads believe.

import { usableKeys } from "../../model/key-set.ts";
import type { RequestAuthentication, TokenIssuer } from "../../model/request-authentication.ts";
import { decodeObject } from "../decode.ts";
import {
  bounded,
  duration,
  flag,
  list,
  notEmpty,
  openRecord,
  record,
  required,
  text,
  textOrUnset,
  type Value,
} from "../schema.ts";
import * as refusals from "./admission-refusals.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Reading } from "./reading.ts";
import { readScope, SCOPE_FIELDS, SCOPE_GROUP } from "./workload-scope.ts";

const JWT_RULE = record(
  {
    issuer: notEmpty(),
    audiences: list(notEmpty()),
    jwksUri: bounded(2_048, notEmpty()),
    jwks: textOrUnset(),
    fromHeaders: list(record({ name: required(notEmpty("header-name")), prefix: text() })),
    fromParams: list(notEmpty()),
    fromCookies: list(notEmpty()),
    outputPayloadToHeader: textOrUnset("header-name"),
    outputClaimToHeaders: list(record({ header: required(notEmpty("header-word")), claim: required(notEmpty()) })),
    forwardOriginalToken: flag(),
    timeout: duration(),
    spaceDelimitedClaims: bounded(64, list(notEmpty())),
  },
  [["jwksUri", "jwks"]],
);

export const REQUEST_AUTHENTICATION = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: record({ ...SCOPE_FIELDS, jwtRules: bounded(4_096, list(JWT_RULE)) }, [SCOPE_GROUP]),
  status: openRecord({}),
});

/** Istio's. */
const FETCH_TIMEOUT_MS = 5_000;

export function readRequestAuthentication(reading: Reading): RequestAuthentication | undefined {
  const { object, origin, reporter } = reading;
  const read = decodeObject(REQUEST_AUTHENTICATION, object, reporter);
  if (!read) return undefined;
  const { jwtRules = [], ...scoped } = read.spec ?? {};
  const issuers = jwtRules.map((rule, i) => readIssuer(rule, `spec.jwtRules[${i}]`, reading));
  const scope = readScope(scoped, reading);
  return scope && { origin, createdAt: object.createdAt, scope, issuers };
}

function readIssuer(spec: Value<typeof JWT_RULE>, path: string, { reporter }: Reading): TokenIssuer {
  const { issuer = "", jwks, jwksUri } = spec;
  const inline = jwks === undefined ? undefined : usableKeys(jwks);
  if (jwks !== undefined && inline === undefined) reporter.report(`${path}.jwks`, diagnostics.badKeySet());
  if (jwksUri !== undefined && !isWebAddress(jwksUri))
    reporter.report(`${path}.jwksUri`, diagnostics.badKeyAddress(jwksUri));
  // OpenID Connect Discovery, which Istio asks when no address is given: the issuer must then be one.
  if (issuer === "" && jwksUri === undefined) reporter.report(path, refusals.neitherIssuerNorAddress());
  else if (jwks === undefined && jwksUri === undefined && !isWebAddress(issuer))
    reporter.report(path, diagnostics.issuerWithoutKeys(issuer));
  return {
    issuer,
    audiences: spec.audiences ?? [],
    keys:
      jwks === undefined
        ? { kind: "fetched", uri: jwksUri ?? discoveryAddress(issuer) }
        : { kind: "inline", jwks: inline ?? jwks },
    headers: (spec.fromHeaders ?? []).map(({ name, prefix = "" }) => ({ name, prefix })),
    parameters: spec.fromParams ?? [],
    cookies: spec.fromCookies ?? [],
    payloadHeader: spec.outputPayloadToHeader || undefined,
    claimHeaders: spec.outputClaimToHeaders ?? [],
    forwardsToken: spec.forwardOriginalToken ?? false,
    fetchTimeoutMs: spec.timeout ?? FETCH_TIMEOUT_MS,
    spaceDelimitedClaims: spec.spaceDelimitedClaims ?? [],
  };
}

/** The document there names the address of the keys (`jwks_uri`). */
function discoveryAddress(issuer: string): string {
  return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

function isWebAddress(text: string): boolean {
  return /^https?:\/\/[^\s/?#]+/.test(text) && URL.canParse(text);
}
