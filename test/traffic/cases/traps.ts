// What re-implementations of Istio get wrong and bytes alone can show (docs/traps.md).

import { afterAll, expect, test } from "bun:test";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { resource } from "../../../src/kube/resources.ts";
import { ByteClient } from "../byte-client.ts";
import { eventually } from "../mesh.ts";
import type { Pair } from "../pair.ts";

export function trapCases(pair: Pair, clientProxy: ProxyKind): void {
  const exchange = async (head: string): Promise<string> => {
    const client = (await ByteClient.connect(pair.golden)).send(`${head}\r\n\r\n`);
    const answer = (await client.all()).toString("latin1");
    client.close();
    return answer;
  };

  afterAll(async () => {
    if (!pair.client) return; // it never stood
    const name = { namespace: "default", name: "custom" };
    await pair.mesh.controlPlane.api.delete(resource.authorizationPolicies, name);
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
  });

  test("each share may have a host of its own, and what else the route and it say of headers", async () => {
    await pair.route(
      `  - headers: {request: {set: {x-set: route}, add: {x-level: route}}}
    route:
    - {destination: {host: golden, subset: v1}, weight: 50, headers: {request: {set: {host: one.test, x-level: one, x-set: one}}}}
    - {destination: {host: golden, subset: v2}, weight: 50, headers: {request: {add: {x-level: two}}}}`,
    );
    const seen = new Map<string, string>();
    for (let i = 0; i < 60 && seen.size < 2; i++) {
      const { name, host, headers } = await pair.described("/");
      seen.set(name, `${host} ${headers["x-level"]?.replaceAll(" ", "")} ${headers["x-set"]}`);
    }
    // Envoy goes from the share outwards: what the route sets is set last.
    expect(seen.get("v1")).toBe("one.test one,route route");
    expect(seen.get("v2")).toBe("golden.default.svc.cluster.local two,route route");
  });

  test("the application hears of attempt, request and caller; its client gets names in lower case and the application's own Server header", async () => {
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
    const { headers } = await pair.described("/");
    expect(headers["x-envoy-attempt-count"]).toBe("1");
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://cluster.local/ns/default/sa/client");
    expect(headers["x-forwarded-host"] ?? headers["x-forwarded-port"]).toBeUndefined();
    const answer = await exchange("GET / HTTP/1.1\r\nHost: golden\r\nConnection: close");
    const names = answer
      .slice(0, answer.indexOf("\r\n\r\n"))
      .split("\r\n")
      .slice(1)
      .map((line) => line.split(":")[0]!);
    expect(names).toContain("x-application");
    expect(names.filter((name) => name !== name.toLowerCase())).toEqual([]);
    // Bun.serve says none, and no proxy calls itself one (Istio: `envoy`, `istio-envoy`).
    expect(names).not.toContain("server");
  });

  test("HTTP/1.0 is refused by Envoy, as Istio configures it, and served by Heddle's proxy", async () => {
    const answer = await exchange("GET / HTTP/1.0\r\nHost: golden");
    expect(answer).toStartWith(clientProxy === "envoy" ? "HTTP/1.1 426 " : "HTTP/1.1 200 ");
    expect(answer.toLowerCase()).toContain("connection: close\r\n");
  });

  test("of a CUSTOM provider that is not there, the rules refuse whom they match and nobody else", async () => {
    await pair.mesh.apply(`
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: custom, namespace: default}
spec: {action: CUSTOM, provider: {name: nobody}, rules: [{to: [{operation: {paths: [/asked]}}]}]}`);
    const status = async (path: string) => (await pair.get(path)).status;
    expect(
      await eventually(
        () => status("/asked"),
        (last) => last === 403,
      ),
    ).toBe(403);
    expect(await status("/")).toBe(200);
  });
}
