// What both sidecars count of the cases before: the same request or connection under the same labels.

import { expect, test } from "bun:test";
import { eventually, type TestWorkload } from "../mesh.ts";
import type { Pair } from "../pair.ts";

/** A byte stream has no place for metadata: its server knows the caller by its certificate alone. */
const OF_REQUESTS = ["source_workload", "source_canonical_service"] as const;
const OF_ALL = [
  "destination_workload",
  "destination_service",
  "destination_service_name",
  "destination_version",
  "request_protocol",
] as const;

/** The first series that a side reports with this name and these labels. */
function seriesOf({ ports }: TestWorkload, name: string, labels: readonly string[]): Promise<string | undefined> {
  return eventually(
    async () => {
      const text = await (await fetch(`http://127.0.0.1:${ports.status}/stats/prometheus`)).text();
      return text
        .split("\n")
        .find((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)));
    },
    (line) => line !== undefined,
  );
}

export function countingCases(pair: Pair): void {
  const sameOnBothSides = async (server: TestWorkload, name: string, ...labels: readonly string[]) => {
    const source = await seriesOf(pair.client, name, ['reporter="source"', ...labels]);
    const destination = await seriesOf(server, name, ['reporter="destination"', ...labels]);
    for (const label of name === "istio_requests_total" ? [...OF_REQUESTS, ...OF_ALL] : OF_ALL) {
      const value = (line: string | undefined) => new RegExp(`${label}="([^"]*)"`).exec(line ?? "")?.[1];
      expect([label, value(destination)]).toEqual([label, value(source)]);
    }
    expect(destination).toContain('connection_security_policy="mutual_tls"');
    expect(destination).toContain('source_principal="spiffe://cluster.local/ns/default/sa/client"');
    expect(destination).toMatch(/ [1-9]\d*$/);
  };

  test("a request", () =>
    sameOnBothSides(pair.v1, "istio_requests_total", 'destination_workload="golden-v1"', 'response_code="200"'));

  test("a request that a fault ends, at the service that it was for", async () => {
    await pair.route(`  - match: [{uri: {prefix: /teapot}}]
    fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
    route: [{destination: {host: golden, subset: v1}}]
  - route: [{destination: {host: golden, subset: v1}}]`);
    expect((await pair.get("/teapot")).status).toBe(418);
    const line = await seriesOf(pair.client, "istio_requests_total", [
      'reporter="source"',
      'response_code="418"',
      'response_flags="FI"',
      'destination_service_namespace="default"',
    ]);
    expect(line).toContain('destination_service="golden.default.svc.cluster.local"');
    expect(line).toContain('destination_service_name="golden"');
    expect(line).toContain('destination_workload="unknown"');
  });

  test("a gRPC call, by its own status", () =>
    sameOnBothSides(
      pair.polyglot,
      "istio_requests_total",
      'request_protocol="grpc"',
      'response_code="200"',
      'grpc_response_status="5"',
    ));

  test("a byte stream, its end, and what it carried", async () => {
    for (const name of ["connections_opened", "connections_closed", "received_bytes", "sent_bytes"])
      await sameOnBothSides(pair.polyglot, `istio_tcp_${name}_total`, 'destination_workload="polyglot-v1"');
  });
}
