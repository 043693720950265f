// What re-implementations of Istio get wrong about a request on its way, one test each (docs/traps.md): asked of the tables that proxies have.

import { describe, expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { Explainer } from "./explain.ts";
import type { Explanation } from "./explanation.ts";

const PROXY = 'heddle.dev/proxy: heddle, heddle.dev/capture: "true"';

function pod(app: string, address: string, annotations: string = PROXY): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${app}, namespace: shop, labels: {app: ${app}}, annotations: {${annotations}}}
spec: {serviceAccountName: ${app}, containers: [{name: app, ports: [{containerPort: 8080}, {containerPort: 9000}]}]}
status: {podIP: ${address}, conditions: [{type: Ready, status: "True"}]}`;
}

function service(app: string, address: string): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${app}, namespace: shop}
spec: {clusterIP: ${address}, selector: {app: ${app}}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp, port: 9000}]}`;
}

/** A client, and two services with a server each. */
function world(server = pod("web", "10.0.0.1")): readonly string[] {
  const services = [service("web", "10.9.0.1"), service("api", "10.9.0.2")];
  return [...services, server, pod("api", "10.0.0.2"), pod("client", "10.0.0.3")];
}

function object(kind: string, spec: string, name = "x", group = "networking.istio.io"): string {
  return `apiVersion: ${group}/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: shop}\nspec: ${spec}`;
}

const virtualService = (spec: string, name?: string) => object("VirtualService", spec, name);
const authorizationPolicy = (spec: string, name?: string) =>
  object("AuthorizationPolicy", spec, name, "security.istio.io");

