// Orders of precedence, one by one.

import { describe, expect, test } from "bun:test";
import { buildMesh } from "./build.ts";
import {
  clientPolicyFor,
  httpRouteAt,
  httpRouteFor,
  mtlsMode,
  serviceFor,
  servicesSeenBy,
  targetPort,
} from "./lookup.ts";
import { clientPolicy, parts, route, serverPolicy, service, workload } from "./sample.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";
import type { Visibility } from "./visibility.ts";

function mesh(changes: Parameters<typeof parts>[0]) {
  return buildMesh(DEFAULT_SETTINGS, parts(changes));
}

function only(...namespaces: string[]): Visibility {
  return { kind: "namespaces", namespaces };
}

const web = service("web", "shop");

describe("services", () => {
  const host = "api.example.com";
  const older = service("older", "a", { host, createdAt: 1 });
  const younger = service("younger", "b", { host, createdAt: 2 });

  test("of one host a namespace sees its own, others the oldest", () => {
    const built = mesh({ services: [younger, older] });
    expect(serviceFor(built, host, "b")?.name).toBe("younger");
    expect(serviceFor(built, host, "c")?.name).toBe("older");
  });

  test("what is not exported is not seen", () => {
    const built = mesh({ services: [service("hidden", "a", { host, visibility: only("a") }), younger] });
    expect(serviceFor(built, host, "c")?.name).toBe("younger");
    expect(servicesSeenBy(built, "c").map((each) => each.name)).toEqual(["younger"]);
    expect(
      serviceFor(
        mesh({ services: [service("x", "a", { visibility: { kind: "nobody" } })] }),
        "x.a.svc.cluster.local",
        "a",
      ),
    ).toBeUndefined();
  });

  test("of one namespace and host the oldest is kept", () => {
    const built = mesh({
      services: [service("younger", "a", { host, createdAt: 2 }), service("older", "a", { host, createdAt: 1 })],
    });
    expect(built.services.map((each) => each.name)).toEqual(["older"]);
  });
});

describe("routes", () => {
  const exact = route("exact", "web.shop.svc.cluster.local", "v1");

  test("the exact host beats wildcards, the longer wildcard the shorter", () => {
    const built = mesh({
      routes: [route("all", "*.local", "x"), route("shop", "*.shop.svc.cluster.local", "x"), exact],
    });
    expect(httpRouteFor(built, "web.shop.svc.cluster.local", "c")?.origin.name).toBe("exact");
    expect(httpRouteFor(built, "api.shop.svc.cluster.local", "c")?.origin.name).toBe("shop");
    expect(httpRouteFor(built, "api.other.svc.cluster.local", "c")?.origin.name).toBe("all");
    expect(httpRouteFor(built, "example.com", "c")).toBeUndefined();
  });

  test("a more specific route that the client does not see leaves the host to the next", () => {
    const hidden = { ...exact, visibility: only("shop") };
    const built = mesh({ routes: [hidden, route("shop", "*.shop.svc.cluster.local", "x")] });
    expect(httpRouteFor(built, "web.shop.svc.cluster.local", "c")?.origin.name).toBe("shop");
  });

  test("of one host: private, then exported by name, then public; in each the oldest", () => {
    const host = web.host;
    const at = (name: string, createdAt: number, visibility: Visibility, namespace = "shop") =>
      route(name, host, "x", { createdAt, visibility, namespace });
    const everybody: Visibility = { kind: "public" };
    const publics = [at("public", 1, everybody), at("public-2", 2, everybody)];
    const exported = at("exported", 3, only("c", "shop"));
    const own = at("own", 4, only("c"), "c");
    expect(httpRouteFor(mesh({ routes: publics }), host, "c")?.origin.name).toBe("public");
    expect(httpRouteFor(mesh({ routes: [...publics, exported] }), host, "c")?.origin.name).toBe("exported");
    expect(httpRouteFor(mesh({ routes: [...publics, exported, own] }), host, "c")?.origin.name).toBe("own");
    expect(httpRouteFor(mesh({ routes: [...publics, exported, own] }), host, "d")?.origin.name).toBe("public");
  });

  test("at a host as it is written: no other pattern that covers it", () => {
    const built = mesh({ routes: [route("c", "*.example.com", "x")] });
    expect(httpRouteAt(built, "*.example.com", "c")?.origin.name).toBe("c");
    expect(httpRouteAt(built, "a.example.com", "c")).toBeUndefined();
  });
});

describe("the port of a backend", () => {
  const target = { kind: "service", host: web.host, path: "" } as const;

  test("is the one it names, else the service's only one, else the one that was called", () => {
    const two = { ...web, ports: [...web.ports, { number: 81, name: "b", protocol: "http" as const }] };
    expect(targetPort({ ...target, port: 9 }, two, 7)).toBe(9);
    expect(targetPort(target, web, 7)).toBe(80);
    expect(targetPort(target, two, 7)).toBe(7);
    expect(targetPort(target, undefined, 7)).toBe(7);
  });
});

