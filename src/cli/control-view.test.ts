import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import type { Compilation } from "../control/pipeline.ts";
import { loadMesh } from "../dialect/load.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { workloadKey } from "../model/workload.ts";
import { NodeSchema } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { ControlView } from "./control-view.ts";

const pod = (name: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, annotations: {heddle.dev/proxy: envoy}}
spec: {containers: [{name: app, image: x}]}
status: {phase: Running, podIP: 10.0.0.1}
---`;

function compilation(...pods: readonly string[]): Compilation {
  const { mesh } = loadMesh([{ name: "mesh.yaml", content: pods.map(pod).join("") }], DEFAULT_SETTINGS);
  return {
    mesh,
    snapshots: new Map(),
    verdicts: new Map(),
    overruled: [],
    findings: [],
    tookMs: 0,
    changedAt: 0,
  };
}

const ENVOY = create(NodeSchema, {
  id: "cart",
  userAgentName: "envoy",
  userAgentVersionType: {
    case: "userAgentBuildVersion",
    value: { version: { majorNumber: 1, minorNumber: 40, patch: 0 } },
  },
});

function view(): ControlView {
  return new ControlView({
    version: "0.1.0",
    controlPlane: "here",
    startedAtMs: 0,
    settings: DEFAULT_SETTINGS,
    rootExpiresAtMs: undefined,
  });
}

const CART = workloadKey({ cluster: DEFAULT_SETTINGS.cluster, namespace: "shop", name: "cart" });
const versions = (seen: ControlView) => seen.proxies().map(({ name, proxyVersion }) => `${name} ${proxyVersion}`);

test("a proxy's version is what it said last, also when it is gone; until then nobody knows it", () => {
  const seen = view();
  seen.update(compilation("cart", "web"));
  expect(versions(seen)).toEqual(["cart unknown", "web unknown"]);
  seen.onConnected(CART, ENVOY);
  expect(versions(seen)).toEqual(["cart 1.40.0", "web unknown"]);
});

test("what is remembered of a workload goes with it", () => {
  const seen = view();
  seen.update(compilation("cart"));
  seen.onConnected(CART, ENVOY);
  seen.update(compilation("web"));
  seen.update(compilation("cart"));
  expect(versions(seen)).toEqual(["cart unknown"]);
});
