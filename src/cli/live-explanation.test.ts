// Explanations by what proxies say that they run, from the JSON of their admin interfaces on.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileProxy, compileShared } from "../compile/compile.ts";
import type { ProxySnapshot } from "../compile/proxy-snapshot.ts";
import { loadMesh } from "../dialect/load.ts";
import { Explainer } from "../explain/explain.ts";
import { explainLive } from "../explain/explain-live.ts";
import type { Acknowledgement, LiveProxies, LiveProxy } from "../explain/live.ts";
import type { Question } from "../explain/question.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { type Workload, workloadKey } from "../model/workload.ts";
import { messagesOf } from "../xds/resource-json.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { SEND_ORDER } from "../xds/type-urls.ts";
import { readDump } from "./proxy-dump.ts";
import { runningHosts, runningResources } from "./running-resources.ts";

const WORLD = readFileSync(join(import.meta.dir, "../../test/golden/compile/world.yaml"), "utf8");
const HOST = "golden-signal.default.svc.cluster.local";
const CLUSTER = `outbound|80||${HOST}`;
const SYNCED: Acknowledgement = { kind: "connected", missing: [], more: 0 };

function load(...documents: readonly string[]) {
  return loadMesh([{ name: "world.yaml", content: [WORLD, ...documents].join("\n---\n") }], DEFAULT_SETTINGS);
}

const TEAPOT = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: golden-signal, namespace: default}
spec: {hosts: [golden-signal], http: [{directResponse: {status: 418}}]}`;

const GUARD = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: guard, namespace: default}
spec: {selector: {matchLabels: {app: golden-signal}}, action: DENY, rules: [{}]}`;

type Loaded = ReturnType<typeof load>;

function workloadOf({ mesh }: Loaded, name: string): Workload {
  return mesh.workloads.find((workload) => workload.name === name)!;
}

function snapshotOf(loaded: Loaded, name: string): ProxySnapshot {
  return compileProxy(compileShared(loaded.mesh, new Map()), workloadOf(loaded, name))!;
}

/** As `heddle compile -o json` and a dump have them. */
function dumpOf(snapshot: ProxySnapshot) {
  const resources = SEND_ORDER.map((kind) => [
    kind,
    [...messagesOf(snapshot, kind)].map(([name, resource]) => ({ name, resource })),
  ]);
  return readDump(JSON.stringify({ resources: Object.fromEntries(resources) }), "test");
}

function running(snapshot: ProxySnapshot, clusters: object = {}): LiveProxy["running"] {
  return { kind: "told", resources: runningResources(dumpOf(snapshot)), hosts: runningHosts({ ...clusters }) };
}

function questionOf(loaded: Loaded, path = "/"): Question {
  const workload = workloadOf(loaded, "client");
  const url = new URL(`http://golden-signal${path}`);
  const common = { method: "GET", headers: [], sourceAddress: "127.0.0.1", claims: undefined };
  return { ...common, entry: { kind: "sidecar", workload }, url };
}

function liveOf(loaded: Loaded, proxies: Readonly<Record<string, LiveProxy>>): LiveProxies {
  return new Map(Object.entries(proxies).map(([name, live]) => [workloadKey(workloadOf(loaded, name)), live]));
}

function explained(loaded: Loaded, proxies: Readonly<Record<string, LiveProxy>>) {
  return new Explainer(loaded.mesh, loaded.sources, liveOf(loaded, proxies)).explain(questionOf(loaded));
}

const configurationOf = ({ steps }: ReturnType<typeof explained>) =>
  steps.filter(({ stage }) => stage === "configuration").map(({ decision }) => decision);

test("what a dump shows is read back to the byte", () => {
  const snapshot = snapshotOf(load(TEAPOT), "client");
  const read = runningResources(dumpOf(snapshot));
  const versions = (resources: ProxySnapshot["resources"], kind: "cds" | "lds" | "rds" | "vhds" | "eds") =>
    [...resourcesOf({ version: "", resources }, kind).values()].map(({ name, version }) => `${name} ${version}`).sort();
  for (const kind of ["cds", "eds", "lds", "rds", "vhds"] as const)
    expect(versions(read, kind)).toEqual(versions(snapshot.resources, kind));
});