describe("client policies", () => {
  const client = { namespace: "client", labels: { app: "client" } };
  const from = (namespace: string, changes = {}, host = web.host) =>
    clientPolicy(`of-${namespace}`, host, namespace, changes);

  test("the client's namespace, then the service's, then a root namespace", () => {
    const root = from("istio-system");
    const owner = from("shop");
    const own = from("client");
    const nameOf = (...policies: ReturnType<typeof from>[]) =>
      clientPolicyFor(mesh({ services: [web], clientPolicies: policies }), web, client)?.origin.name;
    expect(nameOf(root)).toBe("of-istio-system");
    expect(nameOf(root, owner)).toBe("of-shop");
    expect(nameOf(root, owner, own)).toBe("of-client");
  });

  test("inside a namespace the most specific host wins, and a wildcard there beats an exact host elsewhere", () => {
    const wide = clientPolicy("wide", "*.local", "client");
    const narrow = clientPolicy("narrow", "*.shop.svc.cluster.local", "client");
    const built = mesh({ services: [web], clientPolicies: [from("shop"), wide, narrow] });
    expect(clientPolicyFor(built, web, client)?.origin.name).toBe("narrow");
  });

  test("in a root namespace only private policies are the client's own", () => {
    const inRoot = { namespace: "istio-system", labels: {} };
    const everybody = from("istio-system", {}, "*");
    expect(clientPolicyFor(mesh({ clientPolicies: [everybody, from("shop")] }), web, inRoot)?.origin.name).toBe(
      "of-shop",
    );
    const own = clientPolicy("private", "*", "istio-system", { visibility: only("istio-system") });
    expect(clientPolicyFor(mesh({ clientPolicies: [own, from("shop")] }), web, inRoot)?.origin.name).toBe("private");
  });

  test("the service's namespace shows what it exports", () => {
    const hidden = from("shop", { visibility: only("shop") });
    const built = mesh({ clientPolicies: [hidden, from("istio-system")] });
    expect(clientPolicyFor(built, web, client)?.origin.name).toBe("of-istio-system");
    const exported = from("shop", { visibility: only("client", "shop") });
    expect(clientPolicyFor(mesh({ clientPolicies: [exported] }), web, client)?.origin.name).toBe("of-shop");
  });

  test("a policy for chosen clients beats those for everybody, in its own namespace alone", () => {
    const clients = { namespace: "client", labels: { app: "client" } };
    const chosen = clientPolicy("chosen", web.host, "client", { clients, createdAt: 9 });
    const built = mesh({ clientPolicies: [from("client"), chosen] });
    expect(clientPolicyFor(built, web, client)?.origin.name).toBe("chosen");
    expect(clientPolicyFor(built, web, { namespace: "client", labels: {} })?.origin.name).toBe("of-client");
    const foreign = clientPolicy("foreign", web.host, "shop", {
      clients: { namespace: "shop", labels: { app: "client" } },
    });
    expect(clientPolicyFor(mesh({ clientPolicies: [foreign] }), web, client)).toBeUndefined();
  });
});

describe("mutual TLS of a workload's port", () => {
  const target = workload("web-1", "web", "shop");
  const meshWide = serverPolicy("mesh", { kind: "mesh" }, { mtls: "strict" });
  const ofNamespace = serverPolicy("ns", { kind: "namespace", namespace: "shop" }, { mtls: "disable" });
  const scope = { kind: "workloads", namespace: "shop", labels: { app: "web" } } as const;
  const mode = (port: number, ...serverPolicies: ReturnType<typeof serverPolicy>[]) =>
    mtlsMode(mesh({ workloads: [target], serverPolicies }), target, port);

  test("nobody said: permissive", () => {
    expect(mode(8080)).toBe("permissive");
  });

  test("the narrower scope wins", () => {
    const ofWorkload = serverPolicy("workload", scope, { mtls: "permissive" });
    expect(mode(8080, meshWide)).toBe("strict");
    expect(mode(8080, meshWide, ofNamespace)).toBe("disable");
    expect(mode(8080, meshWide, ofNamespace, ofWorkload)).toBe("permissive");
  });

  test("an unset mode inherits, for a port too", () => {
    const unset = serverPolicy("workload", scope, { ports: [{ port: 8080, mtls: "disable" }, { port: 8081 }] });
    expect(mode(8080, meshWide, unset)).toBe("disable");
    expect(mode(8081, meshWide, unset)).toBe("strict");
    expect(mode(8082, meshWide, unset)).toBe("strict");
  });

  test("in one scope the oldest wins", () => {
    const older = serverPolicy("z", { kind: "namespace", namespace: "shop" }, { mtls: "strict", createdAt: 1 });
    const younger = serverPolicy("a", { kind: "namespace", namespace: "shop" }, { mtls: "disable", createdAt: 2 });
    expect(mode(8080, younger, older)).toBe("strict");
    const first = serverPolicy("z", scope, { mtls: "strict", createdAt: 1 });
    const second = serverPolicy("a", scope, { mtls: "disable", createdAt: 2 });
    expect(mode(8080, second, first)).toBe("strict");
  });

  test("a policy of another namespace or label is none of its business", () => {
    const other = serverPolicy("x", { kind: "workloads", namespace: "other", labels: {} }, { mtls: "strict" });
    const others = serverPolicy("y", { ...scope, labels: { app: "api" } }, { mtls: "strict" });
    expect(mode(8080, other, others)).toBe("permissive");
  });
});
