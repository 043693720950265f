import { expect, test } from "bun:test";
import type { Service } from "../model/service.ts";
import { PUBLIC } from "../model/visibility.ts";
import { domainsOf, settleDomains, withPort } from "./domains.ts";

function service(host: string, addresses: readonly string[] = []): Service {
  const origin = { group: "", kind: "Service", namespace: "shop", name: "web" };
  const rest = { ports: [], location: "mesh", resolution: "endpoints", visibility: PUBLIC, createdAt: 0 } as const;
  return { host, namespace: "shop", name: "web", addresses, origin, ...rest };
}

test("the bare name is for clients of the service's namespace", () => {
  const web = service("web.shop.svc.cluster.local", ["10.0.0.1", "fd00::1", "10.1.0.0/16"]);
  const everybody = [
    "web.shop.svc.cluster.local",
    "web.shop.svc.cluster.local.",
    "web.shop",
    "web.shop.svc",
    "10.0.0.1",
    "[fd00::1]",
  ];
  expect(domainsOf(web, "other", "cluster.local").toSorted()).toEqual(everybody.toSorted());
  expect(domainsOf(web, "shop", "cluster.local").toSorted()).toEqual([...everybody, "web"].toSorted());
});

test("a host outside the cluster domain has no short names", () => {
  expect(domainsOf(service("api.example.com"), "shop", "cluster.local")).toEqual([
    "api.example.com",
    "api.example.com.",
  ]);
  expect(domainsOf(service("*.example.com"), "shop", "cluster.local")).toEqual(["*.example.com"]);
});

test("no name is given twice, and a full name beats another's short form", () => {
  const settled = settleDomains(
    new Map([
      ["a.b.svc.cluster.local", { own: ["a.b.svc.cluster.local", "a.b", "10.0.0.1"], others: ["x", "y"] }],
      ["a.b", { own: ["a.b", "10.0.0.1"], others: ["x"] }],
      ["y", { own: ["y"], others: ["z"] }],
    ]),
  );
  expect(settled.get("y")).toEqual(["y", "z"]);
  expect(settled.get("a.b.svc.cluster.local")).toEqual(["a.b.svc.cluster.local", "10.0.0.1", "x"]);
  expect(settled.get("a.b")).toEqual(["a.b"]);
});

test("HTTP's port may be left out of a URL, others may not", () => {
  expect(withPort(["a"], 80)).toEqual(["a", "a:80"]);
  expect(withPort(["a", "[::1]"], 443)).toEqual(["a:443", "[::1]:443"]);
});
