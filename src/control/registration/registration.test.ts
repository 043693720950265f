// Registration as it comes over the wire: what is written for whom, who is turned away, and what a lease is worth.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { configureLog } from "../../base/log.ts";
import { until } from "../../base/until-fixture.ts";
import { translate } from "../../dialect/dialects.ts";
import { sourceObject } from "../../dialect/object.ts";
import { unaryCall } from "../../grpc/client.ts";
import { listenGrpc } from "../../grpc/listen.ts";
import { type CallPeer, GrpcService } from "../../grpc/server.ts";
import { Http2ClientConnection } from "../../http/h2/client-connection.ts";
import { DEFAULT_LIMITS } from "../../http/limits.ts";
import { newApi } from "../../kube/api/harness.ts";
import { KubeClient } from "../../kube/client/client.ts";
import { embeddedConnection } from "../../kube/client/connection.ts";
import type { KubeObject, NewObject } from "../../kube/object.ts";
import { resource } from "../../kube/resources.ts";
import { buildMesh } from "../../model/build.ts";
import { NO_PARTS } from "../../model/mesh.ts";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { connect } from "../../net/connect.ts";
import { parseCertificates } from "../../pki/certificate.ts";
import { testLeaf, testRoot } from "../../pki/certificate-fixtures.ts";
import {
  DeregisterRequestSchema,
  RegisterRequestSchema,
} from "../../xds/gen/heddle/registration/v1/registration_pb.ts";
import { DEREGISTER_PATH, REGISTER_PATH } from "../../xds/registration.ts";
import { Liveness } from "../liveness.ts";
import { registrationMethods } from "./grpc.ts";
import { Registrar } from "./registrar.ts";

const GOLDEN = "spiffe://cluster.local/ns/shop/sa/golden";
const POD = { namespace: "shop", name: "golden-signal-v2-abcde" };
const KEY = new Uint8Array(32).fill(7);
const LONG_MS = 60_000;
const now = Date.now();
const root = testRoot(now);

type Init = MessageInitShape<typeof RegisterRequestSchema>;

const SIDECAR = {
  proxy: "heddle",
  meshPort: 3,
  statusPort: 4,
  wayIn: { case: "ports", value: { forwardProxy: 5, inbound: 2 } },
} as const;
const REQUEST = {
  instance: { name: POD.name, key: KEY },
  app: "golden-signal",
  version: "v2",
  address: "127.0.0.1",
  application: { port: 8082, servicePort: 80, protocol: "http" },
  sidecar: SIDECAR,
  upstreams: [{ port: 9191, host: "other", servicePort: 81 }],
  ready: true,
} as const satisfies Init;

const mesh = buildMesh(DEFAULT_SETTINGS, NO_PARTS);

const stops: (() => void)[] = [];
beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));
afterEach(() => {
  for (const stop of stops.splice(0).reverse()) stop();
});

function certificateOf(id: string, at = now): Uint8Array {
  const certificates = parseCertificates(testLeaf(root, id, at).pem);
  if (certificates.kind === "malformed") throw new Error(certificates.reason);
  return certificates.value[0]!.der;
}

function peerOf(principal: string, address = "127.0.0.1:1"): CallPeer {
  return { principal, address, certificate: principal === "" ? undefined : certificateOf(principal) };
}

