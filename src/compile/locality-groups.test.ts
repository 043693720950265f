import { describe, expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import type { ClientSettings } from "../model/client-policy.ts";
import { type LocalityPreference, NEAREST_FIRST } from "../model/locality-preference.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { decodeResource } from "../xds/resource.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { effectiveSettings } from "./client-settings.ts";
import { compileProxy, compileShared } from "./compile.ts";
import type { Target } from "./endpoint.ts";
import { localityGroups } from "./locality-groups.ts";
import { NOWHERE, type Place } from "./place.ts";

function placed(text: string) {
  const [region = "", zone = "", subzone = ""] = text.split("/");
  return { region, zone, subzone };
}

function target(locality: string, labels: Readonly<Record<string, string>> = {}, weight = 1): Target {
  const rest = { reach: "plaintext", cluster: "", network: "", workload: undefined } as const;
  return { address: "192.0.2.1", port: 80, weight, locality: placed(locality), labels, ...rest };
}

function at(locality: string, labels: Readonly<Record<string, string>> = {}): Place {
  return { locality: placed(locality), labels };
}

/** `locality priority weight` of each group. */
function groups(targets: readonly Target[], preference: LocalityPreference, place: Place): readonly string[] {
  return localityGroups(targets, preference, place).map(({ locality: { region, zone, subzone }, priority, weight }) =>
    [[region, zone, subzone].filter(Boolean).join("/"), priority, weight].join(" "),
  );
}

const ALL = ["eu/a/1", "us/b/1", "us/a/2", "us/a/1", "ap/a/1"].map((locality) => target(locality));

test("subzone, zone, region, anywhere: without a gap between the priorities", () => {
  expect(groups(ALL, NEAREST_FIRST, at("us/a/1"))).toEqual([
    "us/a/1 0 1",
    "us/a/2 1 1",
    "us/b/1 2 1",
    "ap/a/1 3 1",
    "eu/a/1 3 1",
  ]);
  expect(groups(ALL, NEAREST_FIRST, at("ap/c"))).toEqual([
    "ap/a/1 0 1",
    "eu/a/1 1 1",
    "us/a/1 1 1",
    "us/a/2 1 1",
    "us/b/1 1 1",
  ]);
});

describe("zones", () => {
  const zones = { kind: "zones", labels: [], regions: [], minClusterSize: 6 } as const;

  test("of the client's region are of one rank, whichever is its own; other regions come after", () => {
    const expected = ["us/a/1 0 1", "us/a/2 0 1", "us/b/1 0 1", "ap/a/1 1 1", "eu/a/1 1 1"];
    expect(groups(ALL, zones, at("us/a/1"))).toEqual(expected);
    expect(groups(ALL, zones, at("us/c"))).toEqual(expected);
  });

  test("come after labels, and a region that is failed over to before the others", () => {
    const preference = { ...zones, labels: [{ name: "version" }], regions: [{ from: "us", to: "eu" }] };
    const version = { version: "v2" };
    const all = [target("us/a"), target("us/b"), target("ap/a", version), target("eu/a", version)];
    const expected = ["eu/a 0 1", "ap/a 1 1", "us/a 2 1", "us/b 2 1"];
    expect(groups(all, preference, at("us/a", version))).toEqual(expected);
  });
});

test("to a client that is nowhere all places are alike", () => {
  expect(groups([target("eu/a"), target("us/a")], NEAREST_FIRST, NOWHERE)).toEqual(["eu/a 0 1", "us/a 0 1"]);
});

test("a region that is failed over to comes before the others", () => {
  const preference = { kind: "failover", labels: [], regions: [{ from: "us", to: "eu" }] } as const;
  const far = [target("ap/a"), target("eu/a"), target("us/b")];
  expect(groups(far, preference, at("us/a"))).toEqual(["us/b 0 1", "eu/a 1 1", "ap/a 2 1"]);
  expect(groups(far, preference, at("eu/b"))).toEqual(["eu/a 0 1", "ap/a 1 1", "us/b 1 1"]);
});

test("of labels the first counts most; places count among them where regions are said", () => {
  const labels = [{ name: "version" }, { name: "env", value: "prod" }];
  const targets = [
    target("eu/a", { version: "v1", env: "prod" }),
    target("us/a", { version: "v1", env: "prod" }),
    target("us/a", { version: "v1", env: "test" }),
    target("us/a", { version: "v2", env: "prod" }),
  ];
  const client = at("us/a", { version: "v1" });
  expect(groups(targets, { kind: "failover", labels, regions: [] }, client)).toEqual([
    "eu/a 0 1",
    "us/a 0 1",
    "us/a 1 1",
    "us/a 2 1",
  ]);
  expect(groups(targets, { kind: "failover", labels, regions: [{ from: "us", to: "eu" }] }, client)).toEqual([
    "us/a 0 1",
    "eu/a 1 1",
    "us/a 2 1",
    "us/a 3 1",
  ]);
});

test("where an endpoint is counts as labels of its own", () => {
  const labels = [{ name: "topology.kubernetes.io/zone" }];
  const client = at("us/a", { "topology.kubernetes.io/zone": "b" });
  expect(groups([target("us/a"), target("us/b")], { kind: "failover", labels, regions: [] }, client)).toEqual([
    "us/b 0 1",
    "us/a 1 1",
  ]);
});

test("a share is divided by the endpoints' weights, rounded up, and who has none is left out", () => {
  const any = { zone: "*", subzone: "*" };
  const preference: LocalityPreference = {
    kind: "shares",
    rules: [
      {
        from: { region: "us", ...any },
        to: [
          { locality: { region: "us", ...any }, weight: 80 },
          { locality: { region: "eu", ...any }, weight: 20 },
        ],
      },
    ],
  };
  const targets = [target("us/a", {}, 3), target("us/b"), target("us/c", {}, 2), target("eu/a"), target("ap/a")];
  expect(groups(targets, preference, at("us/z"))).toEqual(["eu/a 0 20", "us/a 0 40", "us/b 0 14", "us/c 0 27"]);
  expect(groups(targets, preference, at("eu/a"))).toEqual(["ap/a 0 1", "eu/a 0 1", "us/a 0 3", "us/b 0 1", "us/c 0 2"]);
});

test("an outlierDetection block silently turns failover by place on, as the mesh's default; distribute needs none", () => {
  const { client } = DEFAULT_SETTINGS.defaults;
  const kindOf = (settings: ClientSettings) => effectiveSettings(client, settings).locality.kind;
  const outlierDetection = {
    consecutive5xx: 5,
    consecutiveGatewayErrors: 0,
    intervalMs: 1,
    baseEjectionMs: 1,
    maxEjectionPercent: 10,
    minHealthPercent: 0,
  };
  expect(kindOf({})).toBe("none");
  expect(kindOf({ outlierDetection })).toBe("failover");
  expect(kindOf({ outlierDetection, loadBalancing: { kind: "random", locality: { kind: "none" } } })).toBe("none");
  expect(kindOf({ loadBalancing: { kind: "random", locality: { kind: "shares", rules: [] } } })).toBe("shares");
});

describe("what a Service says itself", () => {
  const WORLD = `
apiVersion: v1
kind: Namespace
metadata: {name: default}`;
  const pod = (name: string, place: string, node: string, more = "") => `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels: {app: ${more ? "client" : "web"}, topology.kubernetes.io/region: us, topology.kubernetes.io/zone: ${place}}
  annotations: {heddle.dev/proxy: heddle${more}}
spec: {nodeName: ${node}}
status: {podIP: ${name}, conditions: [{type: Ready, status: "True"}]}`;
  const PODS = [
    pod("10.0.0.1", "a", "n1"),
    pod("10.0.0.2", "a", "n2"),
    pod("10.0.0.3", "b", "n3"),
    pod("10.0.0.9", "a", "n1", ", heddle.dev/forward-proxy-port: '15080'"),
  ];
  const service = (fields: string, annotations = "") =>
    `{apiVersion: v1, kind: Service, metadata: {name: web${annotations}}, spec: {selector: {app: web}, ports: [{port: 80, name: http}]${fields}}}`;
  /** Endpoints that a client on n1 in zone a is told, `address priority`. */
  const told = (...objects: readonly string[]) => {
    const content = [WORLD, ...PODS, ...objects].join("\n---\n");
    const { mesh } = loadMesh([{ name: "f.yaml", content }], DEFAULT_SETTINGS);
    const client = mesh.workloads.find(({ labels }) => labels.app === "client")!;
    const snapshot = compileProxy(compileShared(mesh, new Map()), client)!;
    const [found] = [...resourcesOf(snapshot, "eds").values()];
    return decodeResource("eds", found!.bytes).endpoints.flatMap(({ lbEndpoints, priority }) =>
      lbEndpoints.map(({ hostIdentifier: { value } }) => {
        const address = typeof value === "object" ? value.address?.address.value : undefined;
        return `${address && "address" in address ? address.address : ""} ${priority}`;
      }),
    );
  };
  const ALIKE = ["10.0.0.1 0", "10.0.0.2 0", "10.0.0.3 0"];

  test("trafficDistribution prefers the client's zone or node, whether anybody is ejected or not", () => {
    expect(told(service(""))).toEqual(ALIKE);
    for (const name of ["PreferClose", "PreferSameZone"])
      expect(told(service(`, trafficDistribution: ${name}`))).toEqual(["10.0.0.1 0", "10.0.0.2 0", "10.0.0.3 1"]);
    expect(told(service(", trafficDistribution: PreferSameNode"))).toEqual(["10.0.0.1 0", "10.0.0.2 1", "10.0.0.3 2"]);
    for (const name of ["Unheard", "constructor"])
      expect(told(service(`, trafficDistribution: ${name}`))).toEqual(ALIKE);
  });

  test("Istio's annotation counts more, a DestinationRule's locality most", () => {
    const annotation = ", annotations: {networking.istio.io/traffic-distribution: PreferClose}";
    const preferring = service(", trafficDistribution: PreferSameNode", annotation);
    expect(told(preferring)).toEqual(["10.0.0.1 0", "10.0.0.2 0", "10.0.0.3 1"]);
    const rule = (balancing: string) =>
      `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: web}, spec: {host: web, trafficPolicy: {loadBalancer: ${balancing}}}}`;
    expect(told(preferring, rule("{localityLbSetting: {enabled: false}}"))).toEqual(ALIKE);
    expect(told(preferring, rule("{simple: RANDOM}"))).toEqual(["10.0.0.1 0", "10.0.0.2 0", "10.0.0.3 1"]);
  });

  test("internalTrafficPolicy Local leaves the endpoints of the client's node alone", () => {
    expect(told(service(", internalTrafficPolicy: Local"))).toEqual(["10.0.0.1 0"]);
    expect(told(service(", internalTrafficPolicy: Cluster"))).toEqual(ALIKE);
  });
});
