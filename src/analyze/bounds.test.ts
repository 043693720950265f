// Thousands of objects that all concern each other: what is held and told grows with their number, never with its square.

import { describe, expect, test } from "bun:test";
import { type SourceObject, sourceObject } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { analyze } from "./analyze.ts";

const MANY = 2_000;

function object(kind: string, apiVersion: string, name: string, spec: object, labels = {}): SourceObject {
  const read = sourceObject({ apiVersion, kind, metadata: { name, namespace: "default", labels }, spec });
  if (read.kind === "invalid") throw new Error("not an object");
  return read.object;
}

const many = (make: (i: number) => SourceObject) => Array.from({ length: MANY }, (_, i) => make(i));
const pods = many((i) => object("Pod", "v1", `p${i}`, { containers: [{ name: "a" }] }, { app: "web" }));
const route = (host: string) => ({ hosts: [host], http: [{ route: [{ destination: { host: "nowhere" } }] }] });

const CASES: readonly (readonly [string, readonly SourceObject[], code: string])[] = [
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
];

describe("thousands in one place", () => {
  test.each(CASES)("%s", (_, objects, code) => {
    const found = analyze(objects, DEFAULT_SETTINGS);
    const conflicts = found.filter((each) => each.code === code);
    expect(conflicts).toHaveLength(MANY);
    expect(Math.max(...conflicts.map(({ message }) => message.length))).toBeLessThan(500);
    expect(found.length).toBeLessThan(8 * MANY);
  });
});
