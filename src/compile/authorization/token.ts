// Tokens: Envoy verifies them, Heddle's proxy cannot yet and refuses who sends one.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { TokenIssuer } from "../../model/request-authentication.ts";
import { packAny } from "../../xds/any.ts";
import { type RBAC, RBAC_Action, RBACSchema } from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.ts";
import {
  JwtAuthenticationSchema,
  type JwtProviderSchema,
  type JwtRequirementSchema,
} from "../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts";
import { PAYLOAD_KEY, type PrincipalInit } from "./condition.ts";
import type { KeyedIssuer } from "./guard.ts";

/** Claims that are lists in one string (RFC 8693 section 4.2), whoever issues them; Istio's. */
const SPACE_DELIMITED = ["scope", "permission"];

/**
 * An RSA key of which the private half was thrown away when it was made. An issuer without keys of its own has it, so that each of its
 * tokens is refused, as with Istio; an empty set Envoy would not load.
 */
const NOBODYS_MODULUS =
  "wX6HZxcvWp550ceJkZ-kxJg76uO-l5Y-l_RqwLCX9vAID2y7QYtHaSVzb7Gb8estjCWGRtZBsWDwAPjNy3BCAdNeBlUK_25b6THwL4WAj6Gbar" +
  "pn9E3R9R1Dd61g0IWgPLJnfcO5FI_VLiC-dbTzZgTlf3WbI_xTe1n3Kg5xSVZxmkF63V45zHGJoE5ajoV1XA5c2PcH5hnPPsr_C9xeZqjyC08H" +
  "zgsmZOXSxJXmapiIvhIMvsq_IBeab37AI_CQcdlj1az6DZFoGpEC9uAeQk-k7f6UnI2Df-VC4fB8jlqFa_MJ4i59MeKPrjllWL9H9BB_ZGn6TZ" +
  "dPaCYqx7Uj4w";
const NOBODYS_KEYS = JSON.stringify({
  keys: [{ kty: "RSA", kid: "nobody", alg: "RS256", use: "sig", e: "AQAB", n: NOBODYS_MODULUS }],
});

function provider({ issuer, jwks }: KeyedIssuer, choosesRoutes: boolean): MessageInitShape<typeof JwtProviderSchema> {
  const { headers, parameters, cookies, claimHeaders, spaceDelimitedClaims } = issuer;
  return {
    issuer: issuer.issuer,
    audiences: [...issuer.audiences],
    jwksSourceSpecifier: {
      case: "localJwks",
      value: { specifier: { case: "inlineString", value: jwks ?? NOBODYS_KEYS } },
    },
    forward: issuer.forwardsToken,
    fromHeaders: headers.map(({ name, prefix }) => ({ name, valuePrefix: prefix })),
    fromParams: [...parameters],
    fromCookies: [...cookies],
    forwardPayloadHeader: issuer.payloadHeader ?? "",
    payloadInMetadata: PAYLOAD_KEY,
    normalizePayloadInMetadata: {
      spaceDelimitedClaims: [...new Set([...SPACE_DELIMITED, ...spaceDelimitedClaims])],
    },
    // The route was chosen before the claims were known (Istio's JwtFilter does so at gateways).
    clearRouteCache: choosesRoutes,
    claimToHeaders: claimHeaders.map(({ header, claim }) => ({ headerName: header, claimName: claim })),
  };
}

type Requirement = MessageInitShape<typeof JwtRequirementSchema>;

function oneOf(requirements: Requirement[]): Requirement {
  return { requiresType: { case: "requiresAny", value: { requirements } } };
}

/** A token may be missing; one that is there must be valid for some issuer. */
function requirement(names: readonly string[]): Requirement {
  const valid = names.map((name): Requirement => ({ requiresType: { case: "providerName", value: name } }));
  const missing: Requirement = { requiresType: { case: "allowMissing", value: {} } };
  if (valid.length === 1) return oneOf([...valid, missing]);
  // One issuer's requirement alone would pass on a token of another that is not valid.
  const each = valid.map((one) => oneOf([one, missing]));
  return oneOf([...valid, { requiresType: { case: "requiresAll", value: { requirements: each } } }]);
}

export function tokenVerification(issuers: readonly KeyedIssuer[], choosesRoutes: boolean): Any {
  const providers = issuers.map((issuer, i) => [`origins-${i}`, provider(issuer, choosesRoutes)] as const);
  const config = create(JwtAuthenticationSchema, {
    providers: Object.fromEntries(providers),
    rules: [
      {
        match: { pathSpecifier: { case: "prefix", value: "/" } },
        requirementType: { case: "requires", value: requirement(providers.map(([name]) => name)) },
      },
    ],
    bypassCorsPreflight: true,
  });
  return packAny(JwtAuthenticationSchema, config);
}

function headerPrefix(name: string, prefix: string): PrincipalInit {
  const specifier =
    prefix === ""
      ? ({ case: "presentMatch", value: true } as const)
      : ({ case: "stringMatch", value: { matchPattern: { case: "prefix", value: prefix } } } as const);
  return { identifier: { case: "header", value: { name, headerMatchSpecifier: specifier } } };
}

function headerRegex(name: string, regex: string): PrincipalInit {
  const matcher = { matchPattern: { case: "safeRegex", value: { regex } } } as const;
  return {
    identifier: {
      case: "header",
      value: { name, headerMatchSpecifier: { case: "stringMatch", value: matcher } },
    },
  };
}

function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Wherever the issuer's tokens are looked for. */
function carriers(issuer: TokenIssuer): readonly PrincipalInit[] {
  const { headers, parameters, cookies } = issuer;
  const byDefault = headers.length + parameters.length + cookies.length === 0;
  return [
    ...(byDefault ? [headerPrefix("authorization", "Bearer ")] : []),
    ...headers.map(({ name, prefix }) => headerPrefix(name.toLowerCase(), prefix)),
    ...(byDefault ? ["access_token"] : parameters).map((name) =>
      headerRegex(":path", `[^?]*\\?(.*&)?${quoted(name)}=.*`),
    ),
    ...cookies.map((name) => headerRegex("cookie", `(.*; *)?${quoted(name)}=.*`)),
  ];
}

const UNVERIFIED = "heddle-cannot-verify-tokens";

/**
 * Refuses every request with a token. What is left has none, which no policy takes for an authenticated one: rules that ask for a claim
 * never match, and those that ask for its absence do, as they would behind a verification that found none.
 */
export function refusedTokens(issuers: readonly KeyedIssuer[]): RBAC {
  const principals = issuers.flatMap(({ issuer }) => carriers(issuer));
  return create(RBACSchema, {
    action: RBAC_Action.DENY,
    policies: { [UNVERIFIED]: { permissions: [{ rule: { case: "any", value: true } }], principals: [...principals] } },
  });
}
