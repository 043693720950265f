// The status of objects, from the API to proxies that answer and back: what is accepted, on how many proxies it is, and who is in its way.

import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { until } from "../../base/until-fixture.ts";
import { readObjects } from "../../dialect/object.ts";
import type { CallHandler, ServerCall } from "../../grpc/server.ts";
import { newApi } from "../../kube/api/harness.ts";
import { KubeClient } from "../../kube/client/client.ts";
import { embeddedConnection } from "../../kube/client/connection.ts";
import { isJsonObject } from "../../kube/json.ts";
import { resourceByKind } from "../../kube/resources.ts";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { DeltaClient } from "../../xds/delta-client.ts";
import { NodeSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "../../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { Update } from "../../xds/update.ts";
import { ControlPlane } from "../control-plane.ts";
import type { Compilation } from "../pipeline.ts";
import { ApiSource } from "../source/api.ts";
import type { Source } from "../source/source.ts";
import { conditionsOf, merged } from "./condition.ts";
import { ObjectStatus } from "./object-status.ts";

/** Three workloads whose proxies all carry the calls of their applications. */
const WORLD = readFileSync(join(import.meta.dir, "../../../test/golden/compile/world.yaml"), "utf8").replaceAll(
  "heddle.dev/inbound-ports:",
  'heddle.dev/forward-proxy-port: "15080"\n    heddle.dev/inbound-ports:',
);
const DEBOUNCE = { quietMs: 5, maxMs: 50 };
const PACE = { firstMs: 5, maxMs: 20, startMs: 20 };
const NEVER_MS = 3_600_000;

const WORKLOADS: Source = {
  name: "the test",
  start(listener) {
    for (const object of readObjects("world.yaml", WORLD).objects) listener.onObject(object);
    listener.onSynced();
  },
  stop() {},
};

function folderOf(text: string): Source {
  return {
    name: "the folder",
    start(listener) {
      for (const object of readObjects("folder.yaml", text).objects) listener.onObject(object);
      listener.onSynced();
    },
    stop() {},
  };
}

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0).reverse()) stop();
});

/** A proxy on a stream of its own that answers when it is told to. */
class TestProxy {
  readonly #client: DeltaClient;
  readonly #handler: CallHandler;
  readonly #control: ControlPlane;
  readonly #pod: string;
  /** What it has not answered. */
  readonly waiting: Update[] = [];
  mode: "accept" | "hold" = "accept";

  constructor(control: ControlPlane, pod: string, account: string) {
    this.#control = control;
    this.#pod = pod;
    const id = `sidecar~127.0.0.1~${pod}.default~default.svc.cluster.local`;
    this.#client = new DeltaClient(create(NodeSchema, { id, userAgentName: "heddle" }));
    for (const kind of ["cds", "lds", "vhds"] as const) this.#client.wantAll(kind);
    const call: Pick<ServerCall, "peer" | "sendParts" | "end"> = {
      peer: {
        principal: `spiffe://cluster.local/ns/default/sa/${account}`,
        address: "127.0.0.1:1",
        certificate: undefined,
      },
      sendParts: (parts: readonly Uint8Array[]) => {
        const message = Buffer.concat(parts);
        queueMicrotask(() => this.#receive(message));
        return true;
      },
      end() {},
    };
    this.#handler = control.discovery.method(call as ServerCall);
    this.#client.opened();
    this.#send();
  }

  #receive(message: Buffer): void {
    const update = this.#client.receive(fromBinary(DeltaDiscoveryResponseSchema, message));
    if (!update) return;
    if (update.kind === "lds") this.#client.want("rds", this.#routes());
    if (this.mode === "hold") this.waiting.push(update);
    else this.#answer(update, undefined);
  }

  /** All that its listeners name. */
  #routes(): ReadonlySet<string> {
    const own = [...this.#control.discovery.streams].find(({ workload }) => workload?.name === this.#pod);
    return new Set(own?.snapshot?.resources.rds?.keys());
  }

  /** Answers all that waits; `reason` refuses it. */
  answer(reason?: string): void {
    for (const update of this.waiting.splice(0)) this.#answer(update, reason);
  }

  #answer(update: Update, reason: string | undefined): void {
    const refused = reason === undefined ? [] : update.resources.map(({ name }) => ({ name, path: "", reason }));
    this.#client.answer(update, refused);
    this.#send();
  }

  #send(): void {
    for (let request = this.#client.next(); request; request = this.#client.next())
      this.#handler.onMessage(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)));
  }

  close(): void {
    this.#handler.onCancel();
  }
}

