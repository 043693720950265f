// As many hosts as a list may have: none is held against each of the others, which would take minutes.

import { expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { check } from "../dialects.ts";
import { sourceObject } from "../object.ts";

const COUNT = 65_000;

function found(spec: object): readonly string[] {
  const object = { apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata: { name: "a" }, spec };
  const read = sourceObject(object);
  if (read.kind !== "object") throw new Error("no object");
  return check(read.object, DEFAULT_SETTINGS).map(({ code, path }) => `${code} ${path}`);
}

const hosts = (make: (i: number) => string) => Array.from({ length: COUNT }, (_, i) => make(i));
const http = [{ route: [{ destination: { host: "web" } }] }];

test.each([
  ["names", (i: number) => `h${i}.example.com`],
  ["wildcards", (i: number) => `*.h${i}.example.com`],
  ["wildcards within a label", (i: number) => `*-h${i}.example.com`],
])("%s, and one that covers the last", (_, make) => {
  const last = make(COUNT).replace("*", "x");
  expect(found({ hosts: [...hosts(make), `*${last.slice(1)}`, last], http })).toEqual([
    `HED1668 spec.hosts[${COUNT + 1}]`,
  ]);
});

test("names of TLS that are outside of the hosts: a hundred are told, and few hosts with each", () => {
  const sniHosts = hosts((i) => `h${i}.example.org`);
  const told = found({
    hosts: hosts((i) => `*-h${i}.example.com`),
    tls: [{ match: [{ sniHosts: [...sniHosts, "x-h1.example.com"] }], route: http[0]!.route }],
  });
  expect(told).toHaveLength(100);
  expect(told[0]).toBe("HED1670 spec.tls[0].match[0].sniHosts[0]");
});
