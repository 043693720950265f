// Thousands of objects that all concern each other: what is held and told grows with their number, never with its square.

import { describe, expect, test } from "bun:test";
import { type SourceObject, sourceObject } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { analyze } from "./analyze.ts";
import { conflictsAmong } from "./claims.ts";

const MANY = 2_000;

function object(kind: string, apiVersion: string, name: string, spec: object, labels = {}): SourceObject {
  const read = sourceObject({ apiVersion, kind, metadata: { name, namespace: "default", labels }, spec });
  if (read.kind === "invalid") throw new Error("not an object");
  return read.object;
}

const many = (make: (i: number) => SourceObject) => Array.from({ length: MANY }, (_, i) => make(i));
const pods = many((i) => object("Pod", "v1", `p${i}`, { containers: [{ name: "a" }] }, { app: "web" }));
const route = (host: string) => ({ hosts: [host], http: [{ route: [{ destination: { host: "nowhere" } }] }] });

const CASES: readonly (readonly [string, readonly SourceObject[], code: string, each?: number])[] = [
  [
    "VirtualServices of one host",
    many((i) => object("VirtualService", "networking.istio.io/v1", `v${i}`, route("web"))),
    "IST0109",
  ],
  [
    "policies that select the same Pods",
    [
      ...pods,
      ...many((i) =>
        object("PeerAuthentication", "security.istio.io/v1", `a${i}`, { selector: { matchLabels: { app: "web" } } }),
      ),
    ],
    "KIA0003",
  ],
  [
    "Gateways of one port and host",
    [
      ...pods,
      ...many((i) =>
        object("Gateway", "networking.istio.io/v1", `g${i}`, {
          selector: { app: "web" },
          servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
        }),
      ),
    ],
    "IST0145",
  ],
  [
    "ServiceEntries of one host and port",
    many((i) =>
      object("ServiceEntry", "networking.istio.io/v1", `s${i}`, {
        hosts: ["a.example.com"],
        resolution: "DNS",
        ports: [{ number: 443, name: "tls", protocol: "TLS" }],
      }),
    ),
    "KIA1211",
  ],
  [
    "RequestAuthentications and Services of the same Pods",
    [
      ...pods,
      ...many((i) =>
        object("Service", "v1", `s${i}`, { selector: { app: "web" }, ports: [{ name: "tcp", port: 80 + i }] }),
      ),
      ...many((i) =>
        object("RequestAuthentication", "security.istio.io/v1", `r${i}`, {
          selector: { matchLabels: { app: "web" } },
          jwtRules: [{ issuer: "me", jwks: '{"keys":[]}' }],
        }),
      ),
    ],
    "IST0119",
    20,
  ],
];

describe("thousands in one place", () => {
  test.each(CASES)("%s", (_, objects, code, each = 1) => {
    const found = analyze(objects, DEFAULT_SETTINGS);
    const conflicts = found.filter((one) => one.code === code);
    expect(conflicts).toHaveLength(each * MANY);
    expect(Math.max(...conflicts.map(({ message }) => message.length))).toBeLessThan(500);
    expect(found.length).toBeLessThan((each + 7) * MANY);
  });
});

describe("thousands of mistakes in one object", () => {
  const list = <T>(make: (i: number) => T): readonly T[] => Array.from({ length: MANY }, (_, i) => make(i));
  const annotations = Object.fromEntries(list((i) => [`sidecar.istio.io/x${i}`, "1"]));
  const read = sourceObject({ apiVersion: "v1", kind: "Service", metadata: { name: "a", annotations }, spec: {} });
  const destinations = list((i) => ({ destination: { host: `nowhere${i}` } }));
  const subsets = list((i) => ({ name: `s${i}` }));
  test.each([
    ["annotations", read.kind === "object" ? read.object : undefined, "IST0108"],
    [
      "destinations",
      object("VirtualService", "networking.istio.io/v1", "a", { hosts: ["web"], http: [{ route: destinations }] }),
      "IST0101",
    ],
    ["subsets", object("DestinationRule", "networking.istio.io/v1", "a", { host: "web", subsets }), "KIA0209"],
  ])("%s: a hundred are told", (_, wrong, code) => {
    const found = analyze([wrong!], DEFAULT_SETTINGS);
    expect(found.filter((each) => each.code === code)).toHaveLength(100);
  });
});

test("a hundred thousand pairs of an object's own claims are not all held", () => {
  const gateways = Array.from({ length: 300 }, (_, i) => `g${i}`);
  const http = Array.from({ length: 300 }, (_, i) => ({
    match: [{ uri: { prefix: `/${i}` } }],
    route: [{ destination: { host: "web" } }],
  }));
  const [a, b] = ["a", "b"].map((name) =>
    object("VirtualService", "networking.istio.io/v1", name, { hosts: ["a.example.com"], gateways, http }),
  );
  const conflicts = conflictsAmong([a!, b!], DEFAULT_SETTINGS);
  expect(conflicts.get(a!.key)).toHaveLength(10_000);
  expect(conflicts.get(b!.key)).toHaveLength(10_000);
});
