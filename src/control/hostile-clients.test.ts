// Clients that are slow, stuck, lying or mad: each costs a bounded amount, is refused where it can be, and disturbs no other. Measured in
// responses, resources and bytes, never in time.

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { configureLog } from "../base/log.ts";
import { until } from "../base/until-fixture.ts";
import { ClientCall } from "../grpc/client.ts";
import { frameMessage } from "../grpc/message.ts";
import type { GrpcStatus } from "../grpc/status.ts";
import { FRAME, PREFACE } from "../http/h2/frame.ts";
import { frame, headers, settingsOf, windowUpdate } from "../http/h2/raw-peer.ts";
import type { ClientConnection } from "../http/stream.ts";
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from "../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { RESOURCE_TYPES, type ResourceKind } from "../xds/type-urls.ts";
import { ADS_PATH } from "./discovery.ts";
import { CLIENT, World } from "./discovery-fixture.ts";
import type { ProxyStream } from "./proxy-stream.ts";

const NODE = { id: "sidecar~127.0.0.1~client.default~default.svc.cluster.local" };
const NOBODY = { id: "sidecar~127.0.0.1~nobody.default~default.svc.cluster.local" };
const INITIAL_WINDOW_SIZE = 4;

type RequestInit = Omit<MessageInitShape<typeof DeltaDiscoveryRequestSchema>, "$typeName" | "typeUrl">;

function request(kind: ResourceKind, init: RequestInit = {}): Uint8Array {
  const typeUrl = RESOURCE_TYPES[kind].typeUrl;
  return toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { typeUrl, node: NODE, ...init }));
}

let world: World;

beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));
afterEach(() => world.stop());

async function newWorld(): Promise<void> {
  world = new World();
  await world.start();
}

/** A client of our own making that answers as it is told. */
class Client {
  readonly responses: DeltaDiscoveryResponse[] = [];
  status: GrpcStatus | undefined;
  readonly #call: ClientCall;

  constructor(connection: ClientConnection, answer: (response: DeltaDiscoveryResponse) => RequestInit | undefined) {
    this.#call = new ClientCall(
      connection,
      ADS_PATH,
      { authority: "heddle" },
      {
        onMessage: (message) => {
          const response = fromBinary(DeltaDiscoveryResponseSchema, message);
          this.responses.push(response);
          const init = answer(response);
          if (!init) return;
          const { typeUrl } = response;
          this.sendBytes(
            toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { typeUrl, ...init })),
          );
        },
        onWritable() {},
        onStatus: (status) => {
          this.status = status;
        },
      },
    );
  }

  send(kind: ResourceKind, init: RequestInit = {}): this {
    return this.sendBytes(request(kind, init));
  }

  sendBytes(bytes: Uint8Array): this {
    this.#call.send(bytes);
    return this;
  }

  cancel(): void {
    this.#call.cancel();
  }

  of(kind: ResourceKind): readonly DeltaDiscoveryResponse[] {
    return this.responses.filter(({ typeUrl }) => typeUrl === RESOURCE_TYPES[kind].typeUrl);
  }

  /** Resolves when the server has taken everything that was sent before. */
  async heard(): Promise<void> {
    const count = () => world.metric("pilot_xds_expired_nonce", "nds");
    const before = count();
    this.send("nds", { responseNonce: "never" });
    await until("the last request", () => count() > before);
  }
}

const silent = () => undefined;
const accepts = ({ nonce }: DeltaDiscoveryResponse) => ({ responseNonce: nonce });

async function client(answer: ConstructorParameters<typeof Client>[1] = silent): Promise<Client> {
  return new Client(await world.connect(CLIENT), answer);
}

/** A client that gets everything still, on a connection of its own. */
async function othersAreServed(): Promise<void> {
  const other = (await client(accepts)).send("cds");
  await until("the clusters of another client", () => other.responses.length > 0);
  expect(other.responses[0]!.resources.length).toBeGreaterThan(0);
  expect(other.status).toBeUndefined();
  other.cancel();
}

let services = 0;

/** A change of clusters, virtual hosts and names, compiled and published. */
async function change(): Promise<void> {
  const compilations = world.compiled.length;
  world.tell(`apiVersion: v1
kind: Service
metadata: { name: more-${++services}, namespace: default }
spec: { selector: { app: other }, ports: [{ name: http, port: 81 }] }`);
  await until("the compilation", () => world.compiled.length > compilations);
}

function onlyStream(): ProxyStream {
  const [stream, ...more] = world.control.discovery.streams;
  if (!stream || more.length > 0) throw new Error(`${more.length + (stream ? 1 : 0)} streams`);
  return stream;
}

