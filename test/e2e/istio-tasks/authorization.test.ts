// Authorization: bookinfo, httpbin and an echo behind policies, under the objects of the pages below tasks/security/authorization.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type GrpcListener, listenGrpc } from "../../../src/grpc/listen.ts";
import { GrpcService } from "../../../src/grpc/server.ts";
import { ByteClient } from "../../traffic/byte-client.ts";
import { eventually, type TestGateway, type TestWorkload } from "../../traffic/mesh.ts";
import { tasks } from "./tasks.ts";
import { Issuer } from "./tokens.ts";

const policy = (name: string, spec: string, namespace = "foo", annotations = "{}") => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: ${namespace}, annotations: ${annotations}}
spec: ${spec}
---`;

const of = (app: string) => `selector: {matchLabels: {app: ${app}}}`;

/** What Istio's own webhook warns of when the pages' policies are applied: without ports they refuse bytes as well. */
const BYTES_TOO = "HED1715";

const meshConfig = (mesh: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: '${mesh}'
---`;

/** Of Envoy's contract (envoy.service.auth.v3): says yes to whom a header of that value is of. */
function serveAuthorizer(): GrpcListener {
  const denied = Uint8Array.of(0x0a, 2, 0x08, 7); // CheckResponse { status { code: PERMISSION_DENIED } }
  const service = new GrpcService({
    "/envoy.service.auth.v3.Authorization/Check": (call) => ({
      onMessage(bytes) {
        call.send(Buffer.from(bytes).includes("allow") ? new Uint8Array(0) : denied);
        call.end();
      },
      onEnd() {},
      onCancel() {},
    }),
  });
  const peer = { principal: "", address: "127.0.0.1" };
  return listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, () => peer);
}

