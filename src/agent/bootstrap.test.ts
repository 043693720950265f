// The bootstrap as its two readers take it: Envoy by its own validation, Heddle's proxy by what it needs of it.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { Secret } from "../base/secret.ts";
import { PEER_METADATA_VARIABLE } from "../stats/peer-metadata.ts";
import { type AgentSockets, metricsWorkload, peerMetadata, proxyBootstrap } from "./bootstrap.ts";
import { patchedBootstrap } from "./bootstrap-patch.ts";
import { proxyEnvironment } from "./proxy-environment.ts";
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

test("what the mesh says of the start is metadata of the node, as Istio's agent has it", () => {
  const environment = { ISTIO_META_TEAM: "shop", PLAIN: "x", ISTIO_META_NAME: "not this" };
  const start = { concurrency: 2, environment, bootstrap: [] };
  expect(proxyBootstrap(sidecar("heddle"), BESIDE, start)).toMatchObject({
    node: { metadata: { TEAM: "shop", NAME: "a-1", PROXY_CONFIG: { concurrency: 2, proxyMetadata: environment } } },
  });
  expect(JSON.stringify(proxyBootstrap(sidecar("heddle"), BESIDE))).not.toContain("PROXY_CONFIG");
});

test("variables that the mesh says reach the proxy, but for those that choose what code runs; who it is stays the agent's to say", () => {
  const said = {
    MINE: "1",
    LD_PRELOAD: "/tmp/a.so",
    NODE_OPTIONS: "-r /tmp/a",
    [PEER_METADATA_VARIABLE]: "somebody else",
  };
  const environment = proxyEnvironment(sidecar("heddle").workload, said);
  expect(environment.MINE).toBe("1");
  expect([environment.LD_PRELOAD, environment.NODE_OPTIONS]).toEqual([
    process.env.LD_PRELOAD,
    process.env.NODE_OPTIONS,
  ]);
  expect(environment[PEER_METADATA_VARIABLE]).toBe(peerMetadata(sidecar("heddle").workload));
});

const CONNECTION_LIMIT = {
  overload_manager: {
    resource_monitors: [
      {
        name: "envoy.resource_monitors.global_downstream_max_connections",
        typed_config: {
          "@type":
            "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
          max_active_downstream_connections: 5,
        },
      },
    ],
  },
};

describe("patches to the bootstrap", () => {
  const patch = (value: object, replacesLists = false) => ({
    json: JSON.stringify(value),
    replacesLists,
    origin: "EnvoyFilter shop/a",
  });

  test("merge into it one after the other; lists grow, or are replaced", () => {
    const made = proxyBootstrap(sidecar("envoy"), BESIDE);
    const tag = (name: string) => ({ stats_config: { stats_tags: [{ tag_name: name, fixed_value: "1" }] } });
    const patched = patchedBootstrap(made, [patch(tag("a")), patch(tag("b")), patch({ node: { cluster: "mine" } })]);
    expect(patched).toMatchObject({
      stats_config: { stats_tags: [{ tag_name: "a" }, { tag_name: "b" }] },
      node: { id: "sidecar~127.0.0.1~a-1.default~default.svc.cluster.local", cluster: "mine" },
    });
    expect(patchedBootstrap(made, [patch(tag("a")), patch(tag("b"), true)])).toMatchObject({
      stats_config: { stats_tags: [{ tag_name: "b" }] },
    });
  });

  test("bring their own layer of the admin interface, of which Envoy takes one", () => {
    const layers = (bootstrap: ReturnType<typeof patch>[]) =>
      (proxyBootstrap(sidecar("envoy"), BESIDE, { environment: {}, bootstrap }) as Record<string, unknown>)
        .layered_runtime;
    const own = { name: "regular-expressions", static_layer: { "re2.max_program_size.error_level": 32_768 } };
    expect(layers([])).toEqual({ layers: [own, { name: "admin", admin_layer: {} }] });
    expect(layers([patch({ stats_flush_interval: "7s" })])).toEqual({
      layers: [own, { name: "admin", admin_layer: {} }],
    });
    expect(layers([patch({ layered_runtime: { layers: [{ name: "admin", admin_layer: {} }] } })])).toEqual({
      layers: [own],
    });
  });

  test("leave what Envoy takes", () => {
    if (!envoy) return;
    const file = join(folder, "patched.json");
    const made = proxyBootstrap(sidecar("envoy"), BESIDE);
    const value = {
      layered_runtime: { layers: [{ name: "mine", static_layer: { "a.b": 1 } }] },
      stats_flush_interval: "7s",
      ...CONNECTION_LIMIT,
    };
    writeFileSync(file, JSON.stringify(patchedBootstrap(made, [patch(value)])));
    const { exitCode, stderr } = Bun.spawnSync([envoy, "--mode", "validate", "-c", file, "-l", "error"]);
    expect({ exitCode, text: stderr.toString() }).toMatchObject({ exitCode: 0 });
  });
});