/** Bytes on a socket, and how many came back. */
async function rawSocket(onBytes: (bytes: Buffer) => void = () => {}) {
  world.principal = CLIENT;
  return Bun.connect({
    hostname: "127.0.0.1",
    port: world.port,
    socket: { data: (_, bytes) => onBytes(bytes), error() {}, close() {} },
  });
}

const CALL_HEAD = [
  ...[":method", "POST", ":scheme", "http", ":path", ADS_PATH, ":authority", "heddle"],
  ...["content-type", "application/grpc", "te", "trailers"],
];

for (const [name, window] of [
  ["never reads", 0],
  ["reads a byte at a time", 1],
] as const) {
  test(`a client that ${name} has one response of each type waiting, whatever changes`, async () => {
    await newWorld();
    let received = 0;
    const socket = await rawSocket((bytes) => {
      received += bytes.length;
    });
    const messages = (["cds", "lds", "nds"] as const).map((kind) => frameMessage(request(kind)));
    socket.write(
      Buffer.concat([
        PREFACE,
        settingsOf([INITIAL_WINDOW_SIZE, window]),
        headers(1, CALL_HEAD),
        ...messages.map((message) => frame(FRAME.data, 0, 1, message)),
      ]),
    );
    const stream = await until("the push", () =>
      [...world.control.discovery.streams].find(({ cost }) => cost.pushes > 0),
    );
    await change();
    const { pushes, unansweredBytes } = stream.cost;
    expect(pushes).toBeLessThanOrEqual(3);
    expect(unansweredBytes).toBeGreaterThan(0);
    for (let i = 0; i < 10; i++) {
      if (window > 0) socket.write(windowUpdate(1, 1));
      await change();
    }
    expect(stream.cost.pushes).toBeLessThanOrEqual(3);
    // What it may have waiting does not grow with the changes, but for the types that had not been written yet.
    expect(stream.cost.acks).toBe(0);
    expect(received).toBeLessThan(1_000);
    await othersAreServed();
    socket.terminate();
    await until("the end of the stream", () => world.control.discovery.streams.size === 0);
  });
}

test("a client that refuses everything is asked about each resource alone, once, and then left in peace", async () => {
  await newWorld();
  const refuses = ({ nonce }: DeltaDiscoveryResponse) => ({
    responseNonce: nonce,
    errorDetail: { code: 13, message: "no" },
  });
  const stubborn = (await client(refuses)).send("cds");
  await until("the first refusal", () => world.control.discovery.streams.size === 1 && onlyStream().cost.nacks > 0);
  const { length } = stubborn.responses[0]!.resources;
  await until("rest", () => onlyStream().status.every(({ synced }) => synced));
  // Halves of halves: less than twice as many responses as there are resources.
  expect(onlyStream().cost.pushes).toBeLessThanOrEqual(2 * length);
  expect(onlyStream().status[0]?.refusals.length).toBe(length);
  const count = () => stubborn.of("cds").flatMap(({ resources }) => resources).length;
  const before = count();
  await change();
  await until("the new cluster", () => count() > before);
  await stubborn.heard();
  expect(count()).toBe(before + 1);
});

test("answers to what was never sent are counted and change nothing", async () => {
  await newWorld();
  const liar = (await client()).send("cds");
  await until("the clusters", () => liar.responses.length === 1);
  for (let i = 0; i < 1_000; i++) liar.send("cds", { responseNonce: `${i + 1_000}` });
  await liar.heard();
  expect(world.metric("pilot_xds_expired_nonce")).toBe(1_001);
  expect(liar.of("cds").length).toBe(1);
  expect(onlyStream().cost).toMatchObject({ acks: 0, nacks: 0 });
  expect(onlyStream().status.find(({ kind }) => kind === "cds")).toMatchObject({ held: 0, synced: false });
});

/** Both ends are in this process, and the messages have megabytes. */
const PATIENCE_MS = 9_000;

test("more names than are let, or versions that it claims to hold, are refused before any is remembered", async () => {
  await newWorld();
  const names = Array.from({ length: 200_000 }, (_, i) => `n${i}`);
  const greedy = (await client()).send("eds", { resourceNamesSubscribe: names });
  expect(await until("the end", () => greedy.status, PATIENCE_MS)).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  const initialResourceVersions = Object.fromEntries(names.map((name) => [name, ""]));
  const liar = (await client()).send("cds", { initialResourceVersions });
  expect(await until("the end", () => liar.status, PATIENCE_MS)).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  expect(world.control.discovery.streams.size).toBe(0);
  await othersAreServed();
}, 20_000);