async function mesh(watched = "", pace = PACE) {
  const { api } = newApi();
  const client = new KubeClient(embeddedConnection(api), "test");
  const compiled: Compilation[] = [];
  const written: string[] = [];
  const source: ApiSource = new ApiSource(client, (object) => {
    written.push(object.origin.name);
    status.onWritten(object);
  });
  const status = new ObjectStatus({
    client,
    held: () => source.held,
    proxies: () => control.discovery.progress(),
    debounce: DEBOUNCE,
    pace,
  });
  const control: ControlPlane = new ControlPlane({
    settings: DEFAULT_SETTINGS,
    debounce: DEBOUNCE,
    sources: [folderOf(watched), source, WORKLOADS],
    onConnected() {},
    onDisconnected() {},
    onCompiled(compilation) {
      compiled.push(compilation);
      status.onCompiled(compilation);
    },
    onProgress: () => status.touch(),
  });
  await control.start();
  stops.push(() => {
    status.stop();
    control.stop();
  });
  const get = async (kind: string, name: string) => {
    const found = await client.get(typeOf({ apiVersion: groupOf(kind), kind }), { namespace: "default", name });
    return found!;
  };
  return {
    client,
    compiled,
    written,
    get,
    inForce: () => [...status.inForce()],
    apply: async (text: string) => {
      for (const { value } of readObjects("f.yaml", text).objects)
        await client.apply(typeOf(value), value as never, { force: true });
    },
    proxy: (pod: string, account: string) => new TestProxy(control, pod, account),
    /** `True Programmed: 1 of 1 proxy`. */
    said: async (kind: string, name: string, type: string) => {
      const object = await get(kind, name);
      const found = conditionsOf(object).find((condition) => isJsonObject(condition) && condition.type === type);
      if (!isJsonObject(found) || found.observedGeneration !== object.metadata.generation) return "";
      return `${found.status} ${found.reason}: ${found.message}`;
    },
  };
}

function groupOf(kind: string): string {
  if (kind === "Telemetry") return "telemetry.istio.io/v1";
  return ["PeerAuthentication", "AuthorizationPolicy", "RequestAuthentication"].includes(kind)
    ? "security.istio.io/v1"
    : "networking.istio.io/v1";
}

function typeOf({ apiVersion, kind }: { readonly apiVersion?: unknown; readonly kind?: unknown }) {
  const [group = "", version] = String(apiVersion).split("/");
  return resourceByKind(version === undefined ? "" : group, String(kind))!;
}

function virtualService(name: string, timeout = "1s", more = ""): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: default }
spec: { hosts: [golden-signal], ${more} http: [{ timeout: ${timeout}, route: [{ destination: { host: golden-signal } }] }] }
`;
}

/** It takes no host from another. */
function elsewhere(name: string): string {
  return virtualService(name).replace("hosts: [golden-signal]", "hosts: [elsewhere]");
}

const SECURITY = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict, namespace: default }
spec: { mtls: { mode: STRICT } }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: allow, namespace: default }
spec: { selector: { matchLabels: { version: v1 } }, rules: [{}] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: rule, namespace: default }
spec: { host: golden-signal, trafficPolicy: { connectionPool: { tcp: { maxConnections: 7 } } } }
`;

test("an object is programmed when every proxy that it concerns has acknowledged what comes from it", async () => {
  const { apply, proxy, said } = await mesh();
  await apply(virtualService("web"));
  await until("no proxies", async () => (await said("VirtualService", "web", "Programmed")).includes("NoProxies"));
  expect(await said("VirtualService", "web", "Accepted")).toBe("True Accepted: ");
  const first = proxy("client", "client");
  const second = proxy("golden-signal-v1", "golden-signal");
  const third = proxy("golden-signal-v2", "golden-signal");
  const count = (text: string) => until(text, async () => (await said("VirtualService", "web", "Programmed")) === text);
  await count("True Programmed: 3 of 3 proxies");
  first.mode = second.mode = "hold";
  await apply(virtualService("web", "2s"));
  await count("False Pending: 1 of 3 proxies");
  expect(await said("VirtualService", "web", "Reconciled")).toBe("False Pending: 1/3 proxies up to date.");
  first.mode = "accept";
  first.answer();
  await count("False Pending: 2 of 3 proxies");
  second.mode = "accept";
  second.answer("no room");
  await until("the refusal", async () =>
    (await said("VirtualService", "web", "Programmed")).startsWith("False Refused"),
  );
  const refusal = await said("VirtualService", "web", "Programmed");
  expect(refusal).toStartWith("False Refused: 2 of 3 proxies; default/golden-signal-v1 refused ");
  expect(refusal).toContain("no room");
  second.close();
  await count("True Programmed: 2 of 2 proxies");
  third.close();
  first.close();
  await until("none", async () => (await said("VirtualService", "web", "Programmed")).includes("NoProxies"));
});

