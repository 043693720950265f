// Who may do what, at the server's proxy: AuthorizationPolicy and RequestAuthentication as both proxies enforce them.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { generateKeyPairSync, sign } from "node:crypto";
import { resourceByKind } from "../../../src/kube/resources.ts";
import { ByteClient } from "../byte-client.ts";
import { eventually } from "../mesh.ts";
import type { Pair } from "../pair.ts";

const CLIENT = "cluster.local/ns/default/sa/client";
const NAMESPACES = ["default", "istio-system", "elsewhere"];

interface Options {
  readonly kind?: "AuthorizationPolicy" | "RequestAuthentication";
  readonly namespace?: string;
  readonly dryRun?: boolean;
}

function policy(
  name: string,
  spec: string,
  { kind = "AuthorizationPolicy", namespace = "default", dryRun }: Options = {},
) {
  const annotations = dryRun ? ', annotations: {istio.io/dry-run: "true"}' : "";
  return `
apiVersion: security.istio.io/v1
kind: ${kind}
metadata: {name: ${name}, namespace: ${namespace}${annotations}}
spec: ${spec}`;
}

/** Policies in force. Each set is told from the one before by a path that it alone refuses, on a port of requests alone. */
class Policies {
  readonly #pair: Pair;
  #revision = 0;

  constructor(pair: Pair) {
    this.#pair = pair;
  }

  async enforce(...policies: readonly string[]): Promise<void> {
    this.#revision++;
    // What refuses everybody would refuse the sentinel's path before the sentinel is there.
    if ((await this.#refuses()).includes(true)) await this.lift();
    else await this.#clear();
    const { v1, polyglot } = this.#pair;
    const ports = [v1.ports.application, polyglot.ports.application].map((port) => `"${port}"`).join(", ");
    const sentinel = `{action: DENY, rules: [{to: [{operation: {paths: [${this.#path}], ports: [${ports}]}}]}]}`;
    await this.#pair.mesh.apply([...policies, policy("z-revision", sentinel)].join("\n---"));
    await this.#until(true);
  }

  /** Whatever was in force refuses this revision's path: by the sentinel, or as it refuses everything. */
  async lift(): Promise<void> {
    await this.#clear();
    await this.#until(false);
  }

  get #path(): string {
    return `/authorized/${this.#revision}`;
  }

  /** At each of the two servers. */
  #refuses(): Promise<readonly boolean[]> {
    const ports = [this.#pair.golden, this.#pair.upstream.http];
    return Promise.all(
      ports.map(async (port) => {
        const url = `http://127.0.0.1:${port}${this.#path}`;
        return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).status === 403;
      }),
    );
  }

