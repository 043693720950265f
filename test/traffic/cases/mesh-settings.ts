// What holds for the whole mesh, as its settings say it while it runs.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { resource } from "../../../src/kube/resources.ts";
import { ByteClient } from "../byte-client.ts";
import { eventually } from "../mesh.ts";
import type { Described, Pair } from "../pair.ts";
import type { Seen } from "../polyglot/requests.ts";

/** Where the request went: 298 is the route of /a/b, 200 the application. */
type Status = 200 | 298;

export function meshSettingsCases(pair: Pair): void {
  const configure = (mesh: string) =>
    pair.mesh.apply(
      `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: '${mesh}'}`,
    );

  /** Written as it is: an HTTP client would tidy the path up. */
  const status = async (target: string): Promise<number> => {
    const client = await ByteClient.connect(pair.golden);
    const head = [`GET ${target} HTTP/1.1`, "host: golden", "connection: close"].join("\r\n");
    const answer = await client.send(`${head}\r\n\r\n`).hears("\r\n");
    client.close();
    return Number(answer.split(" ")[1]);
  };
  /** The path that the application is asked for, less the dots and backslashes, which it reads for itself. */
  const seen = async (target: string): Promise<string> => {
    const client = await ByteClient.connect(pair.golden);
    const head = [`GET ${target} HTTP/1.1`, "host: golden", "connection: close"].join("\r\n");
    const answer = (await client.send(`${head}\r\n\r\n`).all()).toString();
    client.close();
    return /"path":"([^"]*)"/.exec(answer)?.[1] ?? answer;
  };
  const becomes = async (target: string, expected: Status) =>
    expect(
      await eventually(
        () => status(target),
        (found) => found === expected,
      ),
    ).toBe(expected);

  beforeAll(async () => {
    await pair.mesh.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: istio-system}");
    await pair.route(
      "  - match: [{uri: {exact: /a/b}}]\n    directResponse: {status: 298}\n  - route: [{destination: {host: golden, subset: v1}}]",
    );
  });
  afterAll(async () => {
    await pair.mesh.controlPlane.api.delete(resource.configMaps, { namespace: "istio-system", name: "istio" });
  });

  test("pathNormalization says which paths are one, and each change of it reaches the proxies", async () => {
    expect([await status("/a/b"), await status("/x/../a/b"), await status("//a///b")]).toEqual([298, 298, 200]);
    expect([await status("/a/b%00"), await seen("/seen/a%2fb//c")]).toEqual([400, "/seen/a%2fb//c"]);
    await configure("pathNormalization: {normalization: MERGE_SLASHES}");
    await becomes("//a///b", 298);
    expect([await status("/x/../a/b"), await status("/a%2fb")]).toEqual([298, 200]);
    expect(await seen("//seen//a%2fb")).toBe("/seen/a%2fb");
    await configure("pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}");
    await becomes("/a%2fb", 298);
    expect(await status("/x/..%2f/a//b")).toBe(298);
    expect(await seen("//seen%2fa%5cb")).toBe("/seen/a/b");
    await configure("pathNormalization: {normalization: NONE}");
    await becomes("/x/../a/b", 200);
    expect([await status("/a/b"), await status("//a///b")]).toEqual([298, 200]);
    expect(await seen("//seen//a%5cb")).toBe("//seen//a%5cb");
  });

  test("an egress proxy of the mesh gets what is let through, and nothing else", async () => {
    const outside = async () => {
      const response = await fetch("http://nowhere.example.com/x", {
        proxy: pair.forwardProxy,
        signal: AbortSignal.timeout(10_000),
      });
      return response.status === 200 ? ((await response.json()) as Described).host : String(response.status);
    };
    const host = "golden.default.svc.cluster.local";
    await configure(`outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: ${host}, port: {number: 80}}}`);
    expect(await eventually(outside, (found) => found === "nowhere.example.com")).toBe("nowhere.example.com");
    await configure("outboundTrafficPolicy: {mode: REGISTRY_ONLY}");
    expect(await eventually(outside, (found) => found === "502")).toBe("502");
    await configure("outboundTrafficPolicy: {mode: ALLOW_ANY}");
  });

  test("without auto mTLS clients speak plaintext, which servers that demand mutual TLS refuse; with it again they do not", async () => {
    const status = async () => (await pair.get("/")).status;
    expect(await eventually(status, (found) => found === 200)).toBe(200);
    await configure("enableAutoMtls: false");
    expect(await eventually(status, (found) => found === 503)).toBe(503);
    await configure("enableAutoMtls: true");
    expect(await eventually(status, (found) => found === 200)).toBe(200);
  });

  test("defaultTrafficPolicy limits the clients of services without a policy", async () => {
    const beside = async () => {
      const held = (await ByteClient.connect(pair.upstream.http)).send(
        "POST /describe HTTP/1.1\r\nhost: polyglot\r\ncontent-length: 1\r\n\r\n",
      );
      const response = await fetch(`http://127.0.0.1:${pair.upstream.http}/describe`);
      held.close();
      return [response.status, response.headers.get("x-envoy-overloaded")].join(" ");
    };
    expect(await beside()).toBe("200 ");
    await configure("defaultTrafficPolicy: {connectionPool: {http: {http2MaxRequests: 1}}}");
    expect(await eventually(beside, (found) => found === "503 true")).toBe("503 true");
    await configure("defaultTrafficPolicy: {connectionPool: {http: {http2MaxRequests: 100}}}");
    expect(await eventually(beside, (found) => found === "200 ")).toBe("200 ");
  });

  test("a client that is silent for protocolDetectionTimeout is no client of HTTP any more", async () => {
    const taken = async () => {
      const client = await ByteClient.connect(pair.upstream.any);
      await Bun.sleep(300);
      client.send("GET /describe HTTP/1.1\r\nhost: polyglot\r\nconnection: close\r\n\r\n");
      const answer = (await client.all()).toString();
      client.close();
      return answer.includes("x-request-id") ? "requests" : answer.includes("1.1 200") ? "bytes" : answer;
    };
    expect(await taken()).toBe("requests");
    await configure("protocolDetectionTimeout: 50ms");
    expect(await eventually(taken, (found) => found === "bytes")).toBe("bytes");
    await configure("protocolDetectionTimeout: 0s");
    expect(await eventually(taken, (found) => found === "requests")).toBe("requests");
  });

  test("discoverySelectors say whose objects count, and labels of a Namespace bring them in", async () => {
    const namespace = (mesh: string) =>
      pair.mesh.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: aside, labels: {mesh: ${mesh}}}}`);
    const asked = async () => {
      const signal = AbortSignal.timeout(10_000);
      return (await fetch("http://aside.example.com/", { proxy: pair.forwardProxy, signal })).status;
    };
    const becomes = async (status: number) => expect(await eventually(asked, (found) => found === status)).toBe(status);
    const registryOnly = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";
    await namespace("alone");
    // Nobody is there: a host that is known is answered 503, one that is not 502.
    await pair.mesh.apply(`apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: aside, namespace: aside}