test("while proxies start, objects that were told of before wait for how it ends", async () => {
  const { apply, proxy, said, written } = await mesh("", { ...PACE, startMs: NEVER_MS });
  const programmed = (name: string) => said("VirtualService", name, "Programmed");
  await apply(virtualService("web"));
  await until("no proxies", async () => (await programmed("web")).includes("NoProxies"));
  const proxies = [proxy("client", "client"), proxy("golden-signal-v1", "golden-signal")];
  for (const each of proxies) each.mode = "hold";
  await until("responses", () => proxies.every(({ waiting }) => waiting.length > 0));
  // A new object is told of at once, whoever starts.
  await apply(elsewhere("other"));
  await until("the other", async () => (await programmed("other")) === "False Pending: 0 of 2 proxies");
  expect(await programmed("web")).toStartWith("True NoProxies");
  expect(written.filter((name) => name === "web").length).toBe(1);
  for (const each of proxies) {
    each.mode = "accept";
    each.answer();
  }
  await until("programmed", async () => (await programmed("web")) === "True Programmed: 2 of 2 proxies");
});

test("a count alone waits, whoever waits for an answer does not", async () => {
  const { apply, proxy, said, written } = await mesh("", { firstMs: NEVER_MS, maxMs: NEVER_MS, startMs: 0 });
  const programmed = (name: string) => said("VirtualService", name, "Programmed");
  const first = proxy("client", "client");
  await apply(virtualService("web"));
  await until("programmed", async () => (await programmed("web")) === "True Programmed: 1 of 1 proxy");
  const before = written.length;
  const second = proxy("golden-signal-v1", "golden-signal");
  await apply(elsewhere("other"));
  await until("the other", async () => (await programmed("other")) === "True Programmed: 2 of 2 proxies");
  expect(await programmed("web")).toBe("True Programmed: 1 of 1 proxy");
  expect(written.slice(before)).not.toContain("web");
  first.mode = second.mode = "hold";
  await apply(virtualService("web", "2s"));
  await until("the edit", async () => (await programmed("web")) === "False Pending: 0 of 2 proxies");
  second.mode = "accept";
  second.answer("no room");
  await until("the refusal", async () => (await programmed("web")).startsWith("False Refused: 0 of 2 proxies"));
  first.mode = "accept";
  first.answer();
  await apply(virtualService("web", "3s"));
  await until("programmed", async () => (await programmed("web")) === "True Programmed: 2 of 2 proxies");
});

test("what concerns servers is counted where it is enforced", async () => {
  const { apply, proxy, said } = await mesh();
  await apply(SECURITY);
  for (const pod of ["golden-signal-v1", "golden-signal-v2"]) proxy(pod, "golden-signal");
  proxy("client", "client");
  const programmed = (kind: string, name: string, text: string) =>
    until(`${kind} ${text}`, async () => (await said(kind, name, "Programmed")) === `True Programmed: ${text}`);
  await programmed("AuthorizationPolicy", "allow", "1 of 1 proxy");
  await programmed("PeerAuthentication", "strict", "2 of 2 proxies");
  await programmed("DestinationRule", "rule", "3 of 3 proxies");
});

const WHOLE = `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: narrow, namespace: default }
spec: { workloadSelector: { labels: { app: client } }, egress: [{ hosts: ["~/*"] }] }
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: quiet, namespace: default }
spec: { accessLogging: [{ disabled: true }] }
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: nobodys, namespace: default }
spec: { configPatches: [{ applyTo: CLUSTER, match: { context: SIDECAR_OUTBOUND }, patch: { operation: REMOVE } }] }
`;

test("what no resource shows is counted where it holds, once the proxy is up to date", async () => {
  const { apply, proxy, said } = await mesh();
  const client = proxy("client", "client");
  for (const pod of ["golden-signal-v1", "golden-signal-v2"]) proxy(pod, "golden-signal");
  const programmed = (kind: string, name: string, text: string) =>
    until(`${kind} ${text}`, async () => (await said(kind, name, "Programmed")) === text);
  await apply(WHOLE);
  await programmed("Sidecar", "narrow", "True Programmed: 1 of 1 proxy");
  await programmed("Telemetry", "quiet", "True Programmed: 3 of 3 proxies");
  // Heddle's proxies take no patches.
  await programmed("EnvoyFilter", "nobodys", "True NoProxies: no connected proxy is configured by it");
  client.mode = "hold";
  await apply(WHOLE.replace('"~/*"', '"./*"'));
  await programmed("Sidecar", "narrow", "False Pending: 0 of 1 proxy");
  client.answer();
  client.mode = "accept";
  client.answer();
  await programmed("Sidecar", "narrow", "True Programmed: 1 of 1 proxy");
});