  async #until(refused: boolean): Promise<void> {
    const all = (found: readonly boolean[]) => found.every((is) => is === refused);
    expect(all(await eventually(() => this.#refuses(), all))).toBe(true);
  }

  async #clear(): Promise<void> {
    for (const kind of ["AuthorizationPolicy", "RequestAuthentication"]) {
      const type = resourceByKind("security.istio.io", kind)!;
      for (const namespace of NAMESPACES) {
        const { objects } = await this.#pair.mesh.controlPlane.api.list(type, { namespace });
        for (const { metadata } of objects)
          await this.#pair.mesh.controlPlane.api.delete(type, { namespace, name: metadata.name });
      }
    }
  }
}

interface Tokens {
  readonly jwks: string;
  /** Signed by the one key of the set. */
  token(claims: Record<string, unknown>): string;
}

function tokens(): Tokens {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
  return {
    jwks: JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1", alg: "ES256" }] }),
    token(claims) {
      const signed = `${encode({ alg: "ES256", kid: "1" })}.${encode({ iss: "ours", exp: 4_000_000_000, ...claims })}`;
      return `${signed}.${sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
    },
  };
}

export function authorizationCases(pair: Pair): void {
  const policies = new Policies(pair);
  const status = async (path: string, init?: RequestInit) => (await pair.get(path, init)).status;
  /** Written as it is: an HTTP client would tidy the path up. */
  const raw = async (target: string, headers: readonly string[] = ["host: golden"]) => {
    const client = await ByteClient.connect(pair.golden);
    const head = [`GET ${target} HTTP/1.1`, "connection: close", ...headers].join("\r\n");
    const answer = await client.send(`${head}\r\n\r\n`).hears("\r\n");
    client.close();
    return Number(answer.split(" ")[1]);
  };

  beforeAll(async () => {
    await pair.mesh.apply(
      NAMESPACES.map((name) => `\napiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}`).join("\n---"),
    );
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
  });
  afterAll(() => policies.lift());

  test("ALLOW by principal: who is named gets in, nobody else", async () => {
    await policies.enforce(policy("callers", `{rules: [{from: [{source: {principals: [${CLIENT}]}}]}]}`));
    expect(await status("/")).toBe(200);
    await policies.enforce(
      policy("callers", "{rules: [{from: [{source: {principals: [cluster.local/ns/default/sa/other]}}]}]}"),
    );
    const refusal = await pair.get("/");
    expect([refusal.status, await refusal.text()]).toEqual([403, "RBAC: access denied"]);
    await policies.enforce(
      policy("callers", "{rules: [{from: [{source: {serviceAccounts: [client], notTrustDomains: [other]}}]}]}"),
    );
    expect(await status("/")).toBe(200);
  });

  test("DENY by path, method, header and address", async () => {
    await policies.enforce(
      policy(
        "refused",
        `
  action: DENY
  rules:
  - to: [{operation: {paths: [/admin/*, "*.secret", "/users/{*}/keys"]}}, {operation: {methods: [DELETE]}}]
  - {from: [{source: {ipBlocks: [127.0.0.0/8]}}], when: [{key: "request.headers[x-near]", values: ["*"]}]}
  - {from: [{source: {ipBlocks: [192.0.2.0/24]}}], when: [{key: "request.headers[x-far]", values: ["*"]}]}
  - {when: [{key: "request.headers[x-team]", values: [red*], notValues: [redwood]}]}`,
      ),
    );
    expect(await status("/admin/x?y")).toBe(403);
    expect(await status("/a.secret")).toBe(403);
    expect(await status("/users/42/keys")).toBe(403);
    expect(await status("/users/42/more/keys")).toBe(200);
    expect(await status("/admin")).toBe(200);
    expect(await status("/", { method: "DELETE" })).toBe(403);
    expect(await status("/", { method: "POST" })).toBe(200);
    expect(await status("/", { headers: { "x-near": "1" } })).toBe(403);
    expect(await status("/", { headers: { "x-far": "1" } })).toBe(200);
    expect(await status("/", { headers: { "x-team": "reddish" } })).toBe(403);
    expect(await status("/", { headers: { "x-team": "redwood" } })).toBe(200);
  });

  test("DENY goes before ALLOW, and ALLOW without rules allows nobody", async () => {
    await policies.enforce(
      policy("open", "{rules: [{}]}"),
      policy("closed", "{action: DENY, rules: [{to: [{operation: {paths: [/closed]}}]}]}"),
    );
    expect([await status("/"), await status("/closed")]).toEqual([200, 403]);
    await policies.enforce(policy("nothing", "{}"));
    expect([await status("/"), await status("/closed")]).toEqual([403, 403]);
  });

  test("policies are for their namespace, or for their workloads; those of the root namespace for all", async () => {
    const deny = (path: string, selector = "") =>
      `{${selector} action: DENY, rules: [{to: [{operation: {paths: [${path}], ports: ["${pair.v1.ports.application}"]}}]}]}`;
    await policies.enforce(
      policy("root", deny("/root"), { namespace: "istio-system" }),
      policy("selected", deny("/selected", "selector: {matchLabels: {version: v1, app: golden}},"), {
        namespace: "istio-system",
      }),
      policy("other", deny("/other", "selector: {matchLabels: {version: v9}},")),
      policy("elsewhere", deny("/elsewhere"), { namespace: "elsewhere" }),
    );
    const answers = await Promise.all(["/root", "/selected", "/other", "/elsewhere"].map((path) => status(path)));
    expect(answers).toEqual([403, 403, 200, 200]);
  });

  test("a dry run refuses nobody and is counted", async () => {
    const spec = "{action: DENY, rules: [{to: [{operation: {paths: [/trial]}}]}]}";
    await policies.enforce(policy("trial", spec, { dryRun: true }));
    expect(await status("/trial")).toBe(200);
    const counted = await eventually(
      async () => {
        const text = await (await fetch(`http://127.0.0.1:${pair.v1.ports.admin}/stats/prometheus`)).text();
        return text
          .split("\n")
          .filter(
            (line) => line.includes("shadow_denied") && line.includes("istio_dry_run_deny_") && / [1-9]/.test(line),
          );
      },
      (lines) => lines.length > 0,
    );
    expect(counted.length).toBeGreaterThan(0);
  });

  test("byte streams: by principal and by port; what asks for a request allows nobody and refuses everybody", async () => {
    const [, , , tcp] = pair.polyglot.ports.applications;
    const echoes = async () => {
      const client = (await ByteClient.connect(pair.upstream.tcp)).send("echo\n").send("hello");
      const heard = await client.hears("hello");
      client.close();
      return heard === "hello";
    };
    const on = (port: number | undefined, principal: string, more = "") =>
      `{selector: {matchLabels: {app: polyglot}}, rules: [{from: [{source: {principals: [${principal}]}}], to: [{operation: {ports: ["${port}"]${more}}}]}]}`;
    await policies.enforce(policy("stream", on(tcp, CLIENT)));
    expect(await echoes()).toBe(true);
    await policies.enforce(policy("stream", on(tcp, "cluster.local/ns/default/sa/other")));
    expect(await echoes()).toBe(false);
    await policies.enforce(policy("stream", on(pair.polyglot.ports.application, CLIENT)));
    expect(await echoes()).toBe(false);
    await policies.enforce(policy("stream", on(tcp, CLIENT, ", methods: [GET]")));
    expect(await echoes()).toBe(false);
    const refused = `{selector: {matchLabels: {app: polyglot}}, action: DENY, rules: [{to: [{operation: {methods: [PUT], ports: ["${tcp}"]}}]}]}`;
    await policies.enforce(policy("stream", refused));
    expect(await echoes()).toBe(false);
  });

  test("other spellings of a refused path and of a host are refused as well", async () => {
    await policies.enforce(
      policy(
        "refused",
        '{action: DENY, rules: [{to: [{operation: {paths: [/admin, /admin/*]}}, {operation: {hosts: ["GOLDEN.default.*"], paths: [/hosted]}}]}]}',
      ),
    );
    for (const path of [
      "/admin/",
      "/%61dmin",
      "/x/../admin",
      "/x/%2e%2e/admin",
      "/./admin",
      "/%2e/admin",
      "/x\\..\\admin",
    ])
      expect([path, await raw(path)]).toEqual([path, 403]);
    // Other resources, as both proxies see it: the application must not take them for the same (docs/security.md).
    for (const path of ["//admin", "/ADMIN", "/admin;x", "/admin%2f", "/;/admin"])
      expect([path, await raw(path)]).toEqual([path, 200]);
    // The name that the client's proxy calls it by, in other letters than the policy's.
    expect(await raw("/hosted")).toBe(403);
  });

  test("a header that comes twice is refused by any of its values", async () => {
    await policies.enforce(
      policy("refused", '{action: DENY, rules: [{when: [{key: "request.headers[x-role]", values: [guest]}]}]}'),
    );
    expect(await raw("/", ["host: golden", "x-role: admin", "x-role: guest"])).toBe(403);
    expect(await raw("/", ["host: golden", "x-role: guest", "x-role: admin"])).toBe(403);
    expect(await raw("/", ["host: golden", "x-role: admin"])).toBe(200);
  });

  test("a token that is not valid is refused, and who has none is nobody; one that is valid names its bearer, where tokens are verified", async () => {
    const { jwks, token } = tokens();
    const rule = (principals: string, path: string) =>
      `{action: DENY, rules: [{from: [{source: {notRequestPrincipals: [${principals}]}}], to: [{operation: {paths: [${path}]}}]}]}`;
    await policies.enforce(
      policy("tokens", `{jwtRules: [{issuer: ours, jwks: '${jwks}'}]}`, { kind: "RequestAuthentication" }),
      policy("signed", rule('"*"', "/signed")),
      policy("jane", rule("ours/jane", "/jane")),
      policy(
        "admins",
        '{action: DENY, rules: [{to: [{operation: {paths: [/admins]}}], when: [{key: "request.auth.claims[groups]", notValues: [admins]}]}]}',
      ),
    );
    const bearing = (path: string, text: string) => status(path, { headers: { authorization: `Bearer ${text}` } });
    const verifies = pair.serverProxy === "envoy";
    const refused = verifies ? 401 : 403;
    expect([await status("/"), await status("/signed")]).toEqual([200, 403]);
    expect(await status("/", { headers: { authorization: "Basic YTpi" } })).toBe(200);
    expect([await bearing("/", "a.b.c"), await status("/?access_token=a.b.c")]).toEqual([refused, refused]);
    const [jane, joe] = [token({ sub: "jane", groups: ["users", "admins"] }), token({ sub: "joe", groups: "users" })];
    expect(await bearing("/", `${jane.slice(0, -6)}AAAAAA`)).toBe(refused);
    expect(await bearing("/", token({ iss: "theirs", sub: "jane" }))).toBe(refused);
    const answers: number[] = [];
    for (const path of ["/", "/signed", "/jane", "/admins"])
      for (const who of [jane, joe]) answers.push(await bearing(path, who));
    expect(answers).toEqual(verifies ? [200, 200, 200, 200, 200, 403, 200, 403] : new Array<number>(8).fill(403));
  });

  test("keys without an issuer verify tokens of any issuer, where tokens are verified", async () => {
    const { jwks, token } = tokens();
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(jwks) });
    try {
      await policies.enforce(
        policy("tokens", `{jwtRules: [{jwksUri: "${server.url}keys"}]}`, { kind: "RequestAuthentication" }),
        policy(
          "jane",
          '{action: DENY, rules: [{from: [{source: {notRequestPrincipals: ["theirs/jane"]}}], to: [{operation: {paths: [/jane]}}]}]}',
        ),
      );
      const bearing = (path: string, text: string) => status(path, { headers: { authorization: `Bearer ${text}` } });
      const verifies = pair.serverProxy === "envoy";
      const [ours, theirs] = [token({ sub: "jane" }), token({ iss: "theirs", sub: "jane" })];
      // Until the keys are there every token is refused.
      const first = () => bearing("/", ours);
      expect(await eventually(first, (found) => found === (verifies ? 200 : 403))).toBe(verifies ? 200 : 403);
      expect(await bearing("/", theirs)).toBe(verifies ? 200 : 403);
      expect([await bearing("/jane", theirs), await bearing("/jane", ours)]).toEqual([verifies ? 200 : 403, 403]);
      expect(await bearing("/", `${theirs.slice(0, -6)}AAAAAA`)).toBe(verifies ? 401 : 403);
      expect(await bearing("/", tokens().token({ sub: "jane" }))).toBe(verifies ? 401 : 403);
      expect(await status("/")).toBe(200);
    } finally {
      await server.stop(true);
    }
  });
}
