// The discovery service as proxies see it, over real connections: who is served, what resumes, what opens the leg.

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { configureLog } from "../base/log.ts";
import { until } from "../base/until-fixture.ts";
import { readObjects } from "../dialect/object.ts";
import { ClientCall } from "../grpc/client.ts";
import type { GrpcStatus } from "../grpc/status.ts";
import type { ClientConnection } from "../http/stream.ts";
import { DeltaClient } from "../xds/delta-client.ts";
import { NodeSchema } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { messageIn } from "../xds/resource-fixtures.ts";
import type { Update } from "../xds/update.ts";
import { ADS_PATH, parseNodeId } from "./discovery.ts";
import { CLIENT, CLUSTER, SERVER, WORLD, World } from "./discovery-fixture.ts";

/** A proxy that takes what it gets, unless it is told to hold its answers or to refuse. */
class TestProxy {
  readonly lines: string[] = [];
  readonly #client: DeltaClient;
  readonly #services = new Map<string, string>();
  readonly #legs = new Map<string, readonly boolean[]>();
  status: GrpcStatus | undefined;
  mode: "accept" | "hold" | "refuse" = "accept";
  readonly held: Update[] = [];
  #call: ClientCall | undefined;

  constructor(pod: string) {
    const id = `sidecar~127.0.0.1~${pod}.default~default.svc.cluster.local`;
    this.#client = new DeltaClient(create(NodeSchema, { id, userAgentName: "heddle" }));
    this.#client.wantAll("cds");
    this.#client.wantAll("lds");
  }

  /** Whether each endpoint of the called service is on the leg; undefined while its endpoints are unknown. */
  get legs(): readonly boolean[] | undefined {
    return this.#legs.get(this.#services.get(CLUSTER) ?? "");
  }

  open(connection: ClientConnection): this {
    this.status = undefined;
    this.#call = new ClientCall(
      connection,
      ADS_PATH,
      { authority: "heddle" },
      {
        onMessage: (message) => this.#receive(message),
        onWritable() {},
        onStatus: (status) => {
          this.status = status;
        },
      },
    );
    this.#client.opened();
    this.#send();
    return this;
  }

  close(): void {
    this.#call?.cancel();
  }

  answer(update: Update): void {
    const reasons = update.resources.map(({ name }) => ({ name, path: "", reason: "no room" }));
    this.#client.answer(update, this.mode === "refuse" ? reasons : []);
    this.#send();
  }

  #receive(message: Buffer): void {
    const update = this.#client.receive(fromBinary(DeltaDiscoveryResponseSchema, message));
    if (!update) return;
    this.lines.push(...update.resources.map(({ name }) => `${update.kind} ${name}`));
    if (update.kind === "cds") {
      for (const resource of update.resources)
        this.#services.set(resource.name, messageIn("cds", resource).edsClusterConfig?.serviceName ?? "");
      this.#client.want("eds", new Set([...this.#services.values()].filter((name) => name !== "")));
    }
    if (update.kind === "eds")
      for (const resource of update.resources)
        this.#legs.set(
          resource.name,
          messageIn("eds", resource)
            .endpoints.flatMap(({ lbEndpoints }) => lbEndpoints)
            .map(({ metadata }) => metadata?.filterMetadata["envoy.transport_socket_match"]?.leg === "mesh"),
        );
    if (this.mode !== "accept" && update.kind === "lds") this.held.push(update);
    else this.answer(update);
    if (this.mode === "refuse") for (const each of this.held.splice(0)) this.answer(each);
  }

  #send(): void {
    for (let request = this.#client.next(); request; request = this.#client.next())
      this.#call?.send(toBinary(DeltaDiscoveryRequestSchema, request));
  }
}

let world: World;

beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));
afterEach(() => {
  world.stop();
});

async function newWorld(): Promise<World> {
  world = new World();
  await world.start();
  return world;
}

/** The stream of a workload's proxy, once everything that was sent on it is answered. */
function synced(name: string) {
  const stream = [...world.control.discovery.streams].find(({ workload }) => workload?.name === name);
  return stream && stream.status.length > 0 && stream.status.every((type) => type.synced) ? stream : undefined;
}

test("a proxy gets its configuration; one that reconnects with what it has gets nothing again", async () => {
  await newWorld();
  const proxy = new TestProxy("client").open(await world.connect(CLIENT));
  await until("the configuration", () => synced("client"));
  expect(proxy.lines).toContain(`eds ${CLUSTER}/http2`);
  expect(proxy.lines.some((line) => line.startsWith("lds "))).toBe(true);
  proxy.close();
  await until("the end of the stream", () => world.connections.length === 2);
  proxy.lines.length = 0;
  proxy.open(await world.connect(CLIENT));
  await until("the resumed stream", () => synced("client"));
  world.tell(`apiVersion: v1
kind: Service
metadata: { name: other, namespace: default }
spec: { selector: { app: other }, ports: [{ name: http, port: 81 }] }`);
  await until("what is new", () => proxy.lines.some((line) => line.includes("other.default")));
  expect(proxy.lines.filter((line) => !line.includes("other.default") && !line.startsWith("lds"))).toEqual([]);
  expect(world.connections).toEqual([
    "+Kubernetes/default/client",
    "-Kubernetes/default/client",
    "+Kubernetes/default/client",
  ]);
});