test("names in many requests are counted together", async () => {
  await newWorld();
  const patient = await client();
  for (let i = 0; i < 11; i++)
    patient.send("eds", { resourceNamesSubscribe: Array.from({ length: 10_000 }, (_, j) => `n${i}-${j}`) });
  expect(await until("the end", () => patient.status)).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
}, 20_000);

test("versions that nobody ever had cost one answer: what there is, and the removal of the rest", async () => {
  await newWorld();
  const lies = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`lie-${i}`, "1"]));
  const liar = (await client(accepts)).send("cds", { initialResourceVersions: lies });
  await until("rest", () => world.control.discovery.streams.size === 1 && onlyStream().cost.acks > 0);
  await until("rest", () => onlyStream().status.every(({ synced }) => synced));
  expect(new Set(liar.responses.flatMap(({ removedResources }) => removedResources)).size).toBe(1_000);
  expect(onlyStream().status[0]?.held).toBe(liar.responses.reduce((sum, { resources }) => sum + resources.length, 0));
});

test("who subscribes and leaves in a loop has one response on its way", async () => {
  await newWorld();
  const fickle = (await client()).send("cds");
  await until("the clusters", () => fickle.responses.length === 1);
  const name = fickle.responses[0]!.resources[0]!.name;
  for (let i = 0; i < 1_000; i++) {
    fickle.send("cds", { resourceNamesSubscribe: [name] });
    fickle.send("cds", { resourceNamesUnsubscribe: [name] });
  }
  await fickle.heard();
  expect(fickle.of("cds").length).toBe(1);
});

test("a message of 4 GiB is refused by its length", async () => {
  await newWorld();
  let text = "";
  const socket = await rawSocket((bytes) => {
    text += bytes.toString("latin1");
  });
  const prefix = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
  socket.write(Buffer.concat([PREFACE, settingsOf(), headers(1, CALL_HEAD), frame(FRAME.data, 0, 1, prefix)]));
  await until("the refusal", () => text.includes("message is larger than"));
  expect(world.control.discovery.streams.size).toBe(0);
  await othersAreServed();
  socket.terminate();
});

test("a thousand streams on one connection are refused but for a few, and those of a node replace each other", async () => {
  await newWorld();
  const connection = await world.connect(CLIENT);
  const all = Array.from({ length: 1_000 }, () => new Client(connection, silent));
  const refused = () => all.filter(({ status }) => status?.code === "RESOURCE_EXHAUSTED").length;
  await until("the refusals", () => refused() === 1_000 - 64);
  for (const one of all) if (!one.status) one.send("cds");
  await until("those that are left", () => refused() === 1_000 - 8);
  expect(world.control.discovery.streams.size).toBe(8);
  await othersAreServed();
}, 20_000);

test("who is not known may not have the server keep more than one large message", async () => {
  await newWorld();
  const unknown = await client();
  const names = Array.from(
    { length: 90_000 },
    (_, i) => `a-name-of-some-length-that-nobody-has-heard-of-${i}-${"x".repeat(50)}`,
  );
  for (let i = 0; i < 3; i++) unknown.send("cds", { node: NOBODY, resourceNamesSubscribe: names });
  expect(await until("the end", () => unknown.status)).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  expect(world.control.discovery.streams.size).toBe(0);
}, 20_000);

test("types that nobody serves leave no trace, in memory or in metrics", async () => {
  await newWorld();
  const curious = (await client()).send("cds");
  await until("the clusters", () => curious.responses.length === 1);
  for (let i = 0; i < 1_000; i++) {
    const unknown = create(DeltaDiscoveryRequestSchema, { typeUrl: `type.googleapis.com/t${i}`, responseNonce: "1" });
    curious.sendBytes(toBinary(DeltaDiscoveryRequestSchema, unknown));
  }
  await curious.heard();
  expect(onlyStream().status.map(({ kind }) => kind)).toEqual(["cds", "nds"]);
  expect(world.metric("pilot_xds_expired_nonce", "googleapis")).toBe(0);
});

test("a storm of reconnections leaves nothing behind but a count", async () => {
  await newWorld();
  for (let i = 0; i < 50; i++) {
    const storm = await Promise.all(Array.from({ length: 4 }, () => client()));
    for (const one of storm) one.send("cds");
    await until("the answers", () => storm.every(({ responses, status }) => responses.length > 0 || status));
    for (const one of storm) one.cancel();
    await until("the ends", () => world.control.discovery.streams.size === 0);
  }
  expect(world.control.discovery.connectionsOf("Kubernetes/default/client")).toBe(200);
  await othersAreServed();
}, 20_000);