spec:
  hosts: [aside.example.com]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: 1}}]`);
    await configure(registryOnly);
    await becomes(503);
    await configure(
      `{${registryOnly}, discoverySelectors: [{matchExpressions: [{key: mesh, operator: NotIn, values: [alone]}]}]}`,
    );
    await becomes(502);
    await namespace("joined");
    await becomes(503);
    await namespace("alone");
    await becomes(502);
    await configure("outboundTrafficPolicy: {mode: ALLOW_ANY}");
  });

  test("proxyHeaders say what proxies add to requests and responses", async () => {
    const seen = async () => {
      const response = await fetch(`http://127.0.0.1:${pair.upstream.http}/describe`);
      // A chain that an Envoy replaces may end a request.
      if (response.status !== 200) return String(response.status);
      const { headers } = (await response.json()) as Seen;
      const names = ["x-request-id", "x-envoy-attempt-count", "x-forwarded-client-cert", "x-forwarded-port"];
      const told = [...names.filter((name) => headers[name] !== undefined)];
      const heard = response.headers.has("x-envoy-upstream-service-time") ? ["x-envoy-upstream-service-time"] : [];
      return [...told, ...heard, ...(response.headers.get("server") === "shop" ? ["shop"] : [])].join(" ");
    };
    const before = "x-request-id x-envoy-attempt-count x-forwarded-client-cert x-envoy-upstream-service-time";
    expect(await seen()).toBe(before);
    await configure(
      "defaultConfig: {proxyHeaders: {forwardedClientCert: SANITIZE, requestId: {disabled: true}, server: {value: shop}, attemptCount: {disabled: true}, envoyDebugHeaders: {disabled: true}, xForwardedPort: {enabled: true}}}",
    );
    expect(await eventually(seen, (found) => found === "x-forwarded-port shop")).toBe("x-forwarded-port shop");
    await configure("defaultConfig: {proxyHeaders: {server: {disabled: true}}}");
    expect(await eventually(seen, (found) => found === before)).toBe(before);
  });

  test("preserveHttp1HeaderCase keeps the letters of names through two sidecars, both ways", async () => {
    const kept = async () => {
      const client = await ByteClient.connect(pair.upstream.http);
      client.send("GET /describe HTTP/1.1\r\nHost: polyglot\r\nX-Custom: 1\r\nconnection: close\r\n\r\n");
      const answer = (await client.all()).toString();
      client.close();
      return [`"X-Custom"`, "\r\nDate: "].map((name) => answer.includes(name)).join(" ");
    };
    expect(await kept()).toBe("false false");
    await configure("defaultConfig: {proxyHeaders: {preserveHttp1HeaderCase: true}}");
    expect(await eventually(kept, (found) => found === "true true")).toBe("true true");
    await configure("defaultConfig: {proxyHeaders: {}}");
    expect(await eventually(kept, (found) => found === "false false")).toBe("false false");
  });

  test("clusters are called in statistics as the mesh's patterns say", async () => {
    const counted = async (admin: number, name: string) => {
      await pair.get("/");
      const text = await (await fetch(`http://127.0.0.1:${admin}/stats?filter=upstream_rq_total`)).text();
      return text.includes(`cluster.${name}.upstream_rq_total: `);
    };
    await configure(
      '{inboundClusterStatName: "in_%SERVICE_NAME%_%SERVICE_PORT%", outboundClusterStatName: "%SERVICE%_%SUBSET_NAME%"}',
    );
    const becomes = async (admin: number, name: string) =>
      expect(
        await eventually(
          () => counted(admin, name),
          (found) => found,
        ),
      ).toBe(true);
    await becomes(pair.client.ports.admin, "golden.default_v1");
    await becomes(pair.v1.ports.admin, "in_golden_80");
    await configure('{inboundClusterStatName: "", outboundClusterStatName: ""}');
    await becomes(pair.client.ports.admin, "outbound|80|v1|golden.default.svc.cluster.local");
  });

  test("connectionSettings say what becomes of headers with underscores", async () => {
    const answered = async () => {
      const url = `http://127.0.0.1:${pair.upstream.http}/describe`;
      const response = await fetch(url, { headers: { my_header: "x" } });
      if (response.status !== 200) return String(response.status);
      const { headers } = (await response.json()) as Seen;
      return headers.my_header === undefined ? "dropped" : "passed";
    };
    const becomes = async (expected: string) =>
      expect(await eventually(answered, (found) => found === expected)).toBe(expected);
    const action = (name: string) =>
      configure(
        `defaultConfig: {connectionSettings: {httpHeadersWithUnderscoresAction: HEADERS_WITH_UNDERSCORES_${name}}}`,
      );
    await becomes("passed");
    await action("DROP_HEADER");
    await becomes("dropped");
    await action("REJECT_REQUEST");
    await becomes("400");
    await configure("defaultConfig: {connectionSettings: {}}");
    await becomes("passed");
  });

  test("a Pod's own proxyHeaders count in place of the mesh's, for it alone", async () => {
    const served = async () => (await fetch(`http://127.0.0.1:${pair.upstream.http}/describe`)).headers.get("server");
    const name = { namespace: "default", name: pair.client.name };
    const annotate = async (config: string | null) => {
      const metadata = { annotations: { "proxy.istio.io/config": config } };
      await pair.mesh.controlPlane.api.patch(resource.pods, name, { kind: "strategic", patch: { metadata } });
    };
    await configure("defaultConfig: {proxyHeaders: {server: {value: mesh}}}");
    expect(await eventually(served, (found) => found === "mesh")).toBe("mesh");
    await annotate("proxyHeaders: {server: {value: own}}");
    expect(await eventually(served, (found) => found === "own")).toBe("own");
    await annotate(null);
    expect(await eventually(served, (found) => found === "mesh")).toBe("mesh");
    await configure("defaultConfig: {proxyHeaders: {server: {disabled: true}}}");
  });
}