/** In MeshConfig, as YAML. */
function meshConfig(mesh: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: '${mesh}'}`;
}

interface Request {
  readonly method?: string;
  /** Names and values, in turns. */
  readonly headers?: readonly string[];
}

type Ask = (url: string, request?: Request) => Explanation;

function asking(...objects: readonly string[]): Ask {
  return askingIn(world(), ...objects);
}

/** Asks what becomes of requests of `client` in a mesh of these objects. */
function askingIn(...objects: readonly (string | readonly string[])[]): Ask {
  const content = objects.flat().join("\n---\n");
  const { mesh, sources, results } = loadMesh([{ name: "f.yaml", content }], DEFAULT_SETTINGS);
  const wrong = results.filter(({ accepted }) => !accepted).flatMap(({ diagnostics }) => diagnostics);
  expect(wrong.map(({ message }) => message)).toEqual([]);
  const explainer = new Explainer(mesh, sources);
  const workload = mesh.workloads.find(({ name }) => name === "client")!;
  return (url, { method = "GET", headers = [] } = {}) =>
    explainer.explain({
      entry: { kind: "sidecar", workload },
      method,
      url: new URL(url),
      headers,
      sourceAddress: "10.0.0.3",
      claims: undefined,
    });
}

const TO_WEB = "route: [{destination: {host: web}}]";

function clusters({ clusters }: Explanation): readonly string[] {
  return clusters.map(({ name }) => name);
}

describe("routing", () => {
  test("a VirtualService for a host that is no service is honoured on port 80 alone, and for requests alone", () => {
    const ask = asking(
      virtualService(`{hosts: [old.test], http: [{${TO_WEB}}], tcp: [{route: [{destination: {host: api}}]}]}`),
    );
    expect(clusters(ask("http://old.test/"))).toEqual(["outbound|80||web.shop.svc.cluster.local"]);
    for (const port of [81, 9000]) {
      const elsewhere = ask(`http://old.test:${port}/`);
      expect(clusters(elsewhere).filter((name) => name.startsWith("outbound"))).toEqual([]);
    }
  });

  test("a prefix rewrite replaces the text that matched and nothing else; after an exact match or a regex all of the path", () => {
    const ask = asking(
      virtualService(`{hosts: [web], http: [
        {match: [{uri: {prefix: /ratings}}], rewrite: {uri: /}, ${TO_WEB}},
        {match: [{uri: {prefix: /api/}}], rewrite: {uri: /}, ${TO_WEB}},
        {match: [{uri: {exact: /exact}}], rewrite: {uri: /whole}, ${TO_WEB}},
        {match: [{uri: {regex: "/item/[0-9]+"}}], rewrite: {uri: /items}, ${TO_WEB}},
        {match: [{uri: {prefix: /away}}], redirect: {uri: /gone}},
        {rewrite: {uri: /rest}, ${TO_WEB}}]}`),
    );
    const path = (asked: string) => ask(`http://web${asked}`).upstreamRequest?.path;
    expect(path("/ratings/x?q=1")).toBe("//x?q=1");
    expect(path("/ratingsx")).toBe("/x");
    expect(path("/api/x")).toBe("/x");
    expect(path("/exact?q=1")).toBe("/whole?q=1");
    expect(path("/item/42?q=1")).toBe("/items?q=1");
    expect(path("/x")).toBe("/restx");
    expect(ask("http://web/away/x?q=1").location).toBe("http://web/gone?q=1");
  });

  test("a level's `set` comes before its `add`, and both levels apply", () => {
    const ask = asking(
      virtualService(
        '{hosts: [web], http: [{headers: {request: {add: {b: "2", a: "1", x: added}, set: {x: route}, remove: [gone]}}, route: [{destination: {host: web}, headers: {request: {set: {y: "3"}, add: {x: destination}}}}]}]}',
      ),
    );
    const { upstreamRequest } = ask("http://web/path", { headers: ["x", "client", "gone", "1", "a", "0"] });
    const sent = upstreamRequest?.headers.filter(([name]) => ["a", "b", "x", "y", "gone"].includes(name));
    const values = (wanted: string) => sent?.filter(([name]) => name === wanted).map(([, value]) => value);
    expect(values("x")).toEqual(["route", "added", "destination"]);
    expect([values("a"), values("b"), values("y"), values("gone")]).toEqual([["0", "1"], ["2"], ["3"], []]);
    expect(upstreamRequest?.path).toBe("/path");
  });

  test("a host among the headers is a rewrite, by set, by add, and the route's before a destination's", () => {
    const route = (path: string, rest: string) => `{match: [{uri: {exact: ${path}}}], ${rest}}`;
    const ask = asking(
      virtualService(`{hosts: [web], http: [
        ${route("/set", `headers: {request: {set: {Host: set.test}}}, ${TO_WEB}`)},
        ${route("/add", `headers: {request: {add: {":authority": add.test}}}, ${TO_WEB}`)},
        ${route("/only", "route: [{destination: {host: web}, headers: {request: {set: {host: one.test}}}}]")},
        ${route("/both", "headers: {request: {add: {host: route.test}}}, route: [{destination: {host: web}, headers: {request: {set: {host: one.test}}}}]")},
        ${route("/shares", "route: [{destination: {host: web}, weight: 1, headers: {request: {set: {host: one.test}}}}, {destination: {host: api}, weight: 0}, {destination: {host: nowhere}, weight: 1}]")}]}`),
    );
    const authority = (path: string) => ask(`http://web${path}`).upstreamRequest?.authority;
    expect([authority("/set"), authority("/add")]).toEqual(["set.test", "add.test"]);
    expect([authority("/only"), authority("/both")]).toEqual(["one.test", "route.test"]);
    expect(authority("/shares")).toBe("one.test");
  });

  test("a redirect's port is left out where its scheme has it anyway, and the request's own is the listener's", () => {
    const redirect = (path: string, rest: string) => `{match: [{uri: {exact: ${path}}}], redirect: {${rest}}}`;
    const ask = asking(
      virtualService(`{hosts: [web], http: [${redirect("/80", "port: 80")}, ${redirect("/443", "port: 443, scheme: https")},
        ${redirect("/81", "port: 81")}, ${redirect("/same", "derivePort: FROM_REQUEST_PORT, scheme: https")}]}`),
    );
    const location = (path: string) => ask(`http://web${path}`).location;
    expect(location("/80")).toBe("http://web/80");
    expect(location("/443")).toBe("https://web/443");
    expect(location("/81")).toBe("http://web:81/81");
    expect(location("/same")).toBe("https://web:80/same");
  });

  test("a service answers to its names and addresses, with a dot behind and with any port in the Host header", () => {
    const ask = asking(service("web", "10.9.1.1").replace("namespace: shop", "namespace: other"));
    const host = (name: string) => ask("http://web/", { headers: ["host", name] }).virtualHost;
    const names = ["web", "web.shop", "web.shop.svc", "web.shop.svc.cluster.local", "web.shop.svc.cluster.local."];
    for (const name of [...names, "10.9.0.1", "web:80", "web.shop:12345"])
      expect([name, host(name)]).toEqual([name, "80/web.shop.svc.cluster.local:80"]);
    // A bare name is the client's namespace's.
    expect([host("web.other"), host("web.svc")]).toEqual(["80/web.other.svc.cluster.local:80", "allow_any"]);
  });

  test("an unknown host on a port of requests goes where it was going, or is answered 502", () => {
    const open = asking()("http://web/", { headers: ["host", "nobody.test"] });
    expect([open.virtualHost, clusters(open)]).toEqual(["allow_any", ["PassthroughCluster"]]);
    const closed = asking(meshConfig("outboundTrafficPolicy: {mode: REGISTRY_ONLY}"))("http://web/", {
      headers: ["host", "nobody.test"],
    });
    expect([closed.virtualHost, closed.status]).toEqual(["block_all", 502]);
  });
});

