// Who calls, as the application, the policies and the metrics see it.

import { expect, test } from "bun:test";
import { eventually, type TestWorkload } from "../mesh.ts";
import type { Pair } from "../pair.ts";

export function identityCases(pair: Pair): void {
  test("a request arrives with the caller's identity and a request id, and without the mesh's own headers", async () => {
    const { headers, path, method, body } = await pair.described("/some/path?q=1", { method: "POST", body: "hello" });
    expect({ path, method, body }).toEqual({ path: "/some/path?q=1", method: "POST", body: 5 });
    expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://cluster.local/ns/default/sa/client");
    expect(headers["x-forwarded-client-cert"]).toContain("By=spiffe://cluster.local/ns/default/sa/golden");
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers["x-envoy-peer-metadata"]).toBeUndefined();
    expect(headers["x-heddle-protocol"]).toBeUndefined();
  });

  test("under STRICT, plaintext reaches neither the mesh port nor the inbound port", async () => {
    for (const port of [pair.v1.ports.mesh, pair.v1.ports.inbound]) {
      await expect(fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(5_000) })).rejects.toThrow();
    }
  });

  test("both sides count the request under the same labels", async () => {
    await pair.get("/");
    const series = async ({ ports }: TestWorkload, reporter: string) => {
      const text = await (await fetch(`http://127.0.0.1:${ports.status}/stats/prometheus`)).text();
      return text
        .split("\n")
        .find(
          (line) =>
            line.startsWith(`istio_requests_total{reporter="${reporter}"`) &&
            line.includes('destination_workload="golden-v1"') &&
            line.includes('response_code="200"'),
        );
    };
    const at = (workload: TestWorkload, reporter: string) =>
      eventually(
        () => series(workload, reporter),
        (line) => line !== undefined,
      );
    const source = (await at(pair.client, "source"))!;
    const destination = (await at(pair.v1, "destination"))!;
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
}
