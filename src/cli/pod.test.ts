import { expect, test } from "bun:test";
import { translate } from "../dialect/dialects.ts";
import { sourceObject } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { type PodPlan, podOf, serviceOf, statusOf } from "./pod.ts";

const PLAN: PodPlan = {
  app: "golden-signal",
  version: "v2",
  name: "golden-signal-v2-abcde",
  namespace: "shop",
  serviceAccount: "golden",
  workloadName: "golden-signal-v2",
  address: "127.0.0.1",
  port: 8082,
  servicePort: 80,
  protocol: "http",
  proxy: "heddle",
  captured: false,
  machineAddress: undefined,
  ports: { admin: 1, inbound: 2, mesh: 3, status: 4, forwardProxy: 5 },
  upstreams: [{ port: 9191, host: "other", servicePort: 81 }],
};

/** The workload that the control plane makes of a plan. */
function workloadOf(plan: PodPlan) {
  const objects = [
    { ...podOf(plan), status: statusOf(plan, { ready: true }, "2026-01-01T00:00:00Z") },
    serviceOf(plan),
  ];
  const sources = objects.flatMap((object) => {
    const read = sourceObject(object);
    return read.kind === "object" ? [read.object] : [];
  });
  const { parts, results } = translate(sources, DEFAULT_SETTINGS);
  expect(results.flatMap(({ diagnostics }) => diagnostics)).toEqual([]);
  return { workload: parts.workloads[0]!, service: parts.services[0]! };
}

test("the control plane reads back what was planned", () => {
  const { workload, service } = workloadOf(PLAN);
  expect(workload).toMatchObject({
    namespace: "shop",
    name: "golden-signal-v2-abcde",
    workloadName: "golden-signal-v2",
    canonicalName: "golden-signal",
    canonicalRevision: "v2",
    serviceAccount: "golden",
    health: "healthy",
    addresses: ["127.0.0.1"],
    ports: [{ name: "http", number: 8082 }],
    proxy: {
      kind: "heddle",
      meshPort: 3,
      bindAddress: "127.0.0.1",
      inboundPorts: [{ application: 8082, plaintext: 2 }],
      forwardProxyPort: 5,
      upstreams: [{ port: 9191, host: "other.shop.svc.cluster.local", servicePort: 81 }],
      capture: undefined,
    },
  });
  expect(service).toMatchObject({
    host: "golden-signal.shop.svc.cluster.local",
    ports: [{ number: 80, name: "http", protocol: "http", target: "http" }],
    selector: { namespace: "shop", labels: { app: "golden-signal" } },
  });
});

test("a captured program has neither forward proxy nor a port that stands in for its own", () => {
  const { workload } = workloadOf({ ...PLAN, captured: true, machineAddress: "10.231.255.254", upstreams: [] });
  expect(workload.proxy).toMatchObject({
    inboundPorts: [],
    forwardProxyPort: undefined,
    capture: { outboundPort: 15_001, inboundPort: 15_006, machineAddress: "10.231.255.254" },
  });
});

test("a program that only calls serves nothing, and one that is draining takes nothing new", () => {
  const { port: _, ...caller } = PLAN;
  const { workload } = workloadOf({ ...caller, port: undefined });
  expect(workload.ports).toEqual([]);
  expect(workload.proxy?.inboundPorts).toEqual([]);
  expect(statusOf(PLAN, { ready: false, reason: "Draining" }, "now").conditions).toEqual([
    { type: "Ready", status: "False", lastTransitionTime: "now", reason: "Draining" },
  ]);
});