async function world({ leaseMs = LONG_MS, unreadyAfterMs = 1, forgetAfterMs = LONG_MS } = {}) {
  const client = new KubeClient(embeddedConnection(newApi().api), "test");
  const liveness = new Liveness({ client, unreadyAfterMs, returnWithinMs: unreadyAfterMs, forgetAfterMs });
  const registrar = new Registrar({ client, liveness, leaseMs, mesh: () => mesh });
  let peer = peerOf(GOLDEN);
  const methods = registrationMethods(registrar, "cluster.local");
  const listener = listenGrpc(
    { kind: "tcp", host: "127.0.0.1", port: 0 },
    undefined,
    new GrpcService(methods),
    () => peer,
  );
  stops.push(
    () => registrar.stop(),
    () => liveness.stop(),
    () => listener.stop(),
  );
  const call = async (path: string, bytes: Uint8Array): Promise<string> => {
    const connection = await new Promise<Http2ClientConnection>((resolve, reject) =>
      connect({ kind: "tcp", host: "127.0.0.1", port: listener.port }, undefined, 1_000, {
        onConnected(transport) {
          const listenerOf = { onAvailable() {}, onDraining() {}, onClosed() {} };
          const made = new Http2ClientConnection(transport, listenerOf, DEFAULT_LIMITS);
          transport.listener = made;
          resolve(made);
        },
        onConnectFailure: (detail) => reject(new Error(detail)),
      }),
    );
    const answer = await unaryCall(connection, path, bytes, { authority: "test", timeoutMs: 5_000 });
    connection.shutdown();
    return answer.kind === "message" ? "OK" : `${answer.status.code} ${answer.status.message}`;
  };
  return {
    client,
    liveness,
    registrar,
    as(other: CallPeer) {
      peer = other;
    },
    raw: call,
    register: (init: Init) => call(REGISTER_PATH, toBinary(RegisterRequestSchema, create(RegisterRequestSchema, init))),
    deregister: (key: Uint8Array) =>
      call(
        DEREGISTER_PATH,
        toBinary(DeregisterRequestSchema, create(DeregisterRequestSchema, { instance: { name: POD.name, key } })),
      ),
    pod: (name = POD.name) => client.get(resource.pods, { namespace: "shop", name }),
  };
}

function ready(pod: KubeObject | undefined): string {
  const status = (pod?.status ?? {}) as { readonly conditions?: readonly { status: string; reason?: string }[] };
  return (status.conditions ?? []).map((condition) => [condition.status, condition.reason].join(" ").trim()).join();
}

