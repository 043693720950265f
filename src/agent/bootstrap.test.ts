// The bootstrap as its two readers take it: Envoy by its own validation, Heddle's proxy by what it needs of it.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { Secret } from "../base/secret.ts";
import { type AgentSockets, metricsWorkload, proxyBootstrap } from "./bootstrap.ts";
import type { ProxyKind, Sidecar } from "./sidecar.ts";

const envoy = findComponent("envoy");
const folder = mkdtempSync(join(tmpdir(), "heddle-bootstrap-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TOKEN = "a-join-token";
const IDENTITY = "spiffe://cluster.local/ns/heddle-system/sa/heddle";
const BESIDE: AgentSockets = { agent: join(folder, "agent.sock"), controlPlane: undefined };

function sidecar(proxy: ProxyKind, labels: Readonly<Record<string, string>> = { app: "a", version: "v1" }): Sidecar {
  return {
    proxy,
    workload: {
      name: "a-1",
      namespace: "default",
      serviceAccount: "a",
      trustDomain: "cluster.local",
      clusterId: "Kubernetes",
      address: "127.0.0.1",
      labels,
      workloadName: "a-v1",
    },
    ports: { admin: 15_000, status: 15_020 },
    controlPlane: { host: "localhost", port: 15_012, roots: "", identity: IDENTITY },
    token: new Secret(TOKEN),
    folder,
  };
}

test("names the node as Istio does, and whose certificate the control plane must show; the token is not in it", () => {
  const bootstrap = proxyBootstrap(sidecar("heddle"), BESIDE);
  expect(bootstrap).toMatchObject({
    node: {
      id: "sidecar~127.0.0.1~a-1.default~default.svc.cluster.local",
      cluster: "a.default",
      user_agent_name: "heddle",
      metadata: { NAME: "a-1", NAMESPACE: "default", SERVICE_ACCOUNT: "a", CLUSTER_ID: "Kubernetes" },
    },
    admin: { address: { socket_address: { address: "127.0.0.1" } } },
  });
  expect(JSON.stringify(bootstrap)).toContain(`"exact":"${IDENTITY}"`);
  expect(JSON.stringify(bootstrap)).not.toContain(TOKEN);
});

test("leads to the control plane through the agent's relay where there is one", () => {
  const text = (sockets: AgentSockets) => JSON.stringify(proxyBootstrap(sidecar("heddle"), sockets));
  expect(text(BESIDE)).toContain('"port_value":15012');
  const captured = text({ ...BESIDE, controlPlane: join(folder, "control.sock") });
  expect(captured).toContain(join(folder, "control.sock"));
  expect(captured).not.toContain('"port_value":15012');
});

test("a workload without labels has a canonical name and revision all the same", () => {
  expect(metricsWorkload(sidecar("heddle", {}).workload)).toMatchObject({
    canonicalName: "a-v1",
    canonicalRevision: "latest",
  });
});

describe.skipIf(envoy === undefined && process.env.CI !== "true")("envoy", () => {
  test.each([BESIDE, { ...BESIDE, controlPlane: join(folder, "control.sock") }])(
    "accepts it: %j",
    async (sockets) => {
      const file = join(folder, "bootstrap.json");
      writeFileSync(file, JSON.stringify(proxyBootstrap(sidecar("envoy"), sockets)));
      const child = Bun.spawn([envoy!, "--mode", "validate", "-c", file, "-l", "error"], {
        stdout: "pipe",
        stderr: "pipe",
      });
      const log = await new Response(child.stderr).text();
      expect(`${await child.exited} ${log}`).toBe("0 ");
    },
    10_000,
  );
});
