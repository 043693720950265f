// Who calls, as the application and the policies see it.

import { expect, test } from "bun:test";
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
}