describe("what is written", () => {
  /** The workload and the service that the control plane makes of a registration. */
  async function compiled(init: Init) {
    const { client, register } = await world();
    expect(await register(init)).toBe("OK");
    const pods = await client.list(resource.pods);
    const services = await client.list(resource.services);
    const sources = [...pods.objects, ...services.objects].flatMap((object) => {
      const read = sourceObject(object);
      return read.kind === "object" ? [read.object] : [];
    });
    const { parts, results } = translate(sources, DEFAULT_SETTINGS);
    expect(results.flatMap(({ diagnostics }) => diagnostics)).toEqual([]);
    return { workload: parts.workloads.at(0)!, service: parts.services[0] };
  }

  test("a gateway: its Service leads the usual ports to its own, and no forward proxy or mesh port is opened", async () => {
    const { application: _, ...rest } = REQUEST;
    const doors = [
      { servicePort: 80, port: 8080 },
      { servicePort: 443, port: 8443 },
    ];
    const { workload, service } = await compiled({ ...rest, app: "istio-ingressgateway", gateway: { ports: doors } });
    expect(workload.labels).toMatchObject({ app: "istio-ingressgateway", istio: "ingressgateway" });
    expect(workload.proxy).toMatchObject({ gateway: { trustedProxies: 0 }, inboundPorts: [] });
    expect(workload.proxy?.forwardProxyPort).toBeUndefined();
    expect(service?.ports.map(({ number, target }) => [number, target])).toEqual([
      [80, 8080],
      [443, 8443],
    ]);
  });

  test("the control plane reads back what was registered", async () => {
    const { workload, service } = await compiled(REQUEST);
    expect(workload).toMatchObject({
      namespace: "shop",
      name: POD.name,
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

  test("a captured program has neither forward proxy nor a port that stands in for its own", async () => {
    const wayIn = {
      case: "capture",
      value: { outboundPort: 15_001, inboundPort: 15_006, machineAddress: "10.231.255.254" },
    } as const;
    const { workload } = await compiled({ ...REQUEST, sidecar: { ...SIDECAR, wayIn }, upstreams: [] });
    expect(workload.proxy).toMatchObject({
      inboundPorts: [],
      forwardProxyPort: undefined,
      capture: { outboundPort: 15_001, inboundPort: 15_006, machineAddress: "10.231.255.254" },
    });
  });

  test("a program that only calls serves nothing", async () => {
    const { application: _, ...caller } = REQUEST;
    const { workload, service } = await compiled(caller);
    expect(workload.ports).toEqual([]);
    expect(workload.proxy?.inboundPorts).toEqual([]);
    expect(service).toBeUndefined();
  });

  test("renewals change what changed, write nothing else, and put back what somebody deleted", async () => {
    const { client, register, pod } = await world();
    expect(await register({ ...REQUEST, ready: false, reason: "Starting" })).toBe("OK");
    expect(ready(await pod())).toBe("False Starting");
    await register(REQUEST);
    expect(ready(await pod())).toBe("True");
    const before = (await pod())?.metadata.resourceVersion;
    await register(REQUEST);
    expect((await pod())?.metadata.resourceVersion).toBe(before);
    await client.delete(resource.pods, POD);
    await register(REQUEST);
    expect(ready(await pod())).toBe("True");
    await register({ ...REQUEST, ready: false, reason: "Draining" });
    expect(ready(await pod())).toBe("False Draining");
  });
});

describe("who may", () => {
  test("nobody without an identity, with one that ended, or with one of no service account", async () => {
    const { as, register, client } = await world();
    as(peerOf(""));
    expect(await register(REQUEST)).toBe("UNAUTHENTICATED the connection proved no identity");
    as({ ...peerOf(GOLDEN), certificate: certificateOf(GOLDEN, now - 30 * 86_400_000) });
    expect(await register(REQUEST)).toContain("UNAUTHENTICATED the certificate of this connection has expired");
    for (const id of ["spiffe://cluster.local/gateway", "spiffe://other.org/ns/shop/sa/golden"]) {
      as(peerOf(id));
      expect(await register(REQUEST)).toBe(`PERMISSION_DENIED ${id} is no service account of cluster.local`);
    }
    expect((await client.list(resource.pods)).objects).toEqual([]);
  });

  test("the namespace and the service account are the connection's, whatever the Pod is called", async () => {
    const { as, register, client } = await world();
    as(peerOf("spiffe://cluster.local/ns/elsewhere/sa/thief"));
    expect(await register(REQUEST)).toBe("OK");
    const { objects } = await client.list(resource.pods);
    expect(
      objects.map(({ metadata, spec }) => [
        metadata.namespace,
        (spec as { serviceAccountName: string }).serviceAccountName,
      ]),
    ).toEqual([["elsewhere", "thief"]]);
  });

  test("another identity, or another instance of the same one, can neither change nor end a registration", async () => {
    const { as, register, deregister, pod } = await world();
    expect(await register(REQUEST)).toBe("OK");
    const refusal = `PERMISSION_DENIED Pod shop/${POD.name} is not a registration of this instance`;
    const key = new Uint8Array(32).fill(8);
    expect(await register({ ...REQUEST, instance: { name: POD.name, key }, address: "10.0.0.66" })).toBe(refusal);
    expect(await deregister(key)).toBe(refusal);
    as(peerOf("spiffe://cluster.local/ns/shop/sa/thief"));
    expect(await register({ ...REQUEST, address: "10.0.0.66" })).toBe(refusal);
    expect(await deregister(KEY)).toBe(refusal);
    expect((await pod())?.status).toMatchObject({ podIP: "127.0.0.1" });
    as(peerOf(GOLDEN));
    expect(await deregister(KEY)).toBe("OK");
    expect(await pod()).toBeUndefined();
    expect(await deregister(KEY)).toBe("OK");
  });

  test("a Pod that somebody else made is left alone", async () => {
    const { client, register, deregister, pod } = await world();
    await client.create(resource.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    const spec = { serviceAccountName: "golden", containers: [{ name: "app", image: "app" }] };
    await client.create(resource.pods, { apiVersion: "v1", kind: "Pod", metadata: { ...POD }, spec } as NewObject);
    expect(await register(REQUEST)).toContain("PERMISSION_DENIED");
    expect(await deregister(KEY)).toContain("PERMISSION_DENIED");
    expect((await pod())?.metadata.annotations).toBeUndefined();
  });

  test("a Service that one identity's registration made has no instances of another, until a person says so", async () => {
    const { client, as, register, pod } = await world();
    expect(await register(REQUEST)).toBe("OK");
    as(peerOf("spiffe://cluster.local/ns/shop/sa/thief"));
    const second = { ...REQUEST, instance: { name: "golden-signal-v2-thief", key: KEY } };
    expect(await register(second)).toContain(
      "PERMISSION_DENIED Service shop/golden-signal was made by service account golden",
    );
    expect(await pod("golden-signal-v2-thief")).toBeUndefined();
    const name = { namespace: "shop", name: "golden-signal" };
    const patch = { metadata: { annotations: { "heddle.dev/service-account": null } } };
    await client.patch(resource.services, name, { kind: "merge", patch });
    expect(await register(second)).toBe("OK");
  });
});

describe("what is refused", () => {
  const bad: readonly (readonly [string, Init, string])[] = [
    ["no instance", { ...REQUEST, instance: undefined }, "instance is missing"],
    ["a short key", { ...REQUEST, instance: { name: "a", key: new Uint8Array(15) } }, "15 bytes"],
    ["a name with a slash", { ...REQUEST, instance: { name: "a/b", key: KEY } }, 'instance.name "a/b"'],
    ["a long name", { ...REQUEST, instance: { name: "a".repeat(5_000), key: KEY } }, "no more than 253"],
    ["an app that is no host", { ...REQUEST, app: "Golden_Signal" }, 'app "Golden_Signal"'],
    ["no version", { ...REQUEST, version: "" }, "version"],
    ["a version with a comma", { ...REQUEST, version: "1,2" }, 'version "1,2"'],
    ["a host as address", { ...REQUEST, address: "localhost" }, 'address "localhost"'],
    ["every address", { ...REQUEST, address: "0.0.0.0" }, 'address "0.0.0.0"'],
    ["no address", { ...REQUEST, address: "::" }, 'address "::"'],
    ["a multicast address", { ...REQUEST, address: "ff02::1" }, 'address "ff02::1"'],
    [
      "a port that is none",
      { ...REQUEST, application: { ...REQUEST.application, port: 65_536 } },
      "65536 is not a port",
    ],
    ["a gateway with an application", { ...REQUEST, gateway: {} }, "has no application"],
    [
      "a gateway with one port twice",
      {
        ...REQUEST,
        application: undefined,
        gateway: {
          ports: [
            { servicePort: 80, port: 1 },
            { servicePort: 80, port: 2 },
          ],
        },
      },
      "twice",
    ],
    ["an unknown protocol", { ...REQUEST, application: { ...REQUEST.application, protocol: "smtp" } }, '"smtp"'],
    ["no sidecar", { ...REQUEST, sidecar: undefined }, "sidecar is missing"],
    ["an unknown proxy", { ...REQUEST, sidecar: { ...SIDECAR, proxy: "squid" } }, "heddle, envoy"],
    [
      "no way in",
      { ...REQUEST, sidecar: { proxy: "heddle", meshPort: 3, statusPort: 4 } },
      "neither ports nor capture",
    ],
    [
      "an upstream that ends the list",
      { ...REQUEST, upstreams: [{ port: 1, host: "a,2=b", servicePort: 1 }] },
      '"a,2=b"',
    ],
    [
      "65 upstreams",
      { ...REQUEST, upstreams: new Array(65).fill({ port: 1, host: "a", servicePort: 1 }) },
      "more than 64",
    ],
    ["unready without a reason", { ...REQUEST, ready: false }, "not one word"],
    ["a reason that is a text", { ...REQUEST, ready: false, reason: "no\nidea" }, "not one word"],
  ];
  test.each(bad)("%s", async (_, init, message) => {
    const { client, register } = await world();
    const answer = await register(init);
    expect(answer).toStartWith("INVALID_ARGUMENT ");
    expect(answer).toContain(message);
    expect(answer.length).toBeLessThan(400);
    expect((await client.list(resource.pods)).objects).toEqual([]);
    expect((await client.list(resource.services)).objects).toEqual([]);
  });

  test("bytes that are no message, and more of them than a registration can have", async () => {
    const { raw } = await world();
    expect(await raw(REGISTER_PATH, Uint8Array.of(0xff, 0xff))).toContain("INVALID_ARGUMENT");
    expect(await raw(DEREGISTER_PATH, Uint8Array.of(0xff, 0xff))).toContain("INVALID_ARGUMENT");
    expect(await raw(REGISTER_PATH, new Uint8Array(40_000))).toContain("RESOURCE_EXHAUSTED");
  });

  test("a loopback address from another machine, which no peer could reach", async () => {
    const { as, register } = await world();
    as(peerOf(GOLDEN, "203.0.113.9:4711"));
    expect(await register(REQUEST)).toContain("INVALID_ARGUMENT address 127.0.0.1 is of the workload's machine alone");
    expect(await register({ ...REQUEST, address: "203.0.113.9" })).toBe("OK");
  });

  test("Services without end", async () => {
    const { client, register } = await world();
    const answers: string[] = [];
    for (let i = 0; i < 65; i++)
      answers.push(await register({ ...REQUEST, app: `app-${i}`, instance: { name: `app-${i}`, key: KEY } }));
    expect(answers.filter((answer) => answer === "OK").length).toBe(64);
    expect(answers[64]).toContain("RESOURCE_EXHAUSTED");
    expect((await client.list(resource.services)).objects.length).toBe(64);
  });
});

describe("a lease", () => {
  test("that is not renewed ends in unreadiness and then in oblivion", async () => {
    const { register, pod } = await world({ leaseMs: 20, forgetAfterMs: 20 });
    await register(REQUEST);
    await until("the unready Pod", async () => ready(await pod()) === "False LeaseExpired");
    await until("the forgotten Pod", async () => (await pod()) === undefined);
  });

  test("that is renewed late brings the workload back", async () => {
    const { liveness, register, pod } = await world();
    await register(REQUEST);
    liveness.onLost(POD, "lease");
    await until("the unready Pod", async () => ready(await pod()) === "False LeaseExpired");
    await register(REQUEST);
    expect(ready(await pod())).toBe("True");
  });

  test("says nothing for a proxy that is away: the workload stays unready until both are there", async () => {
    const { liveness, register, pod } = await world();
    await register(REQUEST);
    liveness.onLost(POD, "proxy");
    await until("the unready Pod", async () => ready(await pod()) === "False ProxyDisconnected");
    await register(REQUEST);
    expect(ready(await pod())).toBe("False ProxyDisconnected");
    liveness.onAlive(POD, "proxy");
    await register(REQUEST);
    expect(ready(await pod())).toBe("True");
  });

  test("is given to what an earlier life of the control plane had registered", async () => {
    const { client, liveness, register, registrar, pod } = await world();
    await register(REQUEST);
    registrar.stop();
    const next = new Registrar({ client, liveness, leaseMs: 20, mesh: () => mesh });
    stops.push(() => next.stop());
    await next.start();
    await until("the unready Pod", async () => ready(await pod()) === "False LeaseExpired");
  });
});

describe("by a WorkloadGroup", () => {
  const GROUP = "legacy";

  async function groupWorld(options: Parameters<typeof world>[0] = {}, spec: object = {}) {
    const made = await world(options);
    const { client } = made;
    const metadata = { name: "shop" };
    await client.create(resource.namespaces, { apiVersion: "v1", kind: "Namespace", metadata });
    await client.create(resource.workloadGroups, {
      apiVersion: "networking.istio.io/v1",
      kind: "WorkloadGroup",
      metadata: { name: GROUP, namespace: "shop" },
      spec: {
        metadata: { labels: { app: "legacy" }, annotations: { team: "vm" } },
        template: { serviceAccount: "golden", locality: "eu/a", weight: 2, network: "vm", labels: { version: "v9" } },
        probe: { httpGet: { port: 8082, path: "health" }, periodSeconds: 3 },
        ...spec,
      },
    } as NewObject);
    const entry = (name = POD.name) => client.get(resource.workloadEntries, { namespace: "shop", name });
    return { ...made, entry };
  }

  const JOINING = { ...REQUEST, group: GROUP };

  test("a WorkloadEntry stands for it: labels, place and weight of the template, address and sidecar its own", async () => {
    const { register, entry, pod, client } = await groupWorld();
    expect(await register(JOINING)).toBe("OK");
    expect(await pod()).toBeUndefined();
    expect((await client.list(resource.services)).objects).toEqual([]);
    const read = sourceObject(await entry());
    const { parts, results } = translate(read.kind === "object" ? [read.object] : [], DEFAULT_SETTINGS);
    expect(results.flatMap(({ diagnostics }) => diagnostics)).toEqual([]);
    const [workload] = parts.workloads;
    expect(workload).toMatchObject({
      name: POD.name,
      addresses: ["127.0.0.1"],
      servicePorts: { http: 8082 },
      weight: 2,
      network: "vm",
      locality: { region: "eu", zone: "a" },
      health: "healthy",
      serviceAccount: "golden",
      proxy: { kind: "heddle", meshPort: 3, inboundPorts: [{ application: 8082, plaintext: 2 }] },
    });
    expect(workload?.labels).toMatchObject({ app: "legacy", version: "v9" });
    expect((await entry())?.metadata.annotations).toMatchObject({
      team: "vm",
      "istio.io/autoRegistrationGroup": GROUP,
    });
  });

  test("its readiness is the condition Healthy, and so is the end of its lease", async () => {
    const { register, entry } = await groupWorld({ leaseMs: 300, forgetAfterMs: 20 });
    expect(await register({ ...JOINING, ready: false, reason: "ProbeFailed" })).toBe("OK");
    expect(ready(await entry())).toBe("False ProbeFailed");
    expect(await register(JOINING)).toBe("OK");
    expect(await entry().then((found) => JSON.stringify(found?.status))).toContain('"Healthy"');
    expect(ready(await entry())).toBe("True");
    await until("the entry that is gone", async () => (await entry()) === undefined);
  });

  test("it ends when it says so, and nobody else may end it", async () => {
    const { register, deregister, entry, as } = await groupWorld();
    expect(await register(JOINING)).toBe("OK");
    const refusal = `PERMISSION_DENIED WorkloadEntry shop/${POD.name} is not a registration of this instance`;
    expect(await deregister(new Uint8Array(32).fill(8))).toBe(refusal);
    as(peerOf("spiffe://cluster.local/ns/shop/sa/thief"));
    expect(await deregister(KEY)).toBe(refusal);
    as(peerOf(GOLDEN));
    expect(await deregister(KEY)).toBe("OK");
    expect(await entry()).toBeUndefined();
  });

  test("a changed template is in force with the next renewal", async () => {
    const { register, entry, client } = await groupWorld();
    expect(await register(JOINING)).toBe("OK");
    const patch = { spec: { template: { weight: 5 } } };
    await client.patch(resource.workloadGroups, { namespace: "shop", name: GROUP }, { kind: "merge", patch });
    expect(await register(JOINING)).toBe("OK");
    expect((await entry())?.spec).toMatchObject({ weight: 5 });
    expect(ready(await entry())).toBe("True");
  });

  test("a group that is not there, is of another account, or is wrong, lets nobody in", async () => {
    const { register, as, entry } = await groupWorld();
    expect(await register({ ...JOINING, group: "other" })).toBe("NOT_FOUND there is no WorkloadGroup shop/other");
    expect(await register({ ...JOINING, group: "a b" })).toContain("INVALID_ARGUMENT");
    as(peerOf("spiffe://cluster.local/ns/shop/sa/thief"));
    expect(await register(JOINING)).toBe(
      "PERMISSION_DENIED workloads of WorkloadGroup shop/legacy run as service account golden, not thief",
    );
    expect(await entry()).toBeUndefined();
    const wrong = await groupWorld({}, { probe: { periodSeconds: 1 } });
    expect(await wrong.register(JOINING)).toContain(
      "FAILED_PRECONDITION WorkloadGroup shop/legacy is not valid: the probe asks nothing",
    );
  });
});