test("objects of a folder are told of, too, and written nowhere", async () => {
  const { apply, proxy, said, inForce, get } = await mesh(virtualService("written"));
  proxy("client", "client");
  await apply(elsewhere("held"));
  await until("the other", async () => (await said("VirtualService", "held", "Accepted")) !== "");
  const told = () => new Map(inForce().map(({ origin, conditions }) => [origin.name, conditions]));
  await until("programmed", () => told().get("written")?.[1]?.message === "1 of 1 proxy");
  expect([...told().keys()].sort()).toEqual(["held", "written"]);
  expect(
    told()
      .get("written")
      ?.map(({ type, status }) => `${type}=${status}`),
  ).toEqual(["Accepted=True", "Programmed=True", "Reconciled=True", "Conflicted=False"]);
  expect(await get("VirtualService", "written")).toBeUndefined();
});

test("a rejected object is told why, and that the version before is in force", async () => {
  const { apply, said, client } = await mesh();
  await apply(virtualService("web"));
  await until("accepted", async () => (await said("VirtualService", "web", "Accepted")) === "True Accepted: ");
  await apply(virtualService("web", "soon"));
  await until("rejected", async () => (await said("VirtualService", "web", "Accepted")).startsWith("False Rejected"));
  expect(await said("VirtualService", "web", "Accepted")).toMatch(
    /^False Rejected: HED\d+ spec\.http\[0\]\.timeout: .*; the version before is in force$/,
  );
  expect(await said("VirtualService", "web", "Programmed")).toStartWith("False Rejected: the version before is on ");
  await apply(virtualService("new", "soon"));
  await until("rejected", async () => (await said("VirtualService", "new", "Accepted")).startsWith("False Rejected"));
  expect(await said("VirtualService", "new", "Programmed")).toBe("False Rejected: it was not accepted");
  await client.delete(typeOf({ apiVersion: "networking.istio.io/v1", kind: "VirtualService" }), {
    namespace: "default",
    name: "new",
  });
});

test("two that conflict are both told, each with the other's name", async () => {
  const { apply, said } = await mesh();
  await apply(virtualService("first"));
  await apply(virtualService("second"));
  const conflicted = (name: string) => said("VirtualService", name, "Conflicted");
  const host = "host golden-signal.default.svc.cluster.local in the mesh";
  await until("the conflict", async () => (await conflicted("second")).startsWith("True"));
  await until("the conflict", async () => (await conflicted("first")).startsWith("True"));
  expect([await conflicted("first"), await conflicted("second")]).toEqual([
    `True Prevails: ${host} is claimed by VirtualService default/second as well: this one is older and counts`,
    `True Shadowed: ${host} is claimed by VirtualService default/first as well: VirtualService default/first is older and counts`,
  ]);
  await apply(virtualService("second", "1s", "exportTo: [.],"));
  await until("no conflict", async () => (await conflicted("second")) === "False NoConflicts: ");
  await until("no conflict", async () => (await conflicted("first")) === "False NoConflicts: ");
});

test("a status compiles nothing, is written once, and is put back where somebody wrote over it", async () => {
  const { apply, said, compiled, get, client, proxy } = await mesh();
  await apply(virtualService("web"));
  proxy("client", "client");
  await until("programmed", async () => (await said("VirtualService", "web", "Programmed")).includes("1 of 1"));
  const before = { compiled: compiled.length, version: (await get("VirtualService", "web")).metadata.resourceVersion };
  await apply(elsewhere("other"));
  await until("the other", async () => (await said("VirtualService", "other", "Accepted")) !== "");
  expect((await get("VirtualService", "web")).metadata.resourceVersion).toBe(before.version);
  const after = compiled.length;
  const type = typeOf(await get("VirtualService", "web"));
  const theirs = {
    type: "example.com/Seen",
    status: "True",
    reason: "Seen",
    message: "",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  };
  await client.patch(
    type,
    { namespace: "default", name: "web" },
    { kind: "merge", patch: { status: { conditions: [theirs] } } },
    { subresource: "status" },
  );
  await until("put back", async () => (await said("VirtualService", "web", "Accepted")) === "True Accepted: ");
  expect(conditionsOf(await get("VirtualService", "web"))[0]).toEqual(theirs);
  // The other's condition is news to a dialect; ours are not.
  await until("compiled", () => compiled.length === after + 1);
  expect(compiled.length).toBe(after + 1);
});

test("the time of a condition is that of its last change of status", () => {
  const condition = {
    type: "Accepted",
    status: "True",
    reason: "Accepted",
    message: "",
    observedGeneration: 1,
  } as const;
  const first = merged([], [condition], "2026-01-01T00:00:00Z");
  const second = merged(first, [{ ...condition, message: "more", observedGeneration: 2 }], "2026-01-02T00:00:00Z");
  expect(second).toMatchObject([{ message: "more", lastTransitionTime: "2026-01-01T00:00:00Z" }]);
  const third = merged(second, [{ ...condition, status: "False" }], "2026-01-03T00:00:00Z");
  expect(third).toMatchObject([{ status: "False", lastTransitionTime: "2026-01-03T00:00:00Z" }]);
});
