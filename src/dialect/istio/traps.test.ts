// What re-implementations of Istio get wrong, one test each: its documentation is silent or misleading about most of these.

import { describe, expect, test } from "bun:test";
import { stagesOf } from "../../model/authorization.ts";
import { settingsFor, subsetByName } from "../../model/client-policy.ts";
import { clientPolicyFor, httpRouteFor, mtlsMode, serviceFor, targetPort } from "../../model/lookup.ts";
import type { HttpAction, HttpRule } from "../../model/route.ts";
import { DEFAULT_RETRY, DEFAULT_SETTINGS } from "../../model/settings.ts";
import { loadMesh } from "../load.ts";
import { resolveGateway } from "./names.ts";

const SERVICES = ["web.shop:80", "api.shop:80,81", "reviews.default:9080"].map((text) => {
  const [, name, namespace, ports] = /^(\w+)\.(\w+):(.*)$/.exec(text)!;
  const list = ports!.split(",").map((port) => `{port: ${port}, name: http-${port}}`);
  return `{apiVersion: v1, kind: Service, metadata: {name: ${name}, namespace: ${namespace}}, spec: {selector: {app: ${name}}, ports: [${list.join(", ")}]}}`;
});

interface ObjectText {
  readonly name?: string;
  readonly namespace?: string;
  /** Year of creation. */
  readonly created?: number;
}

function object(
  kind: string,
  group: string,
  spec: string,
  { name = "x", namespace = "default", created }: ObjectText,
): string {
  const time = created === undefined ? "" : `, creationTimestamp: "${created}-01-01T00:00:00Z"`;
  return `apiVersion: ${group}/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}${time}}\nspec: ${spec}`;
}

const virtualService = (spec: string, at: ObjectText = {}) => object("VirtualService", "networking.istio.io", spec, at);
const destinationRule = (spec: string, at: ObjectText = {}) =>
  object("DestinationRule", "networking.istio.io", spec, at);
const peerAuthentication = (spec: string, at: ObjectText = {}) =>
  object("PeerAuthentication", "security.istio.io", spec, at);

const authorizationPolicy = (spec: string, at: ObjectText = {}) =>
  object("AuthorizationPolicy", "security.istio.io", spec, at);
const requestAuthentication = (spec: string, at: ObjectText = {}) =>
  object("RequestAuthentication", "security.istio.io", spec, at);

function load(...objects: string[]) {
  const content = [...SERVICES, ...objects].join("\n---\n");
  return loadMesh([{ name: "f.yaml", content }], DEFAULT_SETTINGS);
}

const TO_WEB = "route: [{destination: {host: web.shop.svc.cluster.local}}]";

function rulesOf(http: string): readonly HttpRule[] {
  return (
    httpRouteFor(
      load(virtualService(`{hosts: [reviews], http: ${http}}`)).mesh,
      "reviews.default.svc.cluster.local",
      "default",
    )?.rules ?? []
  );
}

function forward(rule: HttpRule | undefined): HttpAction & { kind: "forward" } {
  if (rule?.action.kind !== "forward") throw new Error("expected a rule that forwards");
  return rule.action;
}

