import { describe, expect, test } from "bun:test";
import { type SourceObject, sourceObject } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { broughtBy } from "./brought.ts";
import type { Held } from "./held.ts";
import { changedTogether } from "./together.ts";
import { isOfKind } from "./view.ts";

function object(apiVersion: string, kind: string, name: string, spec: object, namespace = "shop"): SourceObject {
  const read = sourceObject({
    apiVersion,
    kind,
    metadata: { name, namespace, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec,
  });
  if (read.kind !== "object") throw new Error("no object");
  return read.object;
}

const ROUTES = [{ route: [{ destination: { host: "web" } }] }];
const route = (name: string, hosts: readonly string[], more: object = {}, namespace = "shop") =>
  object("networking.istio.io/v1", "VirtualService", name, { hosts, http: ROUTES, ...more }, namespace);
const sidecar = (name: string, labels?: object) =>
  object("networking.istio.io/v1", "Sidecar", name, {
    ...(labels ? { workloadSelector: { labels } } : {}),
    egress: [{ hosts: ["./*"] }],
  });
const peers = (name: string, mode: string) =>
  object("security.istio.io/v1", "PeerAuthentication", name, { mtls: { mode } });
const gateway = (name: string, hosts: readonly string[], namespace = "shop") =>
  object(
    "networking.istio.io/v1",
    "Gateway",
    name,
    { selector: { istio: "ingress" }, servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts }] },
    namespace,
  );
const pod = (() => {
  const read = sourceObject({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web-1", namespace: "shop", labels: { app: "web", version: "v1" } },
    spec: { containers: [] },
  });
  if (read.kind !== "object") throw new Error("no object");
  return read.object;
})();

function holding(...objects: readonly SourceObject[]): Held {
  return (kind) => objects.filter((each) => isOfKind(each, kind));
}

function codes(written: SourceObject, held: Held, together: readonly string[] = []): readonly string[] {
  return broughtBy(written, { held, settings: DEFAULT_SETTINGS }, new Set(together)).map(
    ({ code, severity, path = "" }) => `${severity} ${code} ${path}`,
  );
}

describe("what another object of the kind has is refused", () => {
  test.each([
    ["a host of the mesh", route("b", ["other", "web"]), [route("a", ["web"])], "IST0109 spec.hosts[1]"],
    [
      "a host by its full name",
      route("b", ["web.shop.svc.cluster.local"], {}, "other"),
      [route("a", ["web"])],
      "IST0109 spec.hosts[0]",
    ],
    [
      "a port and host of a gateway",
      gateway("b", ["A.example.com"], "other"),
      [gateway("a", ["a.example.com"])],
      "IST0145 spec.servers[0].hosts[0]",
    ],
    ["the Sidecar of a namespace", sidecar("b"), [sidecar("a")], "IST0111 "],
    ["the mode of a namespace", peers("b", "STRICT"), [peers("a", "PERMISSIVE")], "KIA0002 "],
    [
      "a workload that runs",
      sidecar("b", { version: "v1" }),
      [sidecar("a", { app: "web" }), pod],
      "IST0110 spec.workloadSelector.labels",
    ],
  ] as const)("%s", (_, written, held, expected) => {
    expect(codes(written, holding(...held))).toEqual([`error ${expected}`]);
    // Alone it is nobody's.
    expect(codes(written, holding())).toEqual([]);
  });
});

describe("what is not refused", () => {
  test("other hosts, other clients, other namespaces", () => {
    const held = holding(route("a", ["web"]), sidecar("a"), gateway("a", ["a.example.com"]));
    expect(codes(route("b", ["other"]), held)).toEqual([]);
    expect(codes(route("b", ["web"], { gateways: ["shop/edge"] }), held)).toEqual([]);
    expect(codes(route("b", ["web"], { exportTo: ["."] }), held)).toEqual([]);
    expect(codes(sidecar("b", { app: "web" }), held)).toEqual([]);
    expect(codes(gateway("b", ["b.example.com"]), held)).toEqual([]);
  });

  test("what points to what is nowhere: that may come later", () => {
    const nowhere = { http: [{ route: [{ destination: { host: "nowhere", subset: "v9" } }] }] };
    expect(codes(route("a", ["web"], nowhere), holding())).toEqual([]);
  });

  test("several RequestAuthentications: all of them hold", () => {
    const tokens = (name: string) =>
      object("security.istio.io/v1", "RequestAuthentication", name, { jwtRules: [{ issuer: name }] });
    expect(codes(tokens("b"), holding(tokens("a")))).toEqual([]);
  });

  test("a change that leaves a conflict as it was", () => {
    const [a, b] = [route("a", ["web"]), route("b", ["web"])];
    expect(codes(route("b", ["web"], { http: [...ROUTES, ...ROUTES] }), holding(a, b))).toEqual([]);
    expect(codes(route("b", ["web", "more"]), holding(a, b, route("c", ["more"])))).toEqual([
      "error IST0109 spec.hosts[1]",
    ]);
  });

  test("what another object gives up in the same set of writes", () => {
    const [a, b] = [route("a", ["web"]), route("b", ["other"])];
    const [newA, newB] = [route("a", ["other"]), route("b", ["web"])];
    const held = holding(a, b);
    expect(codes(newB, held)).toEqual(["error IST0109 spec.hosts[0]"]);
    const together = changedTogether([newA, newB], [a, b], DEFAULT_SETTINGS, 50);
    expect(together.get(newB.key)).toEqual([a.key]);
    expect(together.get(newA.key)).toEqual([b.key]);
    expect(codes(newB, held, together.get(newB.key))).toEqual([]);
    // What is written as it is there gives nothing up.
    expect(changedTogether([a, newB], [a, b], DEFAULT_SETTINGS, 50).get(newB.key)).toEqual([]);
  });
});

