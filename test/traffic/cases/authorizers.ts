// An authorizer of the mesh's extensionProviders is asked at a gateway and beside an application, by Envoys; Heddle's proxy refuses whom the
// rules are for. And policies that are tried out at a gateway.

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { resource } from "../../../src/kube/resources.ts";
import { Authorizer, PASS, PATH_PREFIX } from "../authorizer.ts";
import { ByteClient } from "../byte-client.ts";
import { type Answer, ask, askUntil, described, type Outside, statusOf } from "../gateway-client.ts";
import { eventually, type TestGateway } from "../mesh.ts";
import type { Pair } from "../pair.ts";

const SHOWN = [`${PASS}: valid`];
const POLICIES = ["asked-at-gateway", "asked-of-golden", "tried-out"] as const;

function mesh({ httpPort, grpcPort }: Authorizer): string {
  return `
apiVersion: v1
kind: Namespace
metadata: {name: istio-system}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: authorizer, namespace: default}
spec:
  hosts: [authorizer.test]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 8000, name: http, protocol: HTTP}, {number: 9000, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1, ports: {http: ${httpPort}, grpc: ${grpcPort}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    extensionProviders:
    - name: http
      envoyExtAuthzHttp:
        {service: authorizer.test, port: 8000, timeout: 5s, pathPrefix: ${PATH_PREFIX}, includeRequestHeadersInCheck: [${PASS}],
         headersToUpstreamOnAllow: [x-judged], headersToDownstreamOnDeny: [x-why]}
    - {name: grpc, envoyExtAuthzGrpc: {service: authorizer.test, port: 9000, timeout: 5s}}`;
}

const EDGE = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: judged, namespace: default}
spec:
  selector: {istio: judged}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [judged.test]}
  - {port: {number: 9000, name: tcp, protocol: TCP}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: judged, namespace: default}