describe("names and visibility", () => {
  test("a short host is of the namespace of the rule, a host with any dot is complete", () => {
    const [short] = rulesOf("[{route: [{destination: {host: api}}]}]");
    expect(forward(short).backends[0]!.target.host).toBe("api.default.svc.cluster.local");
    const [dotted] = rulesOf("[{route: [{destination: {host: reviews.default}}]}]");
    expect(forward(dotted).backends[0]!.target.host).toBe("reviews.default");
  });

  test("gateways are of the rule's namespace unless they say another, in two forms", () => {
    const forms = ["gw", "./gw", "other/gw", "gw.other.svc.cluster.local", "mesh"];
    expect(forms.map((form) => resolveGateway(form, "ns"))).toEqual(["ns/gw", "ns/gw", "other/gw", "other/gw", "mesh"]);
    const { mesh } = load(
      virtualService(`{hosts: [web.example.com], gateways: [gw, other/gw], http: [{${TO_WEB}}]}`, { namespace: "ns" }),
    );
    expect(mesh.gatewayRoutes.map(({ gateway }) => gateway)).toEqual(["ns/gw", "other/gw"]);
  });

  test("the longest wildcard wins, does not match the bare domain, and `*` alone is no host of the mesh", () => {
    const wide = virtualService(`{hosts: ["*.com"], http: [{${TO_WEB}}]}`, { name: "wide" });
    const narrow = virtualService(`{hosts: ["*.foo.com"], http: [{${TO_WEB}}]}`, { name: "narrow" });
    const { mesh } = load(wide, narrow);
    const winner = (host: string) => httpRouteFor(mesh, host, "default")?.origin.name;
    expect([winner("a.foo.com"), winner("foo.com"), winner("foo.org")]).toEqual(["narrow", "wide", undefined]);
    const { results } = load(virtualService(`{hosts: ["*"], http: [{${TO_WEB}}]}`));
    expect(results.at(-1)!.accepted).toBe(false);
  });

  test("exportTo: empty is everybody, a dot the own namespace, a tilde nobody, and a star beside others is refused", () => {
    const entry = (name: string, exportTo: string) =>
      object(
        "ServiceEntry",
        "networking.istio.io",
        `{hosts: [${name}.example.com], ports: [{number: 80, name: http}]${exportTo}}`,
        { name },
      );
    const { mesh } = load(
      entry("all", ""),
      entry("own", ', exportTo: ["."]'),
      entry("none", ', exportTo: ["~"]'),
      entry("star", ', exportTo: [".", "*"]'),
    );
    const seen = (namespace: string) =>
      ["all", "own", "none", "star"].filter((name) => serviceFor(mesh, `${name}.example.com`, namespace));
    expect(seen("default")).toEqual(["all", "own"]);
    expect(seen("shop")).toEqual(["all"]);
  });
});