describe("what other kinds contradict is refused on either side, unless it changes along", () => {
  const web = object("v1", "Service", "web", { selector: { app: "web" }, ports: [{ name: "http", port: 80 }] });
  const proxied = (() => {
    const { value, ...rest } = pod;
    const metadata = { ...(value.metadata as object), annotations: { "heddle.dev/proxy": "heddle" } };
    const status = { podIP: "10.0.0.9", conditions: [{ type: "Ready", status: "True" }] };
    const read = sourceObject({ ...value, metadata, status });
    return read.kind === "object" ? read.object : { value, ...rest };
  })();
  const plaintext = object("networking.istio.io/v1", "DestinationRule", "web", {
    host: "web",
    trafficPolicy: { tls: { mode: "DISABLE" } },
  });
  const automatic = object("networking.istio.io/v1", "DestinationRule", "web", { host: "web" });
  const callers = object("security.istio.io/v1", "AuthorizationPolicy", "p", {
    rules: [{ from: [{ source: { namespaces: ["shop"] } }] }],
  });

  test("plaintext to workloads that demand mutual TLS", () => {
    const strict = peers("m", "STRICT");
    expect(codes(plaintext, holding(web, proxied, strict))).toEqual(["error IST0113 spec.trafficPolicy.tls"]);
    expect(codes(strict, holding(web, proxied, plaintext))).toEqual(["error IST0113 spec.mtls"]);
    expect(codes(strict, holding(web, plaintext))).toEqual([]);
    expect(codes(peers("m", "PERMISSIVE"), holding(web, proxied, plaintext))).toEqual([]);
    const together = changedTogether([strict, automatic], [plaintext, peers("m", "PERMISSIVE")], DEFAULT_SETTINGS, 50);
    expect(together.get(strict.key)).toEqual([plaintext.key]);
    expect(codes(strict, holding(web, proxied, plaintext), together.get(strict.key))).toEqual([]);
  });

  test("rules about callers whom mutual TLS does not prove", () => {
    const off = peers("m", "DISABLE");
    expect(codes(callers, holding(off))).toEqual(["error KIA0105 spec.rules[0].from[0].source.namespaces[0]"]);
    expect(codes(off, holding(callers))).toEqual(["error KIA0105 spec.mtls"]);
    expect(codes(callers, holding(peers("m", "STRICT")))).toEqual([]);
  });

  test("what was wrong before does not stand in the way of another change", () => {
    const off = peers("m", "DISABLE");
    const more = object("security.istio.io/v1", "AuthorizationPolicy", "p", {
      ...(callers.value.spec as object),
      action: "DENY",
    });
    expect(codes(more, holding(off, callers))).toEqual([]);
  });
});

test("of many that change at once a request names a bounded number, rivals first", () => {
  const before = Array.from({ length: 300 }, (_, i) => object("v1", "Service", `s${i}`, { ports: [{ port: 80 }] }));
  const after = before.map(({ origin }) => object("v1", "Service", origin.name, { ports: [{ port: 81 }] }));
  const [a, newA, b] = [route("a", ["web"]), route("a", ["other"]), route("b", ["web"])];
  const together = changedTogether([...after, newA, b], [...before, a], DEFAULT_SETTINGS, 50).get(b.key)!;
  expect(together).toHaveLength(50);
  expect(together[0]).toBe(a.key);
});

test("of an object with wrong fields, or a kind without rivals, nothing is looked at", () => {
  const held: Held = () => [object("networking.istio.io/v1", "VirtualService", "a", { hosts: "web", http: 1 })];
  expect(codes(route("b", ["web"]), held)).toEqual([]);
  const fails: Held = () => {
    throw new Error("asked");
  };
  expect(codes(object("v1", "Service", "a", { ports: [{ port: 80 }] }), fails)).toEqual([]);
});
