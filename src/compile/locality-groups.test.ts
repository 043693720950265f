import { expect, test } from "bun:test";
import type { ClientSettings } from "../model/client-policy.ts";
import { type LocalityPreference, NEAREST_FIRST } from "../model/locality-preference.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { effectiveSettings } from "./client-settings.ts";
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