describe("routing", () => {
  test("the first match wins in list order, and what follows a catch-all does not exist", () => {
    const rules = rulesOf(
      `[{match: [{uri: {prefix: /a}}], ${TO_WEB}}, {match: [{uri: {regex: ".*"}}], ${TO_WEB}}, {${TO_WEB}}]`,
    );
    expect(rules.map((rule) => rule.path)).toEqual(["spec.http[0]", "spec.http[1]"]);
  });

  test("a catch-all with a header, or for some clients only, is none", () => {
    const withHeader = `{match: [{uri: {prefix: /}, headers: {x: {exact: a}}}], ${TO_WEB}}`;
    const forSome = `{match: [{uri: {prefix: /}, sourceLabels: {app: a}}], ${TO_WEB}}`;
    expect(rulesOf(`[${withHeader}, ${forSome}, {${TO_WEB}}]`).length).toBe(3);
  });

  test("VirtualServices of one host are not merged: a younger private one beats an older public one", () => {
    const hosts = "hosts: [web.shop.svc.cluster.local]";
    const old = virtualService(`{${hosts}, http: [{name: old, ${TO_WEB}}]}`, { name: "old", created: 2020 });
    const middle = virtualService(`{${hosts}, http: [{name: middle, ${TO_WEB}}]}`, { name: "middle", created: 2021 });
    const own = virtualService(`{${hosts}, exportTo: ["."], http: [{name: own, ${TO_WEB}}]}`, {
      name: "own",
      created: 2022,
    });
    const { mesh } = load(own, middle, old);
    const ruled = (namespace: string) =>
      httpRouteFor(mesh, "web.shop.svc.cluster.local", namespace)?.rules.map((rule) => rule.name);
    expect(ruled("default")).toEqual(["own"]);
    expect(ruled("shop")).toEqual(["old"]);
  });

  test("the destination's port: said, else the service's only one, else the one that was called", () => {
    const { mesh } = load();
    const at = { kind: "service", path: "" } as const;
    const port = (host: string, named?: number) =>
      targetPort({ ...at, host, port: named }, serviceFor(mesh, host, "default"), 4711);
    expect(port("web.shop.svc.cluster.local")).toBe(80);
    expect(port("api.shop.svc.cluster.local")).toBe(4711);
    expect(port("api.shop.svc.cluster.local", 81)).toBe(81);
  });

  test("a destination without a subset or a service stays in the route: its share is answered 503", () => {
    const { mesh, diagnostics } = load(
      virtualService(
        "{hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v9}, weight: 50}, {destination: {host: nowhere}, weight: 50}]}]}",
      ),
    );
    const [rule] = httpRouteFor(mesh, "reviews.default.svc.cluster.local", "default")!.rules;
    expect(forward(rule).backends.map(({ target, weight }) => [target.host, target.subset, weight])).toEqual([
      ["reviews.default.svc.cluster.local", "v9", 50],
      ["nowhere.default.svc.cluster.local", undefined, 50],
    ]);
    expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([
      ["HED2002", "error"],
      ["HED2001", "error"],
    ]);
  });

  test("weights are shares, 0 among several is dropped, a single destination's is ignored, all 0 is refused", () => {
    const weights = (...list: number[]) =>
      rulesOf(
        `[{route: [${list.map((weight, i) => `{destination: {host: reviews, subset: v${i}}, weight: ${weight}}`).join(", ")}]}]`,
      ).flatMap((rule) => forward(rule).backends.map((backend) => [backend.target.subset, backend.weight]));
    expect(weights(3, 0, 1)).toEqual([
      ["v0", 3],
      ["v2", 1],
    ]);
    expect(weights(0)).toEqual([["v0", 100]]);
    expect(weights(0, 0)).toEqual([]);
  });

  test("a prefix is text, not a path segment; ignoreUriCase has no effect on a regex", () => {
    const [rule] = rulesOf(`[{match: [{uri: {prefix: /foo}}, {uri: {regex: /foo}, ignoreUriCase: true}], ${TO_WEB}}]`);
    expect(rule!.matches.map((match) => match.path)).toEqual([
      { kind: "prefix", value: "/foo", ignoreCase: false },
      { kind: "regex", value: "/foo" },
    ]);
  });

  test("a regex is RE2: what only backtracking engines know, and more than 1024 characters, are refused", () => {
    const refused = (regex: string) =>
      rulesOf(`[{match: [{uri: {regex: ${JSON.stringify(regex)}}}], ${TO_WEB}}]`).length === 0;
    expect([refused("/(?=a)b"), refused("/(a)\\1"), refused("/".repeat(1025)), refused("/a{2,3}")]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  test("header names are not case-sensitive, values are", () => {
    const [rule] = rulesOf(`[{match: [{headers: {X-User: {exact: Jason}}}], ${TO_WEB}}]`);
    expect(rule!.matches[0]!.headers[0]).toMatchObject({ name: "x-user", value: { kind: "exact", value: "Jason" } });
  });

  test("withoutHeaders takes a missing header for an empty one, unless it asks for presence", () => {
    const [rule] = rulesOf(`[{match: [{withoutHeaders: {a: {exact: "1"}, b: {}, c: {regex: "*"}}}], ${TO_WEB}}]`);
    expect(
      rule!.matches[0]!.headers.map(({ value, invert, missingIsEmpty }) => [value.kind, invert, missingIsEmpty]),
    ).toEqual([
      ["exact", true, true],
      ["present", true, false],
      ["present", true, false],
    ]);
  });

  test("an empty exact value of a query parameter is a value, `{}` asks for presence", () => {
    const [rule] = rulesOf(`[{match: [{queryParams: {key: {exact: ""}, other: {}}}], ${TO_WEB}}]`);
    expect(rule!.matches[0]!.query.map(({ value }) => value)).toEqual([
      { kind: "exact", value: "" },
      { kind: "present" },
    ]);
  });

  test("routes for gateways alone leave the service its default route", () => {
    const { mesh } = load(virtualService(`{hosts: [reviews], gateways: [public], http: [{${TO_WEB}}]}`));
    expect(httpRouteFor(mesh, "reviews.default.svc.cluster.local", "default")).toBeUndefined();
  });
});

describe("delegates", () => {
  const root = (http: string) => virtualService(`{hosts: [reviews], http: [${http}]}`, { name: "root" });
  const delegate = (http: string, more = "") =>
    virtualService(`{http: [${http}]${more}}`, { name: "leaf", namespace: "shop" });
  const TO_LEAF = "delegate: {name: leaf, namespace: shop}";
  const rules = (...objects: string[]) =>
    httpRouteFor(load(...objects).mesh, "reviews.default.svc.cluster.local", "default")?.rules ?? [];

  test("short hosts are of the delegate's namespace, names are joined, matches must be narrower", () => {
    const [rule, ...others] = rules(
      root(`{name: r, match: [{uri: {prefix: /shop}}], ${TO_LEAF}}`),
      delegate(
        "{name: l, match: [{uri: {prefix: /shop/a}}], route: [{destination: {host: web}}]}, {match: [{uri: {prefix: /b}}], route: [{destination: {host: web}}]}",
      ),
    );
    expect(others).toEqual([]);
    expect(rule).toMatchObject({ name: "r-l", origin: { name: "leaf" }, matches: [{ path: { value: "/shop/a" } }] });
    expect(forward(rule).backends[0]!.target.host).toBe("web.shop.svc.cluster.local");
  });

  test("a regex on either side cannot be joined: it is refused", () => {
    const leaf = delegate('{match: [{uri: {regex: "/shop/.*"}}], route: [{destination: {host: web}}]}');
    const top = root(`{match: [{uri: {regex: "/shop.*"}}], ${TO_LEAF}}`);
    for (const object of [leaf, top]) expect(load(object).diagnostics.map(({ code }) => code)).toContain("HED1677");
  });

  test("timeout, retries, headers and the rewritten host are inherited when the delegate has none", () => {
    const top = root(
      `{timeout: 3s, retries: {attempts: 7}, headers: {request: {set: {x: root}}}, rewrite: {authority: root.example.com}, ${TO_LEAF}}`,
    );
    const [bare] = rules(top, delegate("{route: [{destination: {host: web}}]}"));
    expect(bare).toMatchObject({
      timeoutMs: 3000,
      retry: { attempts: 7 },
      requestHeaders: { set: [{ value: "root" }] },
      action: { rewrite: { authority: "root.example.com" } },
    });
    const [own] = rules(
      top,
      delegate(
        "{timeout: 1s, retries: {attempts: 1}, headers: {request: {set: {x: leaf}}}, rewrite: {authority: leaf.example.com}, route: [{destination: {host: web}}]}",
      ),
    );
    expect(own).toMatchObject({
      timeoutMs: 1000,
      retry: { attempts: 1 },
      requestHeaders: { set: [{ value: "leaf" }] },
      action: { rewrite: { authority: "leaf.example.com" } },
    });
  });

  test("one level deep, without hosts, and exported to the root", () => {
    const top = root(`{${TO_LEAF}}`);
    expect(rules(top, delegate("{route: [{destination: {host: web}}]}", ', exportTo: ["."]'))).toEqual([]);
    expect(
      rules(top, virtualService(`{hosts: [web], http: [{${TO_WEB}}]}`, { name: "leaf", namespace: "shop" })),
    ).toEqual([]);
    expect(rules(top, delegate("{delegate: {name: other}}"))).toEqual([]);
  });
});

describe("defaults", () => {
  test("no timeout, and Istio's retries even when nobody asked; attempts 0 turns them off", () => {
    const [plain, off] = rulesOf(`[{match: [{uri: {prefix: /a}}], ${TO_WEB}}, {retries: {attempts: 0}, ${TO_WEB}}]`);
    expect(plain).toMatchObject({ timeoutMs: undefined, retry: undefined });
    expect(DEFAULT_SETTINGS.defaults.retry).toEqual({
      attempts: 2,
      conditions: ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"],
      statuses: [],
      avoidPreviousHosts: true,
      avoidPreviousLocalities: false,
    });
    expect(off!.retry!.attempts).toBe(0);
  });

  test("a retries block replaces the mesh's default wholesale", () => {
    const settings = {
      ...DEFAULT_SETTINGS,
      defaults: { ...DEFAULT_SETTINGS.defaults, retry: { ...DEFAULT_RETRY, conditions: ["5xx" as const] } },
    };
    const content = [
      ...SERVICES,
      virtualService(`{hosts: [reviews], http: [{retries: {attempts: 1}, ${TO_WEB}}]}`),
    ].join("\n---\n");
    const { mesh } = loadMesh([{ name: "f.yaml", content }], settings);
    expect(httpRouteFor(mesh, "reviews.default.svc.cluster.local", "default")!.rules[0]!.retry!.conditions).toEqual(
      DEFAULT_RETRY.conditions,
    );
  });

  test("a number among retryOn is a status, and brings its condition along", () => {
    const [rule] = rulesOf(`[{retries: {attempts: 1, retryOn: "reset,503"}, ${TO_WEB}}]`);
    expect(rule!.retry).toMatchObject({ conditions: ["reset", "retriable-status-codes"], statuses: [503] });
  });

  test("balancing is by least request unless said, LEAST_CONN is its old name", () => {
    expect(DEFAULT_SETTINGS.defaults.client.loadBalancing?.kind).toBe("least-request");
    const { mesh } = load(
      destinationRule("{host: reviews, trafficPolicy: {loadBalancer: {simple: LEAST_CONN}}}"),
      destinationRule("{host: web.shop.svc.cluster.local, trafficPolicy: {loadBalancer: {simple: UNSPECIFIED}}}", {
        name: "other",
      }),
    );
    expect(mesh.clientPolicies.map((policy) => policy.settings.loadBalancing?.kind)).toEqual([
      "least-request",
      "least-request",
    ]);
  });
});

describe("DestinationRules", () => {
  const client = { namespace: "default", labels: {} };

  test("port settings replace the rule's, subsets inherit block by block", () => {
    const { mesh } = load(
      destinationRule(
        "{host: reviews, trafficPolicy: {loadBalancer: {simple: RANDOM}, connectionPool: {tcp: {maxConnections: 1}}, portLevelSettings: [{port: {number: 9080}, connectionPool: {tcp: {maxConnections: 2}}}]}, subsets: [{name: v1, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}, {name: v2, trafficPolicy: {portLevelSettings: [{port: {number: 9080}, tls: {mode: DISABLE}}]}}]}",
      ),
    );
    const policy = clientPolicyFor(mesh, serviceFor(mesh, "reviews.default.svc.cluster.local", "default")!, client)!;
    const at = (port: number, subset?: string) => {
      const { loadBalancing, connectionPool, tls } = settingsFor(subset ? subsetByName(policy, subset)! : policy, port);
      return [loadBalancing?.kind, connectionPool?.maxConnections, tls?.kind];
    };
    expect(at(80)).toEqual(["random", 1, undefined]);
    expect(at(9080)).toEqual([undefined, 2, undefined]);
    expect(at(80, "v1")).toEqual(["round-robin", 1, undefined]);
    expect(at(9080, "v1")).toEqual(["round-robin", 2, undefined]);
    expect(at(9080, "v2")).toEqual([undefined, undefined, "disable"]);
  });

  test("tunnel, proxyProtocol and retryBudget are inherited by ports and subsets that replace all else", () => {
    const { mesh } = load(
      destinationRule(
        "{host: reviews, trafficPolicy: {tunnel: {targetHost: db, targetPort: 1}, retryBudget: {percent: 7}, loadBalancer: {simple: RANDOM}, portLevelSettings: [{port: {number: 9080}, connectionPool: {tcp: {}}}]}, subsets: [{name: v1, trafficPolicy: {proxyProtocol: {version: V2}, portLevelSettings: [{port: {number: 80}, connectionPool: {tcp: {}}}]}}]}",
      ),
    );
    const policy = clientPolicyFor(mesh, serviceFor(mesh, "reviews.default.svc.cluster.local", "default")!, client)!;
    const at = (port: number, subset?: string) => {
      const found = settingsFor(subset ? subsetByName(policy, subset)! : policy, port);
      const { loadBalancing, tunnel, proxyProtocol, retryBudget } = found;
      return [loadBalancing?.kind, tunnel?.host, proxyProtocol, retryBudget?.percent];
    };
    expect(at(9080)).toEqual([undefined, "db", undefined, 7]);
    expect(at(80, "v1")).toEqual([undefined, "db", "v2", 7]);
    expect(at(81, "v1")).toEqual(["random", "db", "v2", 7]);
  });

  test("a loadBalancer block without an algorithm is least request, and replaces the rule's in a subset", () => {
    const { mesh } = load(
      destinationRule(
        "{host: reviews, trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: v1, trafficPolicy: {loadBalancer: {localityLbSetting: {enabled: false}}}}]}",
      ),
    );
    const [subset] = mesh.clientPolicies[0]!.subsets;
    expect(subset!.settings.loadBalancing).toEqual({
      kind: "least-request",
      warmup: undefined,
      locality: { kind: "none" },
    });
  });

  test("local failures are apart when split, five in a row unless said, and 0 is unset", () => {
    const failures = (block: string) =>
      load(destinationRule(`{host: reviews, trafficPolicy: {outlierDetection: ${block}}}`)).mesh.clientPolicies[0]!
        .settings.outlierDetection?.consecutiveLocalFailures;
    expect(failures("{}")).toBeUndefined();
    expect(failures("{splitExternalLocalOriginErrors: true}")).toBe(5);
    expect(failures("{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 0}")).toBe(5);
    expect(failures("{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 3}")).toBe(3);
  });

  test("of one host and namespace: subsets are joined, the oldest traffic policy stays and all subsets inherit it", () => {
    const { mesh } = load(
      destinationRule("{host: reviews, subsets: [{name: v2}], trafficPolicy: {loadBalancer: {simple: RANDOM}}}", {
        name: "young",
        created: 2022,
      }),
      destinationRule(
        "{host: reviews.default.svc.cluster.local, subsets: [{name: v1}], trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}",
        { name: "old", created: 2020 },
      ),
    );
    const [policy] = mesh.clientPolicies;
    expect(
      policy!.subsets.map((subset) => [subset.name, subset.settings.loadBalancing?.kind, subset.origin.name]),
    ).toEqual([
      ["v1", "round-robin", "old"],
      ["v2", "round-robin", "young"],
    ]);
  });

  test("rules of different exportTo are not merged, rules with a workloadSelector never", () => {
    const { mesh } = load(
      destinationRule("{host: reviews, subsets: [{name: v1}]}", { name: "a" }),
      destinationRule('{host: reviews, exportTo: ["."], subsets: [{name: v2}]}', { name: "b" }),
      destinationRule("{host: reviews, workloadSelector: {matchLabels: {app: c}}, subsets: [{name: v3}]}", {
        name: "c",
      }),
    );
    expect(
      mesh.clientPolicies.map((policy) => [policy.origin.name, policy.subsets.map((subset) => subset.name)]),
    ).toEqual([
      ["a", ["v1"]],
      ["b", ["v2"]],
      ["c", ["v3"]],
    ]);
    const service = serviceFor(mesh, "reviews.default.svc.cluster.local", "default")!;
    expect(clientPolicyFor(mesh, service, { namespace: "default", labels: { app: "c" } })?.origin.name).toBe("c");
  });

  test("the client's namespace decides before the service's, and nothing is merged between them", () => {
    const { mesh } = load(
      destinationRule("{host: web.shop.svc.cluster.local, subsets: [{name: mine}]}", { name: "client" }),
      destinationRule("{host: web, subsets: [{name: theirs}]}", { name: "owner", namespace: "shop" }),
    );
    const service = serviceFor(mesh, "web.shop.svc.cluster.local", "default")!;
    expect(clientPolicyFor(mesh, service, client)?.subsets.map((subset) => subset.name)).toEqual(["mine"]);
    expect(
      clientPolicyFor(mesh, service, { namespace: "other", labels: {} })?.subsets.map((subset) => subset.name),
    ).toEqual(["theirs"]);
  });

  test("a traffic policy without tls keeps auto mTLS, `tls: {}` is DISABLE", () => {
    const tls = (policy: string) =>
      load(destinationRule(`{host: reviews, trafficPolicy: ${policy}}`)).mesh.clientPolicies[0]!.settings.tls;
    expect(tls("{loadBalancer: {simple: RANDOM}}")).toBeUndefined();
    expect(tls("{tls: {}}")).toEqual({ kind: "disable" });
    expect(tls("{tls: {mode: ISTIO_MUTUAL}}")).toEqual({ kind: "mesh", sni: undefined, subjectAltNames: [] });
  });

  test("an outlierDetection block turns on five 5xx errors, gateway errors only when asked, and never panics", () => {
    const { mesh } = load(destinationRule("{host: reviews, trafficPolicy: {outlierDetection: {interval: 5s}}}"));
    expect(mesh.clientPolicies[0]!.settings.outlierDetection).toEqual({
      consecutive5xx: 5,
      consecutiveGatewayErrors: 0,
      intervalMs: 5000,
      baseEjectionMs: 30_000,
      maxEjectionPercent: 10,
      minHealthPercent: 0,
    });
  });

  test("a limit of 0 is no limit, since 0 is protobuf's unset", () => {
    const { mesh } = load(
      destinationRule(
        "{host: reviews, trafficPolicy: {connectionPool: {tcp: {maxConnections: 0}, http: {maxRetries: 0}}}}",
      ),
    );
    expect(mesh.clientPolicies[0]!.settings.connectionPool).toMatchObject({
      maxConnections: undefined,
      maxRetries: undefined,
    });
  });
});

describe("PeerAuthentication", () => {
  const POD =
    "{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: shop, labels: {app: web}}, status: {podIP: 10.0.0.1}}";
  const mode = (port: number, ...policies: string[]) => {
    const { mesh } = load(POD, ...policies);
    return mtlsMode(mesh, mesh.workloads.at(0)!, port);
  };
  const root = peerAuthentication("{mtls: {mode: STRICT}}", { namespace: "istio-system" });

  test("mesh, namespace, workload; UNSET inherits; ports count with a selector alone", () => {
    expect(mode(80)).toBe("permissive");
    expect(mode(80, root)).toBe("strict");
    expect(mode(80, root, peerAuthentication("{mtls: {mode: UNSET}}", { namespace: "shop" }))).toBe("strict");
    expect(mode(80, root, peerAuthentication("{mtls: {mode: DISABLE}}", { namespace: "shop" }))).toBe("disable");
    const unselected = peerAuthentication("{portLevelMtls: {80: {mode: PERMISSIVE}}}", { namespace: "shop" });
    expect(load(unselected).diagnostics.map(({ code }) => code)).toContain("HED1225");
    const selecting = peerAuthentication(
      "{selector: {matchLabels: {app: web}}, portLevelMtls: {80: {mode: PERMISSIVE}}}",
      { namespace: "shop" },
    );
    expect([mode(80, root, selecting), mode(81, root, selecting)]).toEqual(["permissive", "strict"]);
  });

  test("a selector in a root namespace is ignored with its policy", () => {
    expect(
      mode(
        80,
        peerAuthentication("{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}", {
          namespace: "istio-system",
        }),
      ),
    ).toBe("permissive");
  });

  test("of one scope the oldest counts, whatever the names", () => {
    const old = peerAuthentication("{mtls: {mode: DISABLE}}", { name: "z", namespace: "shop", created: 2020 });
    const young = peerAuthentication("{mtls: {mode: STRICT}}", { name: "a", namespace: "shop", created: 2021 });
    expect(mode(80, young, old)).toBe("disable");
  });
});

describe("authorization", () => {
  const ofWeb = { namespace: "shop", labels: { app: "web" } };
  const errors = (...objects: string[]) =>
    load(...objects)
      .diagnostics.filter(({ severity }) => severity === "error")
      .map(({ code }) => code);
  const rulesOfPolicy = (spec: string, at: ObjectText = {}) =>
    load(authorizationPolicy(spec, at)).parts.authorizationPolicies[0]?.rules ?? [];

  test("CUSTOM comes before AUDIT, DENY and ALLOW, whatever their age; ALLOW alone refuses whom it does not know", () => {
    const of = (action: string, more = "") =>
      authorizationPolicy(`{action: ${action}, rules: [{}]${more}}`, { name: action.toLowerCase(), namespace: "shop" });
    const { mesh } = load(of("ALLOW"), of("DENY"), of("AUDIT"), of("CUSTOM", ", provider: {name: opa}"));
    const stages = stagesOf(mesh.index.authorizationPolicies.of(ofWeb));
    expect(stages.map(({ effect, otherwise }) => [effect.kind, otherwise])).toEqual([
      ["delegate", "continue"],
      ["log", "continue"],
      ["deny", "continue"],
      ["allow", "deny"],
    ]);
  });

  test("no rules at all are an ALLOW of nobody, an empty rule is one of everybody; DENY and CUSTOM need rules", () => {
    expect(rulesOfPolicy("{}")).toEqual([]);
    expect(rulesOfPolicy("{rules: [{}]}")).toEqual([
      { subject: { kind: "all", conditions: [] }, operation: { kind: "all", conditions: [] } },
    ]);
    const { mesh } = load(authorizationPolicy("{}", { namespace: "shop" }));
    expect(stagesOf(mesh.index.authorizationPolicies.of(ofWeb)).map(({ effect }) => effect.kind)).toEqual(["allow"]);
    for (const spec of ["{action: DENY}", "{action: CUSTOM, provider: {name: opa}}"])
      expect(errors(authorizationPolicy(spec))).toEqual(["HED1263"]);
  });

  test("a selector in the root namespace selects in every namespace, which PeerAuthentication's does not", () => {
    const spec = "{selector: {matchLabels: {app: web}}, rules: [{}]}";
    const { mesh } = load(authorizationPolicy(spec, { namespace: "istio-system" }));
    expect(mesh.index.authorizationPolicies.of(ofWeb)).toHaveLength(1);
    expect(mesh.index.authorizationPolicies.of({ ...ofWeb, labels: {} })).toHaveLength(0);
  });

  test("targetRefs are of waypoints: no sidecar has such a policy", () => {
    const { mesh } = load(authorizationPolicy("{targetRefs: [{kind: Service, name: web}]}", { namespace: "shop" }));
    expect(mesh.authorizationPolicies).toHaveLength(1);
    expect(mesh.index.authorizationPolicies.of(ofWeb)).toEqual([]);
  });

  test("CUSTOM may not look at who was authenticated, as it is asked before", () => {
    const rule = (source: string) =>
      authorizationPolicy(`{action: CUSTOM, provider: {name: opa}, rules: [{from: [{source: ${source}}]}]}`);
    expect(errors(rule("{notNamespaces: [a]}"))).toContain("HED1269");
    expect(errors(rule("{ipBlocks: [10.0.0.0/8]}"))).not.toContain("HED1269");
  });

  test("a principal of the trust domain is one of its aliases too, and cluster.local is the trust domain by any name", () => {
    const settings = { ...DEFAULT_SETTINGS, trustDomain: "new.org", trustDomainAliases: ["old.org"] };
    const content = authorizationPolicy(
      "{rules: [{from: [{source: {principals: [cluster.local/ns/a/sa/b, other.org/ns/a/sa/b]}}]}]}",
    );
    const [policy] = loadMesh([{ name: "f.yaml", content }], settings).parts.authorizationPolicies;
    const found = [...(JSON.stringify(policy?.rules).match(/spiffe:\/\/[^"]*/g) ?? [])];
    expect(found).toEqual(["new.org", "old.org", "other.org"].map((domain) => `spiffe://${domain}/ns/a/sa/b`));
  });

  test("a request's principal is parted at its last slash", () => {
    const [rule] = rulesOfPolicy('{rules: [{from: [{source: {requestPrincipals: ["https://a.org/b/jane"]}}]}]}');
    expect(rule?.subject).toEqual({
      kind: "all",
      conditions: [
        { kind: "claim", path: ["iss"], match: { kind: "exact", value: "https://a.org/b" } },
        { kind: "claim", path: ["sub"], match: { kind: "exact", value: "jane" } },
      ],
    });
  });

  test("all RequestAuthentications of a workload count, those of the root namespace too", () => {
    const rule = (issuer: string) => `{jwtRules: [{issuer: "https://${issuer}"}]}`;
    const { mesh } = load(
      requestAuthentication(rule("a.org"), { namespace: "istio-system" }),
      requestAuthentication(rule("b.org"), { namespace: "shop" }),
    );
    const issuers = mesh.index.requestAuthentications.of(ofWeb).flatMap((policy) => policy.issuers);
    expect(issuers.map(({ issuer }) => issuer)).toEqual(["https://a.org", "https://b.org"]);
  });
});
