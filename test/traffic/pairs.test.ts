// Every case on both proxies, on either side of the leg: Heddle to Heddle, Envoy to Envoy, and mixed. One expectation for all.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { eventually, TestMesh, type TestWorkload } from "./mesh.ts";

// Envoy starts in seconds on a busy machine, and a request that is retried takes its time.
setDefaultTimeout(30_000);

const hasEnvoy = findComponent("envoy") !== undefined;
if (!hasEnvoy && process.env.CI === "true") throw new Error("the traffic suite needs envoy");

const PAIRS: readonly (readonly [client: ProxyKind, server: ProxyKind])[] = hasEnvoy
  ? [
      ["heddle", "heddle"],
      ["envoy", "envoy"],
      ["heddle", "envoy"],
      ["envoy", "heddle"],
    ]
  : [["heddle", "heddle"]];

const BASE = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: golden, namespace: default}
spec:
  host: golden
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec: {mtls: {mode: STRICT}}
`;

/** A VirtualService for golden whose `http` is given as YAML, indented by two. A request to `/revision/N` tells that it is in force. */
function routes(http: string, revision: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: golden, namespace: default}
spec:
  hosts: [golden]
  http:
  - match: [{uri: {exact: /revision/${revision}}}]
    directResponse: {status: 299}
${http}`;
}

interface Described {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Record<string, string>;
  readonly body: number;
}