test("pushes are counted by type, with their size and times", async () => {
  await newWorld();
  const proxy = new TestProxy("client").open(await world.connect(CLIENT));
  await until("the configuration", () => synced("client"));
  const pushes = world.metric("pilot_xds_pushes", 'type="cds"');
  expect(pushes).toBeGreaterThan(0);
  expect(world.metric("pilot_xds_push_time_count", 'type="cds"')).toBe(pushes);
  expect(world.metric("pilot_xds_config_size_bytes_sum", 'type="cds"')).toBeGreaterThan(500);
  const converged = world.metric("pilot_proxy_convergence_time_count");
  world.tell(`apiVersion: v1
kind: Service
metadata: { name: other, namespace: default }
spec: { selector: { app: other }, ports: [{ name: http, port: 81 }] }`);
  await until("what is new", () => proxy.lines.some((line) => line.includes("other.default")));
  expect(world.metric("pilot_proxy_convergence_time_count")).toBe(converged + 1);
  expect(world.metric("pilot_proxy_queue_time_count")).toBeGreaterThan(0);
  expect(world.metric("pilot_push_triggers", 'type="service"')).toBeGreaterThan(0);
  expect(world.metric("pilot_total_xds_internal_errors")).toBe(0);
});

test("a refusal is shown in the proxy's words, and gone when the proxy takes what follows", async () => {
  await newWorld();
  const proxy = new TestProxy("client");
  proxy.mode = "refuse";
  proxy.open(await world.connect(CLIENT));
  const stream = await until("the refusal", () =>
    [...world.control.discovery.streams].find(({ lastRefusal }) => lastRefusal),
  );
  expect(stream.lastRefusal).toContain("no room");
  expect(stream.status.find(({ kind }) => kind === "lds")?.refusals.length).toBeGreaterThan(0);
  expect(world.metric("pilot_total_xds_rejects", 'type="lds"')).toBeGreaterThan(0);
  expect(world.metric("pilot_xds_lds_reject", 'node="sidecar~127.0.0.1~client.default')).toBe(1);
  proxy.mode = "accept";
  proxy.close();
  proxy.open(await world.connect(CLIENT));
  await until("the accepted configuration", () => synced("client") && synced("client")?.lastRefusal === undefined);
  expect(world.metric("pilot_xds_lds_reject")).toBe(0);
});

test("endpoints are on the leg only while their own proxies acknowledged the listener that takes it, and again once they resume", async () => {
  await newWorld();
  const client = new TestProxy("client").open(await world.connect(CLIENT));
  // A control plane that has just started trusts what is ready: it must not empty the mesh.
  await until("trusted endpoints", () => client.legs?.every((leg) => leg));
  const server = new TestProxy("golden-signal-v1");
  server.mode = "hold";
  server.open(await world.connect(SERVER));
  await until("the endpoint off the leg", () => client.legs?.includes(false));
  expect(client.legs).toEqual(expect.arrayContaining([true, false]));
  await until("the listener", () => server.held.length > 0);
  server.mode = "accept";
  for (const update of server.held.splice(0)) server.answer(update);
  await until("the endpoint on the leg", () => client.legs?.every((leg) => leg));

  await until("all is answered", () => synced("golden-signal-v1"));
  server.close();
  server.lines.length = 0;
  const before = world.compiled.length;
  server.open(await world.connect(SERVER));
  await until("the resumed stream", () => synced("golden-signal-v1"));
  expect(world.compiled.length).toBe(before);
  expect(client.legs?.every((leg) => leg)).toBe(true);
  world.tell(`apiVersion: v1
kind: Service
metadata: { name: other, namespace: default }
spec: { selector: { app: other }, ports: [{ name: http, port: 81 }] }`);
  await until("one more compilation", () => client.lines.some((line) => line.includes("other.default")));
  expect(client.legs?.every((leg) => leg)).toBe(true);
  expect(server.lines.filter((line) => line.startsWith("lds meshInbound"))).toEqual([]);
});