tasks("authorization", (lab) => {
  const issuer = new Issuer("testing@secure.example.com");
  let curl: TestWorkload;
  let httpbin: TestWorkload;
  let page: TestWorkload;
  let echo: TestWorkload;
  let gateway: TestGateway;
  let authorizer: Bun.Server<undefined>;
  let grpcAuthorizer: GrpcListener;
  /** Where tokens are verified and authorizers asked. */
  const verifies = () => !lab.isHeddle("foo/httpbin");
  beforeAll(async () => {
    authorizer = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ headers }) =>
        headers.get("x-ext-authz") === "allow"
          ? new Response("", { headers: { "x-ext-authz-check-result": "allowed" } })
          : new Response("denied by ext_authz", { status: 403 }),
    });
    grpcAuthorizer = serveAuthorizer();
    await lab.namespaces("foo");
    [httpbin, curl, echo, page, gateway] = await Promise.all([
      lab.run({ app: "httpbin", namespace: "foo", ports: { http: 8000 } }),
      lab.run({ app: "curl", namespace: "foo", ports: { http: 80 } }),
      lab.run({ app: "tcp-echo", namespace: "foo", role: "echo", ports: { tcp: 9000, "tcp-other": 9001 } }),
      lab.run({ app: "productpage", role: "productpage", ports: { http: 9080 }, calls: "reviews:9080" }),
      lab.gateway("ingressgateway", 80),
      lab.run({ app: "reviews", role: "reviews", ports: { http: 9080 }, calls: "ratings:9080" }),
      lab.run({ app: "ratings", role: "ratings", ports: { http: 9080 } }),
    ]);
    await lab.settled();
  }, 60_000);
  afterAll(() => {
    authorizer?.stop(true);
    grpcAuthorizer?.stop();
  });

  test("HTTP traffic", async () => {
    const url = "http://productpage.default:9080/productpage";
    const viewer = (app: string, caller?: string) => {
      const from =
        caller === undefined ? "" : `from: [{source: {principals: [cluster.local/ns/default/sa/${caller}]}}], `;
      return policy(
        `${app}-viewer`,
        `{${of(app)}, action: ALLOW, rules: [{${from}to: [{operation: {methods: [GET]}}]}]}`,
        "default",
      );
    };
    await lab.follow(policy("allow-nothing", "{}", "default"));
    await lab.sees(curl, url, { status: 403, by: "proxy", text: "RBAC: access denied" });
    await lab.follow(viewer("productpage"));
    await lab.sees(curl, url, { status: 200, text: '"reviews":{"error":403}' });
    await lab.sees(curl, { url, method: "DELETE" }, { status: 403, by: "proxy" });
    await lab.follow(viewer("reviews", "productpage"));
    await lab.sees(curl, url, { status: 200, text: '"ratings":{"error":403}' });
    await lab.follow(viewer("ratings", "reviews"));
    await lab.sees(curl, url, { status: 200, text: '"stars":5' });
    await lab.sees(page, "http://ratings:9080/ratings/0", { status: 403, by: "proxy" });
  });

  test("TCP traffic", async () => {
    const says = async (port: number): Promise<string> => {
      const client = await ByteClient.connect(curl.ports.forwardProxy);
      try {
        await client
          .send(`CONNECT tcp-echo.foo:${port} HTTP/1.1\r\nhost: tcp-echo.foo:${port}\r\n\r\n`)
          .hears("\r\n\r\n");
        const heard = await client.send("hello\n").hears("tcp-echo-v1 hello");
        return heard.includes("tcp-echo-v1 hello") ? "connection succeeded" : "connection rejected";
      } catch {
        return "connection rejected";
      } finally {
        client.close();
      }
    };
    const [first, second] = [echo.ports.applications[0]!, echo.ports.applications[1]!];
    const found = async (wanted: readonly boolean[]) => {
      const expected = wanted.map((is) => (is ? "connection succeeded" : "connection rejected"));
      const both = () => Promise.all([9000, 9001].map(says));
      expect(await eventually(both, (seen) => Bun.deepEquals(seen, expected))).toEqual(expected);
      for (const [i, port] of [9000, 9001].entries()) {
        const { outcome } = await lab.explain(curl, `tcp://tcp-echo.foo:${port}`);
        expect(outcome).toBe(wanted[i] ? "forward" : "reject");
      }
    };
    const tcp = (action: string, operation: string) =>
      policy("tcp-policy", `{${of("tcp-echo")}, action: ${action}, rules: [{to: [{operation: {${operation}}}]}]}`);
    await found([true, true]);
    await lab.follow(tcp("ALLOW", `ports: ["${first}", "${second}"]`));
    await found([true, true]);
    await lab.follow(tcp("ALLOW", `methods: [GET], ports: ["${first}"]`));
    await found([false, false]);
    await lab.follow(tcp("DENY", "methods: [GET]"), BYTES_TOO);
    await found([false, false]);
    await lab.follow(tcp("DENY", `methods: [GET], ports: ["${first}"]`));
    await found([false, true]);
  });

  test("explicit deny", async () => {
    const url = "http://httpbin.foo:8000/get";
    const denied = (rules: string) => policy("deny-method-get", `{${of("httpbin")}, action: DENY, rules: ${rules}}`);
    await lab.follow(denied("[{to: [{operation: {methods: [GET]}}]}]"), BYTES_TOO);
    await lab.sees(curl, url, { status: 403, by: "proxy", text: "RBAC: access denied" });
    await lab.sees(curl, { url, method: "POST", body: "" }, { status: 200, by: "httpbin-v1" });
    await lab.follow(
      denied('[{to: [{operation: {methods: [GET]}}], when: [{key: "request.headers[x-token]", notValues: [admin]}]}]'),
      BYTES_TOO,
    );
    await lab.sees(curl, { url, headers: { "x-token": "admin" } }, { status: 200, by: "httpbin-v1" });
    await lab.sees(curl, { url, headers: { "x-token": "guest" } }, { status: 403, by: "proxy" });
    await lab.follow(
      policy("allow-path-ip", `{${of("httpbin")}, action: ALLOW, rules: [{to: [{operation: {paths: [/ip]}}]}]}`),
    );
    await lab.sees(curl, { url: "http://httpbin.foo:8000/ip", headers: { "x-token": "guest" } }, { status: 403 });
    await lab.sees(curl, { url: "http://httpbin.foo:8000/ip", headers: { "x-token": "admin" } }, { status: 200 });
    await lab.sees(curl, { url, headers: { "x-token": "admin" } }, { status: 403, by: "proxy" });
  });

  test("ingress access control", async () => {
    const url = "http://httpbin.example.com/headers";
    const at = { gateway, port: 80 };
    const from = (action: string, source: string) =>
      policy(
        "ingress-policy",
        `{${of("istio-ingressgateway")}, action: ${action}, rules: [{from: [{source: {${source}}}]}]}`,
        "istio-system",
      );
    await lab.follow(`
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: httpbin-gateway, namespace: foo}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: httpbin, namespace: foo}
spec:
  hosts: ["*"]
  gateways: [httpbin-gateway]
  http: [{route: [{destination: {host: httpbin, port: {number: 8000}}}]}]`);
    await lab.sees(at, url, { status: 200, by: "httpbin-v1" });
    await lab.follow(from("ALLOW", "ipBlocks: [1.2.3.4, 5.6.7.0/24]"));
    await lab.sees(at, url, { status: 403, by: "proxy" });
    await lab.follow(from("ALLOW", "ipBlocks: [1.2.3.4, 5.6.7.0/24, 127.0.0.1]"));
    await lab.sees(at, url, { status: 200, by: "httpbin-v1" });
    await lab.follow(from("DENY", "ipBlocks: [127.0.0.1]"));
    await lab.sees(at, url, { status: 403, by: "proxy" });
    // Behind one load balancer, which writes whom it saw to the end of the header.
    await lab.follow(
      meshConfig("defaultConfig: {gatewayTopology: {numTrustedProxies: 1}}") +
        from("ALLOW", "remoteIpBlocks: [5.6.7.0/24]"),
    );
    await lab.sees(at, { url, headers: { "x-forwarded-for": "9.9.9.9, 5.6.7.8" } }, { status: 200, by: "httpbin-v1" });
    await lab.sees(at, { url, headers: { "x-forwarded-for": "5.6.7.8, 9.9.9.9" } }, { status: 403, by: "proxy" });
    // Behind one that speaks the PROXY protocol.
    await lab.follow(
      meshConfig("defaultConfig: {gatewayTopology: {proxyProtocol: {}}}") +
        from("ALLOW", "remoteIpBlocks: [5.6.7.0/24]"),
    );
    const proxied = async (address: string) => {
      const client = await ByteClient.connect(gateway.ports.get(80)!);
      client.send(`PROXY TCP4 ${address} 127.0.0.1 40000 80\r\n`);
      client.send("GET /headers HTTP/1.1\r\nhost: httpbin.example.com\r\nconnection: close\r\n\r\n");
      return (await client.all()).toString("latin1").slice(9, 12);
    };
    for (const [address, status] of [
      ["5.6.7.8", "200"],
      ["9.9.9.9", "403"],
    ] as const)
      expect(
        await eventually(
          () => proxied(address),
          (found) => found === status,
        ),
      ).toBe(status);
  });

  test("JWT", async () => {
    const url = "http://httpbin.foo:8000/headers";
    const told = verifies() ? [] : ["HED2033"];
    const subject = { iss: issuer.name, sub: issuer.name };
    const bearer = async (claims: Readonly<Record<string, unknown>>) => ({
      url,
      headers: { authorization: `Bearer ${await issuer.token(claims)}` },
      claims: { ...claims } as never,
    });
    await lab.follow(await issuer.authentication("jwt-example", "foo", of("httpbin")), ...told);
    await lab.sees(
      curl,
      { url, headers: { authorization: "Bearer invalidToken" } },
      { status: verifies() ? 401 : 403, by: "proxy", explained: "not" },
    );
    await lab.sees(curl, url, { status: 200, by: "httpbin-v1" });
    const required = (when = "") =>
      policy(
        "require-jwt",
        `{${of("httpbin")}, action: ALLOW, rules: [{from: [{source: {requestPrincipals: ["${issuer.name}/${issuer.name}"]}}]${when}}]}`,
      );
    await lab.follow(required());
    await lab.sees(curl, await bearer(subject), { status: verifies() ? 200 : 403 });
    await lab.sees(curl, url, { status: 403, by: "proxy" });
    await lab.follow(required(', when: [{key: "request.auth.claims[groups]", values: [group1]}]'));
    await lab.sees(curl, await bearer({ ...subject, groups: ["group1", "group2"] }), {
      status: verifies() ? 200 : 403,
    });
    await lab.sees(curl, await bearer(subject), { status: 403 });
  });

  test("trust domain migration", async () => {
    const url = "http://httpbin.foo:8000/ip";
    const named = policy(
      "httpbin",
      `{${of("httpbin")}, rules: [{from: [{source: {principals: [old-td/ns/foo/sa/curl]}}], to: [{operation: {methods: [GET]}}]}]}`,
    );
    await lab.follow(named);
    await lab.sees(curl, url, { status: 403, by: "proxy" });
    await lab.follow(meshConfig("trustDomainAliases: [old-td]"));
    await lab.sees(curl, url, { status: 200, by: "httpbin-v1" });
    await lab.sees(page, url, { status: 403, by: "proxy" });
  });

  test("dry run", async () => {
    const url = "http://httpbin.foo:8000/headers";
    await lab.follow(
      policy(
        "deny-path-headers",
        `{${of("httpbin")}, action: DENY, rules: [{to: [{operation: {paths: [/headers]}}]}]}`,
        "foo",
        '{istio.io/dry-run: "true"}',
      ),
      BYTES_TOO,
    );
    const denied = async () => {
      await lab.sees(curl, url, { status: 200, by: "httpbin-v1" });
      const stats = await (await fetch(`http://127.0.0.1:${httpbin.ports.admin}/stats?filter=shadow_denied`)).text();
      return [...stats.matchAll(/shadow_denied: (\d+)/g)].some(([, count]) => Number(count) > 0);
    };
    expect(await eventually(denied, Boolean)).toBe(true);
  });

  test.each([
    [
      "http",
      "envoyExtAuthzHttp",
      ", includeRequestHeadersInCheck: [x-ext-authz], headersToUpstreamOnAllow: [x-ext-authz-check-result]",
    ],
    ["grpc", "envoyExtAuthzGrpc", ""],
  ] as const)("external authorization by %s", async (protocol, kind, more) => {
    const url = "http://httpbin.foo:8000/headers";
    const { port } = protocol === "http" ? authorizer : grpcAuthorizer;
    await lab.follow(
      `${meshConfig(
        `extensionProviders: [{name: sample-ext-authz, ${kind}: {service: ext-authz.test, port: 8000${more}}}]`,
      )}
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: external-authz, namespace: foo}
spec:
  hosts: [ext-authz.test]
  endpoints: [{address: 127.0.0.1, ports: {main: ${port}}}]
  ports: [{name: main, number: 8000, protocol: ${protocol.toUpperCase()}}]
  resolution: STATIC
---${policy("ext-authz", `{${of("httpbin")}, action: CUSTOM, provider: {name: sample-ext-authz}, rules: [{to: [{operation: {paths: [/headers]}}]}]}`)}`,
      ...(verifies() ? [] : ["HED2030"]),
    );
    await lab.sees(
      curl,
      { url, headers: { "x-ext-authz": "deny" } },
      // Offline an authorizer that can be asked says yes.
      verifies() ? { status: 403, by: "proxy", explained: "not" } : { status: 403, by: "proxy" },
    );
    await lab.sees(
      curl,
      { url, headers: { "x-ext-authz": "allow" } },
      verifies()
        ? { status: 200, text: protocol === "http" ? '"x-ext-authz-check-result":"allowed"' : "" }
        : { status: 403 },
    );
    await lab.sees(curl, "http://httpbin.foo:8000/ip", { status: 200, by: "httpbin-v1" });
  });
});