for (const [clientProxy, serverProxy] of PAIRS) {
  describe(`${clientProxy} → ${serverProxy}`, () => {
    let mesh: TestMesh;
    let client: TestWorkload;
    let v1: TestWorkload;
    let v2: TestWorkload;
    let upstream: number;
    let base: string;

    const get = (path: string, init?: RequestInit) =>
      fetch(`${base}${path}`, { signal: AbortSignal.timeout(10_000), ...init });
    const described = async (path: string, init?: RequestInit) => (await (await get(path, init)).json()) as Described;

    let revision = 0;

    /** Applies routes and waits until the client's proxy has them. */
    async function route(http: string): Promise<void> {
      const mine = ++revision;
      await mesh.apply(routes(http, mine));
      expect(
        await eventually(
          async () => (await get(`/revision/${mine}`)).status,
          (status) => status === 299,
        ),
      ).toBe(299);
    }

    beforeAll(async () => {
      mesh = await TestMesh.start();
      await mesh.apply(BASE);
      [v1, v2] = await Promise.all([
        mesh.run({ app: "golden", version: "v1", proxy: serverProxy }),
        mesh.run({ app: "golden", version: "v2", proxy: serverProxy }),
      ]);
      upstream = mesh.book.choose(0);
      client = await mesh.run({
        app: "client",
        version: "v1",
        proxy: clientProxy,
        upstreams: [`${upstream}=golden:80`],
      });
      base = `http://127.0.0.1:${upstream}`;
      await eventually(
        async () => (await get("/").catch(() => undefined))?.status,
        (status) => status === 200,
      );
    }, 60_000);
    afterAll(() => mesh?.stop(), 30_000);

    test("a request arrives with the caller's identity and a request id, and without the mesh's own headers", async () => {
      const { headers, path, method, body } = await described("/some/path?q=1", { method: "POST", body: "hello" });
      expect({ path, method, body }).toEqual({ path: "/some/path?q=1", method: "POST", body: 5 });
      expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://cluster.local/ns/default/sa/client");
      expect(headers["x-forwarded-client-cert"]).toContain("By=spiffe://cluster.local/ns/default/sa/golden");
      expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers["x-envoy-peer-metadata"]).toBeUndefined();
      expect(headers["x-heddle-protocol"]).toBeUndefined();
    });

    test("weights divide the requests among subsets", async () => {
      await route(
        "  - route: [{destination: {host: golden, subset: v1}, weight: 0}, {destination: {host: golden, subset: v2}, weight: 100}]",
      );
      for (let i = 0; i < 20; i++) expect((await described("/")).name).toBe("v2");
      await route(
        "  - route: [{destination: {host: golden, subset: v1}, weight: 75}, {destination: {host: golden, subset: v2}, weight: 25}]",
      );
      const names = await Promise.all(Array.from({ length: 400 }, async () => (await described("/")).name));
      const share = names.filter((name) => name === "v1").length / 4;
      expect(share).toBeGreaterThan(65);
      expect(share).toBeLessThan(85);
    });

    test("routes match path, header, method and regular expression, first match first", async () => {
      await route(
        `  - match: [{uri: {exact: /exact}}]
    route: [{destination: {host: golden, subset: v2}}]
  - match: [{headers: {x-user: {exact: jane}}, method: {exact: POST}}]
    route: [{destination: {host: golden, subset: v2}}]
  - match: [{uri: {regex: "/item/[0-9]+"}}]
    route: [{destination: {host: golden, subset: v2}}]
  - match: [{uri: {prefix: /v2}}]
    route: [{destination: {host: golden, subset: v2}}]
  - route: [{destination: {host: golden, subset: v1}}]`,
      );
      expect((await described("/exact/no")).name).toBe("v1");
      expect((await described("/x", { method: "POST", headers: { "x-user": "jane" } })).name).toBe("v2");
      expect((await described("/x", { headers: { "x-user": "jane" } })).name).toBe("v1");
      expect((await described("/item/42?x")).name).toBe("v2");
      expect((await described("/item/42/x")).name).toBe("v1");
      expect((await described("/v2abc")).name).toBe("v2");
    });

    test("header operations change the request and the response", async () => {
      await route(
        `  - headers:
      request: {set: {x-set: mesh}, add: {x-add: more}, remove: [x-gone]}
      response: {set: {x-answer: "42"}, remove: [date]}
    route: [{destination: {host: golden, subset: v1}}]`,
      );
      const { headers } = await described("/", { headers: { "x-set": "mine", "x-gone": "1" } });
      expect(headers["x-set"]).toBe("mesh");
      expect(headers["x-add"]).toBe("more");
      expect(headers["x-gone"]).toBeUndefined();
    });

    test("a time-out answers 504", async () => {
      await route(
        `  - match: [{uri: {prefix: /delay}}]
    timeout: 0.2s
    retries: {attempts: 0}
    route: [{destination: {host: golden, subset: v1}}]
  - route: [{destination: {host: golden, subset: v1}}]`,
      );
      const response = await get("/delay/1500");
      expect(response.status).toBe(504);
      expect(await response.text()).toBe("upstream request timeout");
      expect((await described("/delay/1")).path).toBe("/delay/1");
    });

    test("retries try again, as often as allowed", async () => {
      await route(
        `  - match: [{uri: {prefix: /flaky}}]
    retries: {attempts: 3, retryOn: "5xx"}
    route: [{destination: {host: golden, subset: v1}}]
  - route: [{destination: {host: golden, subset: v1}}]`,
      );
      expect((await get(`/flaky/a${Math.random()}/3`)).status).toBe(200);
      expect((await get(`/flaky/b${Math.random()}/4`)).status).toBe(503);
      const posted = await described(`/flaky/c${Math.random()}/2`, { method: "POST", body: "x".repeat(10_000) });
      expect(posted.body).toBe(10_000);
    });

    test("bodies of a megabyte pass both ways, without their length known", async () => {
      await route("  - route: [{destination: {host: golden, subset: v1}}]");
      const text = await (await get("/body/1000000")).text();
      expect(text.length).toBe(1_000_000);
      expect((await described("/", { method: "POST", body: "y".repeat(1_000_000) })).body).toBe(1_000_000);
    });

    test("an unknown subset answers 503, a status passes as it is", async () => {
      expect((await get("/status/418")).status).toBe(418);
      await route(
        "  - match: [{uri: {prefix: /nowhere}}]\n    route: [{destination: {host: golden, subset: v9}}]\n  - route: [{destination: {host: golden, subset: v1}}]",
      );
      expect((await get("/nowhere")).status).toBe(503);
    });

    test("the forward proxy takes absolute requests and tunnels", async () => {
      const proxy = `http://127.0.0.1:${client.ports.forwardProxy}`;
      const absolute = await fetch("http://golden/through", { proxy, signal: AbortSignal.timeout(10_000) });
      expect(((await absolute.json()) as Described).headers["x-forwarded-client-cert"]).toContain("sa/client");
      const curl = Bun.spawn(["curl", "-s", "--max-time", "5", "-p", "-x", proxy, "http://golden.default:80/tunnel"], {
        stdout: "pipe",
      });
      expect((JSON.parse(await new Response(curl.stdout).text()) as Described).path).toBe("/tunnel");
    });

    test("under STRICT, plaintext reaches neither the mesh port nor the inbound port", async () => {
      for (const port of [v1.ports.mesh, v1.ports.inbound]) {
        await expect(fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(5_000) })).rejects.toThrow();
      }
    });

    test("both sides count the request under the same labels", async () => {
      await get("/");
      const series = async ({ ports }: TestWorkload, reporter: string) => {
        const text = await (await fetch(`http://127.0.0.1:${ports.status}/stats/prometheus`)).text();
        return text
          .split("\n")
          .find(
            (line) =>
              line.startsWith(`istio_requests_total{reporter="${reporter}"`) &&
              line.includes('destination_version="v1"') &&
              line.includes('response_code="200"'),
          );
      };
      const at = (workload: TestWorkload, reporter: string) =>
        eventually(
          () => series(workload, reporter),
          (line) => line !== undefined,
        );
      const source = (await at(client, "source"))!;
      const destination = (await at(v1, "destination"))!;
      expect(destination).toContain('connection_security_policy="mutual_tls"');
      for (const label of [
        "source_workload",
        "source_canonical_service",
        "destination_workload",
        "destination_service",
        "destination_service_name",
        "destination_version",
        "request_protocol",
      ]) {
        const value = new RegExp(`${label}="([^"]*)"`);
        expect([label, value.exec(destination)?.[1]]).toEqual([label, value.exec(source)?.[1]]);
      }
      expect(destination).toContain('source_principal="spiffe://cluster.local/ns/default/sa/client"');
    });

    test("an instance that ends takes no request with it", async () => {
      await route("  - route: [{destination: {host: golden}}]");
      let failed = 0;
      let running = true;
      const load = Promise.all(
        Array.from({ length: 4 }, async () => {
          while (running) {
            const status = await get("/").then(
              (response) => response.status,
              () => 0,
            );
            if (status !== 200) failed++;
          }
        }),
      );
      await v2.stop();
      await Bun.sleep(200);
      running = false;
      await load;
      expect(failed).toBe(0);
    }, 20_000);
  });
}
