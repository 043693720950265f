import type { KindWords } from "../words.ts";

export const REQUEST_AUTHENTICATION: KindWords = {
  about: "Whose tokens (JWT) workloads believe; that there is one, an AuthorizationPolicy demands",
  proxies:
    "The servers' Envoys verify tokens. Heddle's proxy refuses each request that carries a token where one is looked for (HED2033).",
  fields: {
    "spec.jwtRules": "Issuers; a token that none of them gave is refused",
    "jwtRules.issuer": { says: "Who gives the tokens: their iss", default: "anybody, where jwksUri is given" },
    "jwtRules.audiences": { says: "Of which the token's aud must have one", default: "any" },
    "jwtRules.jwksUri": { says: "Address of the keys", default: "found by OpenID Connect Discovery at the issuer" },
    "jwtRules.jwks": "The keys themselves, in JSON (RFC 7517)",
    "jwtRules.fromHeaders": { says: "Headers that hold the token", default: "authorization, behind Bearer" },
    "fromHeaders.name": "Name of the header",
    "fromHeaders.prefix": { says: "What stands before the token", default: "nothing" },
    "jwtRules.fromParams": { says: "Query parameters that hold the token", default: "access_token" },
    "jwtRules.fromCookies": "Cookies that hold the token",
    "jwtRules.outputPayloadToHeader": "Header that the token's payload is sent on in, in base64",
    "jwtRules.outputClaimToHeaders": "Claims that are sent on in headers",
    "outputClaimToHeaders.header": "Name of the header",
    "outputClaimToHeaders.claim": "Name of the claim",
    "jwtRules.forwardOriginalToken": { says: "Whether the application gets the token", default: "false" },
    "jwtRules.timeout": { says: "How long fetching the keys may take", default: "5s" },
    "jwtRules.spaceDelimitedClaims": {
      says: "Claims that are lists with spaces between",
      default: "scope, permission",
    },
  },
  example: `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata:
  name: accounts
  namespace: shop
spec:
  selector:
    matchLabels: {app: web}
  jwtRules:
  - issuer: https://accounts.example.com
    jwksUri: https://accounts.example.com/.well-known/jwks.json
    audiences: [shop]
`,
};
