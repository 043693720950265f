// DestinationRule `zoneAwareLbSetting`: requests keep to the zone of their client as far as that overloads nobody, on both proxies.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { eventually, TestMesh } from "./mesh.ts";

setDefaultTimeout(60_000);

const REQUESTS = 60;

const rule = (loadBalancer: string) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: golden, namespace: default}
spec:
  host: golden
  trafficPolicy: {loadBalancer: ${loadBalancer}}`;

const MESH_SETTINGS = `apiVersion: v1
kind: Namespace
metadata: {name: istio-system}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "zoneAwareLbSetting: {minClusterSize: 2}"}`;

const CLIENTS: readonly ProxyKind[] = findComponent("envoy") ? ["heddle", "envoy"] : ["heddle"];

for (const proxy of CLIENTS)
  describe(`zones of ${proxy}'s clients`, () => {
    let mesh: TestMesh;
    let port: number;

    beforeAll(async () => {
      mesh = await TestMesh.start();
      port = mesh.book.choose(0);
      await mesh.mention("client", "v1", "b");
      await Promise.all([
        mesh.run({ app: "golden", version: "v1", proxy: "heddle", zone: "a" }),
        mesh.run({ app: "golden", version: "v2", proxy: "heddle", zone: "b" }),
        mesh.run({ app: "client", version: "v1", proxy, zone: "a", upstreams: [`${port}=golden:80`] }),
      ]);
    });
    afterAll(() => mesh?.stop());

    /** How many of the requests each version had. */
    async function counts(): Promise<Record<string, number>> {
      const found: Record<string, number> = {};
      for (let i = 0; i < REQUESTS; i++) {
        const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(5_000) });
        const name = response.ok ? ((await response.json()) as { name: string }).name : String(response.status);
        found[name] = (found[name] ?? 0) + 1;
      }
      return found;
    }

    const onlyOwn = (found: Record<string, number>) => found.v1 === REQUESTS;
    const both = (found: Record<string, number>) => (found.v1 ?? 0) > 0 && (found.v2 ?? 0) > 0;

    test("before any policy has zones nobody waits to hear of his cluster", async () => {
      expect(both(await eventually(counts, both))).toBe(true);
    });

    test("half of the callers and half of the endpoints are in each: requests stay in the client's", async () => {
      await mesh.apply(rule("{zoneAwareLbSetting: {minClusterSize: 2}}"));
      expect(await eventually(counts, onlyOwn)).toEqual({ v1: REQUESTS });
    });

    test("with fewer endpoints than minClusterSize zones do not count", async () => {
      await mesh.apply(rule("{zoneAwareLbSetting: {minClusterSize: 3}}"));
      expect(both(await eventually(counts, both))).toBe(true);
    });

    test("the mesh's settings say it where no policy does", async () => {
      await mesh.apply(rule("{simple: LEAST_REQUEST}"));
      expect(both(await eventually(counts, both))).toBe(true);
      await mesh.apply(MESH_SETTINGS);
      expect(await eventually(counts, onlyOwn)).toEqual({ v1: REQUESTS });
    });

    test("where the callers of the client's zone are more than its share of endpoints, what is too much goes elsewhere", async () => {
      await mesh.apply(rule("{zoneAwareLbSetting: {minClusterSize: 2}}"));
      expect(await eventually(counts, onlyOwn)).toEqual({ v1: REQUESTS });
      for (let i = 0; i < 3; i++) await mesh.mention("client", "v1", "a");
      expect(both(await eventually(counts, both))).toBe(true);
    });
  });
