import { expect, test } from "bun:test";
import { buildMesh } from "./build.ts";
import type { Gateway, GatewayServer } from "./gateway.ts";
import { openedPorts } from "./gateway-ports.ts";
import { NO_PARTS } from "./mesh.ts";
import { origin, SIDECAR, service, workload } from "./sample.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";
import { SourceMap } from "./source-map.ts";
import { validateMesh } from "./validate.ts";

const EDGE = workload("edge-1", "edge", "default", {
  labels: { app: "edge", istio: "edge" },
  proxy: { ...SIDECAR, gateway: { trustedProxies: 0, clientCertificate: "SANITIZE_SET", proxyProtocol: false } },
});

function server(changes: Partial<GatewayServer>): GatewayServer {
  const plain = { path: "spec.servers[0]", port: 80, portName: "http", protocol: "http" as const };
  return { ...plain, hosts: [{ host: "*" }], redirectsToHttps: false, ...changes };
}

function gateway(
  name: string,
  createdAt: number,
  servers: readonly GatewayServer[],
  selector = { istio: "edge" },
): Gateway {
  return { origin: origin("Gateway", name, "other"), createdAt, namespace: "other", selector, servers };
}

function opened(...gateways: readonly Gateway[]) {
  const door = service("edge", "default", { ports: [{ number: 80, name: "http", protocol: "tcp", target: 8080 }] });
  const parts = { ...NO_PARTS, services: [door], workloads: [EDGE], gateways };
  const mesh = buildMesh(DEFAULT_SETTINGS, parts);
  const { ports, conflicts } = openedPorts(mesh, EDGE);
  const codes = validateMesh(mesh, parts, new SourceMap(new Map())).map(
    ({ code, object }) => `${object?.name} ${code}`,
  );
  return {
    ports: ports.map(({ number, servers }) => [number, ...servers.map((bound) => bound.gateway.origin.name)]),
    conflicts: conflicts.map(({ kind, loser, winner }) => [
      kind,
      loser.gateway.origin.name,
      winner.gateway.origin.name,
    ]),
    codes,
  };
}

test("a Service before the gateway says where it listens; without one it is the port itself", () => {
  const { ports } = opened(gateway("a", 0, [server({}), server({ port: 81, portName: "other" })]));
  expect(ports).toEqual([
    [81, "a"],
    [8080, "a"],
  ]);
});

test("plaintext servers of a port are merged, whoever wrote them, oldest first", () => {
  expect(opened(gateway("young", 2, [server({})]), gateway("old", 1, [server({})])).ports).toEqual([
    [8080, "old", "young"],
  ]);
});

test("a selector chooses in every namespace, and one of nothing chooses every gateway", () => {
  const foreign = { istio: "elsewhere" };
  const everyone = {} as { istio: string };
  expect(opened(gateway("a", 0, [server({})], foreign), gateway("b", 1, [server({})], everyone)).ports).toEqual([
    [8080, "b"],
  ]);
});

test("of two protocols on one port the older stays, and both are told", () => {
  const { ports, conflicts, codes } = opened(
    gateway("bytes", 2, [server({ protocol: "tcp" })]),
    gateway("requests", 1, [server({})]),
  );
  expect(ports).toEqual([[8080, "requests"]]);
  expect(conflicts).toEqual([["protocol", "bytes", "requests"]]);
  expect(codes).toEqual(["bytes HED1312", "requests HED1313"]);
});

test("of two servers that end TLS for one host the older stays, and both are told", () => {
  const secure = server({ port: 443, protocol: "https", tls: { kind: "passthrough" }, hosts: [{ host: "a.test" }] });
  const { ports, conflicts, codes } = opened(gateway("second", 2, [secure]), gateway("first", 1, [secure]));
  expect(ports).toEqual([[443, "first"]]);
  expect(conflicts).toEqual([["host", "second", "first"]]);
  expect(codes).toEqual(["first HED1315", "second HED1314"]);
});
