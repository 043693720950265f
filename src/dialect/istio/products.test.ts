import { describe, expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { check } from "../dialects.ts";
import { sourceObject } from "../object.ts";

const list = <T>(length: number, make: (i: number) => T): readonly T[] => Array.from({ length }, (_, i) => make(i));
const hosts = (length: number) => list(length, (i) => `h${i}.example.com`);
const destination = { route: [{ destination: { host: "web" } }] };
const rules = (length: number) => list(length, (i) => ({ match: [{ uri: { prefix: `/${i}` } }], ...destination }));
const ports = (length: number) => list(length, (i) => ({ number: i + 1, name: `p${i}`, protocol: "HTTP" }));

function codesOf(kind: string, spec: object): readonly string[] {
  const read = sourceObject({ apiVersion: "networking.istio.io/v1", kind, metadata: { name: "a" }, spec });
  if (read.kind !== "object") throw new Error("no object");
  return check(read.object, DEFAULT_SETTINGS)
    .filter(({ severity }) => severity === "error")
    .map(({ code, path, message }) => `${code} ${path} ${message}`);
}

describe("lists of one object that are multiplied", () => {
  test.each([
    ["hosts and rules", "VirtualService", { hosts: hosts(1_000), http: rules(101) }, "1000 hosts × 101 matches"],
    [
      "gateways and rules",
      "VirtualService",
      { hosts: ["*"], gateways: list(400, (i) => `g${i}`), http: rules(300) },
      "400 gateways × 300 matches",
    ],
    [
      "hosts and namespaces",
      "VirtualService",
      { hosts: hosts(400), exportTo: list(300, (i) => `n${i}`), http: [destination] },
      "400 hosts × 300 namespaces in exportTo",
    ],
    [
      "hosts, ports and endpoints",
      "ServiceEntry",
      {
        hosts: hosts(50),
        resolution: "STATIC",
        ports: ports(50),
        endpoints: list(50, (i) => ({ address: `10.0.0.${i}` })),
      },
      "50 hosts × 50 ports × 50 endpoints",
    ],
  ])("%s", (_, kind, spec, told) => {
    expect(codesOf(kind, spec)).toEqual([`HED1627 spec one object has ${told}, which is more than 100000 together`]);
  });

  test("large ones that are not", () => {
    expect(codesOf("VirtualService", { hosts: hosts(1_000), http: rules(100) })).toEqual([]);
    expect(codesOf("VirtualService", { hosts: ["web"], http: rules(10_000) })).toEqual([]);
    expect(codesOf("ServiceEntry", { hosts: hosts(256), ports: ports(256), resolution: "DNS" })).toEqual([]);
  });
});

test("a list or a map has a bound, whatever it is of", () => {
  const wide = list(65_537, () => "web");
  expect(codesOf("VirtualService", { hosts: wide, http: [destination] })).toEqual([
    "HED1626 spec.hosts hosts has 65537 entries, which is more than 65536",
  ]);
  const labels = Object.fromEntries(wide.map((_, i) => [`l${i}`, "x"]));
  expect(codesOf("DestinationRule", { host: "web", subsets: [{ name: "a", labels }] })).toEqual([
    "HED1626 spec.subsets[0].labels labels has 65537 entries, which is more than 65536",
  ]);
});

test("what is repeated is told once for each, however many there are", () => {
  const names = list(300, () => "same.example.com");
  expect(codesOf("VirtualService", { hosts: names, http: [destination] })).toHaveLength(100);
  const subsets = list(300, () => ({ name: "v1", labels: { a: "b" } }));
  expect(codesOf("DestinationRule", { host: "web", subsets })).toHaveLength(100);
});