test("a node of another identity, one that proved none, and one whose identity changes are refused", async () => {
  await newWorld();
  const stranger = new TestProxy("golden-signal-v1").open(await world.connect(CLIENT));
  expect(await until("the refusal", () => stranger.status)).toMatchObject({ code: "PERMISSION_DENIED" });
  const anonymous = new TestProxy("client").open(await world.connect(""));
  expect(await until("the refusal", () => anonymous.status)).toMatchObject({ code: "UNAUTHENTICATED" });
  expect([...stranger.lines, ...anonymous.lines]).toEqual([]);
  const changed = new TestProxy("client").open(await world.connect(CLIENT));
  await until("the configuration", () => synced("client"));
  world.tell(WORLD.replace("serviceAccountName: client", "serviceAccountName: other"));
  expect(await until("the refusal", () => changed.status)).toMatchObject({ code: "PERMISSION_DENIED" });
  expect(world.control.discovery.streams.size).toBe(0);
});

test("a proxy that comes before its registration waits, within bounds", async () => {
  await newWorld();
  const early = new TestProxy("late").open(await world.connect(CLIENT));
  await until("the stream", () => world.control.discovery.streams.size === 1);
  expect(early.lines).toEqual([]);
  const pod = readObjects("world.yaml", WORLD).objects.find(({ origin }) => origin.name === "client")!;
  world.tell(JSON.stringify({ ...pod.value, metadata: { ...(pod.value.metadata as object), name: "late" } }));
  await until("its configuration", () => synced("late"));

  const call = await rawCall(CLIENT);
  const node = create(NodeSchema, { id: "sidecar~127.0.0.1~never.default~default.svc.cluster.local" });
  for (let i = 0; i < 100; i++)
    call.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { node, typeUrl: `t${i}` })));
  expect(await call.over).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
});

test("garbage and a first request without a node end the stream with a status", async () => {
  await newWorld();
  const garbage = await rawCall(CLIENT);
  garbage.send(Buffer.from([0xff, 0xff, 0xff]));
  expect(await garbage.over).toMatchObject({ code: "INVALID_ARGUMENT" });
  const nameless = await rawCall(CLIENT);
  nameless.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { typeUrl: "t" })));
  expect(await nameless.over).toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(world.control.discovery.streams.size).toBe(0);
});

test("bytes that are no HTTP/2 close their connection and disturb no other", async () => {
  await newWorld();
  const proxy = new TestProxy("client").open(await world.connect(CLIENT));
  await until("the configuration", () => synced("client"));
  const closed = Promise.withResolvers<void>();
  const port = world.port;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data() {}, close: () => closed.resolve(), error() {} },
  });
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n\0\0\0\0");
  await closed.promise;
  expect(proxy.status).toBeUndefined();
});

test("what changes while a proxy does not read is one response of each type, whatever the number of changes", async () => {
  await newWorld();
  const call = await rawCall(CLIENT, (message) => {
    responses.push(fromBinary(DeltaDiscoveryResponseSchema, message).typeUrl);
  });
  const responses: string[] = [];
  const node = create(NodeSchema, { id: "sidecar~127.0.0.1~client.default~default.svc.cluster.local" });
  const typeUrl = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
  // Never acknowledges: the second response must not leave before the first was answered, nor pile up.
  call.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { node, typeUrl })));
  await until("the first response", () => responses.length === 1);
  for (let i = 0; i < 5; i++) {
    const compilations = world.compiled.length;
    world.tell(`apiVersion: v1
kind: Service
metadata: { name: other-${i}, namespace: default }
spec: { selector: { app: other }, ports: [{ name: http, port: 81 }] }`);
    await until("the compilation", () => world.compiled.length > compilations);
  }
  const witness = new TestProxy("client").open(await world.connect(CLIENT));
  await until("another proxy has it all", () => witness.lines.some((line) => line.includes("other-4.default")));
  expect(responses).toEqual([typeUrl]);
});

test("node ids are read as Istio writes them", () => {
  expect(parseNodeId("sidecar~10.1.2.3~a.b.default~default.svc.cluster.local")).toEqual({
    name: "a.b",
    namespace: "default",
  });
  expect(parseNodeId("agent~::1~a.default~default.svc.cluster.local")).toEqual({ name: "a", namespace: "default" });
  expect(parseNodeId("router~::1~a.default~default.svc.cluster.local")).toEqual({ name: "a", namespace: "default" });
  for (const id of [
    "",
    "a",
    "waypoint~1~a.b~c",
    "sidecar~1~a~c",
    "sidecar~1~.b~c",
    "sidecar~1~a.b",
    "sidecar~1~a.b~c~d",
  ])
    expect(parseNodeId(id)).toBeUndefined();
});

async function rawCall(principal: string, onMessage: (message: Buffer) => void = () => {}) {
  const { promise, resolve } = Promise.withResolvers<GrpcStatus>();
  const connection = await world.connect(principal);
  const call = new ClientCall(
    connection,
    ADS_PATH,
    { authority: "heddle" },
    { onMessage, onWritable() {}, onStatus: resolve },
  );
  return { send: (message: Uint8Array) => call.send(message), over: promise };
}
