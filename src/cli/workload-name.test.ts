import { expect, test } from "bun:test";
import { workloadCalled } from "./workload-name.ts";

const PODS = [
  { id: 1, namespace: "shop", names: ["web-v1-1", "web-v1", "web"] },
  { id: 2, namespace: "shop", names: ["web", "web-v2", "other"] },
  { id: 3, namespace: "edge", names: ["gate-1", "gate", "edge"] },
];

const called = (text: string, own?: string) => workloadCalled(PODS, (one) => one, text, own)?.id;

test("the Pod's name counts before its owner's, that before its app's", () => {
  expect(called("web")).toBe(2);
  expect(called("web-v2")).toBe(2);
  expect(called("other.shop")).toBe(2);
  expect(called("shop/web-v1")).toBe(1);
});

test("a kind before a name, as kubectl and istioctl write it", () => {
  expect(called("deploy/web-v2")).toBe(2);
  expect(called("deployment.apps/web-v2.shop", "edge")).toBe(2);
  expect(called("pod/gate-1", "edge")).toBe(3);
  expect(called("pod/gate-1", "shop")).toBeUndefined();
  expect(called("service/gate-1")).toBeUndefined();
  const own = [...PODS, { id: 4, namespace: "deploy", names: ["web"] }];
  expect(workloadCalled(own, (one) => one, "deploy/web", undefined)?.id).toBe(4);
});

test("a name alone is one of the namespace that is asked in, any name where none is", () => {
  expect(called("gate", "shop")).toBeUndefined();
  expect(called("gate")).toBe(3);
  expect(called("edge/gate", "shop")).toBe(3);
  expect(called("gate.edge", "shop")).toBe(3);
  expect(called("shop/gate")).toBeUndefined();
});