spec:
  hosts: [judged.test]
  gateways: [judged]
  http: [{route: [{destination: {host: golden, subset: v1}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: judged-tcp, namespace: default}
spec: {hosts: ["*"], gateways: [judged], tcp: [{route: [{destination: {host: polyglot, port: {number: 83}}}]}]}`;

function policy(name: (typeof POLICIES)[number], spec: string, annotations = ""): string {
  return `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: default${annotations}}
spec: {${spec}}`;
}

const atGateway = "selector: {matchLabels: {istio: judged}}";

export function authorizerCases(pair: Pair, gatewayProxy: ProxyKind): void {
  let gateway: TestGateway;
  let authorizer: Authorizer;
  const toGateway = (path: string, headers: readonly string[] = []): Outside => ({
    port: gateway.ports.get(80)!,
    host: "judged.test",
    path,
    headers,
  });
  const toSidecar = (path: string, headers: readonly string[] = []): Outside => ({
    port: pair.golden,
    host: "golden",
    path,
    headers,
  });
  const remove = async (name: string) =>
    pair.mesh.controlPlane.api.delete(resource.authorizationPolicies, { namespace: "default", name });

  beforeAll(async () => {
    authorizer = new Authorizer();
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
    await pair.mesh.apply([mesh(authorizer), EDGE].join("\n---"));
    gateway = await pair.mesh.gateway({ app: "judged", proxy: gatewayProxy, ports: [80, 9000] });
    expect(statusOf(await askUntil(toGateway("/"), 200))).toBe(200);
  }, 60_000);
  afterAll(async () => {
    authorizer?.stop();
    if (!pair.client) return; // it never stood
    for (const name of POLICIES) await remove(name);
    await pair.mesh.controlPlane.api.delete(resource.serviceEntries, { namespace: "default", name: "authorizer" });
    await pair.mesh.controlPlane.api.delete(resource.configMaps, { namespace: "istio-system", name: "istio" });
  });

  /** The authorizer's say, where it is asked; who is not asked about passes, whatever he shows. */
  async function isJudged(to: typeof toGateway, proxy: ProxyKind, provider: string): Promise<void> {
    if (proxy === "heddle") {
      expect(statusOf(await askUntil(to("/asked"), 403))).toBe(403);
      expect(statusOf(await ask(to("/asked", SHOWN)))).toBe(403);
    } else {
      const judged = async () => {
        const answer = await ask(to("/asked", SHOWN));
        return statusOf(answer) === 200 ? described(answer).headers["x-judged"] : statusOf(answer);
      };
      expect(await eventually(judged, (by) => by === provider)).toBe(provider);
      authorizer.asked = [];
      const refused = (await ask(to("/asked"))) as Answer;
      expect([refused.status, refused.headers.toLowerCase()]).toEqual([401, expect.stringContaining("x-why: no pass")]);
      expect(authorizer.asked).toEqual(["/asked"]);
    }
    authorizer.asked = [];
    expect(statusOf(await ask(to("/")))).toBe(200);
    expect(authorizer.asked).toEqual([]);
  }

  test.each(["http", "grpc"])("of requests, over %s", async (provider) => {
    const rules = `action: CUSTOM, provider: {name: ${provider}}, rules: [{to: [{operation: {paths: [/asked]}}]}]`;
    await pair.mesh.apply(
      [
        policy("asked-at-gateway", `${atGateway}, ${rules}`),
        policy("asked-of-golden", `selector: {matchLabels: {app: golden}}, ${rules}`),
      ].join("\n---"),
    );
    await isJudged(toSidecar, pair.serverProxy, provider);
    // Beside golden nobody is asked any more: what is said is the gateway's authorizer's.
    await remove("asked-of-golden");
    expect(statusOf(await askUntil(toSidecar("/asked"), 200))).toBe(200);
    await isJudged(toGateway, gatewayProxy, provider);
  });

  test("an authorizer that the mesh does not have lets nobody in", async () => {
    await pair.mesh.apply(
      policy(
        "asked-at-gateway",
        `${atGateway}, action: CUSTOM, provider: {name: nobody}, rules: [{to: [{operation: {paths: [/nobody]}}]}]`,
      ),
    );
    expect(statusOf(await askUntil(toGateway("/nobody", SHOWN), 403))).toBe(403);
    expect(statusOf(await ask(toGateway("/asked")))).toBe(200);
  });

  test("of connections to a gateway", async () => {
    const port = gateway.ports.get(9000)!;
    const isServed = async () => {
      const client = await ByteClient.connect(port);
      const heard = await client
        .send("echo\none")
        .hears("one")
        .catch(() => "");
      client.close();
      return heard === "one";
    };
    authorizer.admitsConnections = false;
    await pair.mesh.apply(
      policy(
        "asked-at-gateway",
        `${atGateway}, action: CUSTOM, provider: {name: grpc}, rules: [{to: [{operation: {ports: ["${port}"]}}]}]`,
      ),
    );
    expect(await eventually(isServed, (served) => !served)).toBe(false);
    authorizer.admitsConnections = true;
    expect(await eventually(isServed, (served) => served === (gatewayProxy === "envoy"))).toBe(
      gatewayProxy === "envoy",
    );
    expect(statusOf(await ask(toGateway("/asked")))).toBe(200);
    await remove("asked-at-gateway");
    expect(await eventually(isServed, (served) => served)).toBe(true);
  });

  test("what is tried out at a gateway refuses nobody, and is counted", async () => {
    const port = gateway.ports.get(80)!;
    await pair.mesh.apply(
      policy(
        "tried-out",
        `${atGateway}, action: DENY, rules: [{to: [{operation: {paths: [/trial], ports: ["${port}"]}}]}]`,
        ', annotations: {istio.io/dry-run: "true"}',
      ),
    );
    const counted = async () => {
      expect(statusOf(await ask(toGateway("/trial")))).toBe(200);
      const told = await (await fetch(`http://127.0.0.1:${gateway.admin}/stats/prometheus`)).text();
      const isCount = (line: string) =>
        line.includes("shadow_denied") && line.includes("istio_dry_run_deny_") && / [1-9]/.test(line);
      return told.split("\n").some(isCount);
    };
    expect(await eventually(counted, Boolean)).toBe(true);
    // Enforced, it refuses: the rules match.
    await remove("tried-out");
    await pair.mesh.apply(
      policy("tried-out", `${atGateway}, action: DENY, rules: [{to: [{operation: {paths: [/trial]}}]}]`),
    );
    expect(statusOf(await askUntil(toGateway("/trial"), 403))).toBe(403);
  });
}
