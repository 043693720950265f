// Who signs tokens, and the object that has them believed.

import { exportJWK, generateKeyPair, SignJWT } from "jose";

export class Issuer {
  readonly name: string;
  readonly #keys = generateKeyPair("ES256", { extractable: true });

  constructor(name: string) {
    this.name = name;
  }

  async token(claims: Readonly<Record<string, unknown>>, age: "new" | "expired" = "new"): Promise<string> {
    const { privateKey } = await this.#keys;
    const header = { alg: "ES256", kid: "one" };
    return new SignJWT({ ...claims })
      .setProtectedHeader(header)
      .setExpirationTime(age === "new" ? "1h" : "-1h")
      .sign(privateKey);
  }

  /** `scope`: selector, as YAML of a flow mapping; `more`: further fields of the rule. */
  async authentication(name: string, namespace: string, scope: string, more = ""): Promise<string> {
    const { publicKey } = await this.#keys;
    const key = { ...(await exportJWK(publicKey)), alg: "ES256", kid: "one", use: "sig" };
    return `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: ${name}, namespace: ${namespace}}
spec: {${scope}, jwtRules: [{issuer: "${this.name}", jwks: '${JSON.stringify({ keys: [key] })}'${more}}]}
---`;
  }
}