describe("a proxy", () => {
  test("that runs older resources decides by them, and it is told what it has not acknowledged", () => {
    const [before, now] = [load(), load(TEAPOT)];
    const name = `forwardProxy/${HOST}:80`;
    const acknowledgement: Acknowledgement = {
      kind: "connected",
      missing: [{ kind: "vhds", name, refusal: "no teapots" }],
      more: 2,
    };
    const older = { acknowledgement, running: running(snapshotOf(before, "client")) };
    const explanation = explained(now, { client: older });
    expect(explanation.outcome).toBe("forward");
    expect(configurationOf(explanation)).toEqual([
      `default/client: this proxy has not acknowledged virtual host ${name} (refused: no teapots) and 2 more: there it runs what it had before`,
      "default/client: decided by what the proxy says that it runs",
    ]);
    const newer = { acknowledgement: SYNCED, running: running(snapshotOf(now, "client")) };
    expect(explained(now, { client: newer })).toMatchObject({ outcome: "direct", status: 418 });
  });

  test("that nobody can ask is taken to run what it is to have", () => {
    const silent = { kind: "silent", why: "connection refused" } as const;
    const explanation = explained(load(TEAPOT), {
      client: { acknowledgement: { kind: "disconnected" }, running: silent },
    });
    expect(explanation.status).toBe(418);
    expect(configurationOf(explanation)).toEqual([
      "default/client: this proxy is not connected to the control plane: it runs what it got before",
      "default/client: decided by what the proxy is to have: it cannot be asked (connection refused)",
    ]);
  });

  test("has endpoints that it ejected, that fail its checks, and that drain", () => {
    const loaded = load();
    const addresses = ["127.0.0.1:15008", "127.0.0.1:15108"];
    const host = (port: number, health_status: object) => ({
      address: { socket_address: { address: "127.0.0.1", port_value: port } },
      health_status,
    });
    const ask = (one: object, two: object) => {
      const clusters = { cluster_statuses: [{ name: CLUSTER, host_statuses: [host(15008, one), host(15108, two)] }] };
      const live = { acknowledgement: SYNCED, running: running(snapshotOf(loaded, "client"), clusters) };
      return explained(loaded, { client: live });
    };
    const healths = ({ clusters }: ReturnType<typeof explained>) =>
      clusters[0]!.endpoints.map(({ address, health }) => `${address} ${health}`);
    const ejected = ask({ failed_outlier_check: true }, {});
    expect(healths(ejected)).toEqual([`${addresses[0]} ejected`, `${addresses[1]} healthy`]);
    expect(ejected.steps.find(({ stage }) => stage === "client TLS")?.decision).toContain(addresses[1]!);
    const failing = ask({ failed_active_health_check: true }, { eds_health_status: "DRAINING" });
    expect(healths(failing)).toEqual([`${addresses[0]} failing-checks`, `${addresses[1]} draining`]);
    expect(failing).toMatchObject({ outcome: "reject", status: 503, flags: ["UH"] });
  });
});

test("the client is asked first, and then the servers of its endpoints, whose older policies count", async () => {
  const [before, now] = [load(), load(GUARD)];
  const asked: string[] = [];
  const ask = async (workloads: readonly Workload[]) => {
    asked.push(workloads.map(({ name }) => name).join());
    const proxies = workloads.map(({ name }) => {
      const from = name === "client" ? now : before;
      return [name, { acknowledgement: SYNCED, running: running(snapshotOf(from, name)) }] as const;
    });
    return liveOf(now, Object.fromEntries(proxies));
  };
  const explanation = await explainLive(now.mesh, now.sources, questionOf(now), ask);
  expect(asked).toEqual(["client", "golden-signal-v1,golden-signal-v2"]);
  expect(explanation.authz?.decision).toBe("allow");
  expect(new Explainer(now.mesh, now.sources).explain(questionOf(now)).authz?.decision).toBe("deny");
});
