// A field in the wrong record is told where it belongs.

import { expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { check } from "./dialects.ts";
import { sourceObject } from "./object.ts";

function told(kind: string, spec: object): readonly (readonly [path: string, suggestion: string | undefined])[] {
  const group = /Auth/.test(kind) ? "security" : "networking";
  const value = { apiVersion: `${group}.istio.io/v1`, kind, metadata: { name: "a", namespace: "ns" }, spec };
  const read = sourceObject(value);
  if (read.kind !== "object") throw new Error("no object");
  return check(read.object, DEFAULT_SETTINGS)
    .filter(({ code }) => code === "HED1101")
    .map(({ path, suggestion }) => [path ?? "", suggestion] as const);
}

const ROUTE = { destination: { host: "a" } };

for (const [kind, spec, field, place] of [
  [
    "VirtualService",
    { hosts: ["a"], http: [{ route: [{ ...ROUTE, timeout: "1s" }] }] },
    "spec.http[0].route[0].timeout",
    "spec.http[0].timeout",
  ],
  [
    "VirtualService",
    { hosts: ["a"], http: [{ route: [{ ...ROUTE, subset: "b" }] }] },
    "spec.http[0].route[0].subset",
    "spec.http[0].route[0].destination.subset",
  ],
  [
    "VirtualService",
    { hosts: ["a"], http: [{ match: [{ prefix: "/" }], route: [ROUTE] }] },
    "spec.http[0].match[0].prefix",
    "spec.http[0].match[0].uri.prefix",
  ],
  [
    "VirtualService",
    { hosts: ["a"], http: [{ route: [ROUTE], per_try_timeout: "1s" }] },
    "spec.http[0].per_try_timeout",
    "spec.http[0].retries.perTryTimeout",
  ],
  [
    "DestinationRule",
    { host: "a", trafficPolicy: { connectionPool: { http: { connectTimeout: "1s" } } } },
    "spec.trafficPolicy.connectionPool.http.connectTimeout",
    "spec.trafficPolicy.connectionPool.tcp.connectTimeout",
  ],
  [
    "DestinationRule",
    { host: "a", subsets: [{ name: "b", outlierDetection: {} }] },
    "spec.subsets[0].outlierDetection",
    "spec.subsets[0].trafficPolicy.outlierDetection",
  ],
  [
    "Gateway",
    { servers: [{ port: { number: 443, name: "https", protocol: "HTTPS" }, hosts: ["*"], credentialName: "a" }] },
    "spec.servers[0].credentialName",
    "spec.servers[0].tls.credentialName",
  ],
  ["PeerAuthentication", { mode: "STRICT" }, "spec.mode", "spec.mtls.mode"],
  [
    "AuthorizationPolicy",
    { rules: [{ from: [{ principals: ["a"] }] }] },
    "spec.rules[0].from[0].principals",
    "spec.rules[0].from[0].source.principals",
  ],
  ["AuthorizationPolicy", { rules: [{ paths: ["/a"] }] }, "spec.rules[0].paths", "spec.rules[0].to[].operation.paths"],
] as const)
  test(`${kind}: ${field} belongs at ${place}`, () => {
    expect(told(kind, spec)).toEqual([[field, place]]);
  });

test("a misspelling counts more than a place, and what is far away is no place", () => {
  expect(told("PeerAuthentication", { mtlss: { mode: "STRICT" } })).toEqual([["spec.mtlss", "mtls"]]);
  expect(told("VirtualService", { hosts: ["a"], http: [{ route: [ROUTE] }], fixedDelay: "1s" })).toEqual([
    ["spec.fixedDelay", "spec.http[].fault.delay.fixedDelay"],
  ]);
  expect(told("DestinationRule", { host: "a", maxEjectionPercent: 1, tableSize: 5 })).toEqual([
    ["spec.maxEjectionPercent", "spec.trafficPolicy.outlierDetection.maxEjectionPercent"],
    ["spec.tableSize", "one of host, trafficPolicy, subsets, exportTo, workloadSelector"],
  ]);
});