describe("authorization", () => {
  test("fields of a source and of an operation AND, values OR, `not` of values is none of them; from × to, each `when`", () => {
    const ask = asking(
      authorizationPolicy(`{selector: {matchLabels: {app: web}}, rules: [{
        from: [{source: {namespaces: [ops]}}, {source: {namespaces: [shop, x], notPrincipals: [cluster.local/ns/shop/sa/a, cluster.local/ns/shop/sa/b]}}],
        to: [{operation: {methods: [GET, HEAD], paths: [/a*], notPaths: [/a/x, /a/y]}}, {operation: {methods: [POST]}}],
        when: [{key: "request.headers[h]", values: [one, two]}, {key: "request.headers[i]", notValues: [nobody, never]}]}]}`),
    );
    const decision = (method: string, path: string, ...headers: readonly string[]) =>
      ask(`http://web${path}`, { method, headers }).authz?.decision;
    const one = ["h", "one"];
    expect(decision("GET", "/a/b", ...one)).toBe("allow");
    expect(decision("HEAD", "/a", "h", "two", "i", "yes")).toBe("allow");
    expect(decision("POST", "/b", ...one)).toBe("allow");
    expect(decision("GET", "/b", ...one)).toBe("deny");
    expect(decision("PUT", "/a/b", ...one)).toBe("deny");
    expect([decision("GET", "/a/x", ...one), decision("GET", "/a/y", ...one)]).toEqual(["deny", "deny"]);
    expect([decision("GET", "/a/b"), decision("GET", "/a/b", "h", "three")]).toEqual(["deny", "deny"]);
    expect(decision("GET", "/a/b", ...one, "i", "never")).toBe("deny");
  });

  test("two CUSTOM providers on a workload, or one that is not there, refuse whom their rules match and nobody else", () => {
    const providers = meshConfig(
      'extensionProviders: [{name: a, envoyExtAuthzHttp: {service: "api.shop.svc.cluster.local", port: 80}}, {name: b, envoyExtAuthzHttp: {service: "api.shop.svc.cluster.local", port: 80}}]',
    );
    const onEnvoy = pod("web", "10.0.0.1", 'heddle.dev/proxy: envoy, heddle.dev/capture: "true"');
    const custom = (provider: string, path: string) =>
      authorizationPolicy(
        `{selector: {matchLabels: {app: web}}, action: CUSTOM, provider: {name: ${provider}}, rules: [{to: [{operation: {paths: [${path}]}}]}]}`,
        `custom-${provider}`,
      );
    const decisions = (...objects: readonly string[]) => {
      const ask = askingIn(world(onEnvoy), providers, ...objects);
      return ["/a", "/b", "/c"].map((path) => ask(`http://web${path}`).authz?.decision);
    };
    expect(decisions(custom("a", "/a"))).toEqual(["allow", "allow", "allow"]);
    expect(decisions(custom("a", "/a"), custom("b", "/b"))).toEqual(["deny", "deny", "allow"]);
    expect(decisions(custom("nobody", "/a"))).toEqual(["deny", "allow", "allow"]);
  });
});
