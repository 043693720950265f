import { expect, test } from "bun:test";
import { upstreamProtocol } from "./protocol.ts";

test("a port that is declared HTTP/2 is HTTP/2 to everybody", () => {
  expect(upstreamProtocol("grpc", false, undefined)).toBe("http2");
  expect(upstreamProtocol("http2", true, { maxConnections: 1 })).toBe("http2");
});

test("HTTP/1.1 is multiplexed when every endpoint is on the leg", () => {
  expect(upstreamProtocol("http", true, undefined)).toBe("http2");
  expect(upstreamProtocol("http", false, undefined)).toBe("http1");
  expect(upstreamProtocol("undeclared", true, undefined)).toBe("http2");
  expect(upstreamProtocol("undeclared", false, undefined)).toBe("downstream");
});

test("limits that count connections keep HTTP/1.1", () => {
  for (const pool of [
    { maxConnections: 1 },
    { maxPendingRequests: 1 },
    { maxRequestsPerConnection: 1 },
    { upgradeToHttp2: false },
  ]) {
    expect(upstreamProtocol("http", true, pool)).toBe("http1");
    expect(upstreamProtocol("undeclared", true, pool)).toBe("downstream");
  }
  expect(upstreamProtocol("http", true, { maxRequests: 1, maxRetries: 1 })).toBe("http2");
});

test("names with capitals keep HTTP/1.1, where nobody asks for HTTP/2", () => {
  expect(upstreamProtocol("http", true, undefined, true)).toBe("http1");
  expect(upstreamProtocol("undeclared", true, undefined, true)).toBe("downstream");
  expect(upstreamProtocol("http", true, { upgradeToHttp2: true }, true)).toBe("http2");
  expect(upstreamProtocol("grpc", true, undefined, true)).toBe("http2");
});

test("an asked-for upgrade holds for plaintext endpoints too", () => {
  expect(upstreamProtocol("http", false, { upgradeToHttp2: true })).toBe("http2");
});

test("who keeps the client's protocol is not upgraded, and bytes stay bytes", () => {
  const pool = { keepsProtocol: true, upgradeToHttp2: true };
  for (const protocol of ["http", "http2", "grpc", "undeclared"] as const)
    expect(upstreamProtocol(protocol, true, pool)).toBe("downstream");
  expect(upstreamProtocol("tcp", true, pool)).toBeUndefined();
});

test("bytes have no protocol", () => {
  for (const protocol of ["tcp", "tls", "https", "mysql", "udp"] as const)
    expect(upstreamProtocol(protocol, true, undefined)).toBeUndefined();
});
