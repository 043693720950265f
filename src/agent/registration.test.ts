// Registration as the agent keeps it, against a control plane that is there, away, or of another mind.

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { configureLog } from "../base/log.ts";
import { Secret } from "../base/secret.ts";
import { until } from "../base/until-fixture.ts";
import { type GrpcListener, listenGrpc } from "../grpc/listen.ts";
import { GrpcService, unary } from "../grpc/server.ts";
import type { GrpcStatus } from "../grpc/status.ts";
import { createTlsContext } from "../net/tls-context.ts";
import { testLeaf, testRoot } from "../pki/certificate-fixtures.ts";
import { peerIdentity } from "../pki/svid.ts";
import {
  DeregisterRequestSchema,
  type RegisterRequest,
  RegisterRequestSchema,
  RegisterResponseSchema,
} from "../xds/gen/heddle/registration/v1/registration_pb.ts";
import { DEREGISTER_PATH, REGISTER_PATH } from "../xds/registration.ts";
import type { HeldIdentity } from "./identity.ts";
import { Registration } from "./registration.ts";

const CONTROL = "spiffe://cluster.local/ns/heddle-system/sa/heddle";
const WORKLOAD = "spiffe://cluster.local/ns/default/sa/a";
/** Renewed after MIN_RENEWAL_MS. */
const SHORT_LEASE_MS = 100;
const LONG_LEASE_MS = 3_600_000;
const now = Date.now();
const root = testRoot(now);
const control = testLeaf(root, CONTROL, now);

function heldOf(id: string): HeldIdentity {
  const leaf = testLeaf(root, id, now);
  return { chain: leaf.pem, key: new Secret(leaf.keyPem), roots: root.pem, notAfterMs: now + 60_000 };
}

/** What a control plane heard, and what it answers. */
class World {
  readonly registered: {
    readonly request: RegisterRequest;
    readonly principal: string;
    readonly connection: string;
  }[] = [];
  readonly ended: string[] = [];
  refusal: GrpcStatus | undefined;
  leaseMs = LONG_LEASE_MS;
  #listener: GrpcListener | undefined;
  identity = heldOf(WORKLOAD);

  listen(port = 0): number {
    const register = unary(async (bytes, { peer }) => {
      const request = fromBinary(RegisterRequestSchema, bytes);
      this.registered.push({ request, principal: peer.principal, connection: peer.address });
      const response = create(RegisterResponseSchema, { lease: durationFromMs(this.leaseMs) });
      return this.refusal ?? { message: toBinary(RegisterResponseSchema, response) };
    });
    const deregister = unary(async (bytes) => {
      const { instance } = fromBinary(DeregisterRequestSchema, bytes);
      this.ended.push(`${instance?.name} ${Buffer.from(instance?.key ?? []).toString("hex")}`);
      return { message: new Uint8Array() };
    });
    const context = createTlsContext({ certificate: control.pem, key: control.keyPem, roots: root.pem }, "TLSv1.3");
    this.#listener = listenGrpc(
      { kind: "tcp", host: "127.0.0.1", port },
      {
        context: () => context,
        alpn: ["h2"],
        clientCertificate: "optional",
        handshakeTimeoutMs: 2_000,
        onHandshakeFailure() {},
      },
      new GrpcService({ [REGISTER_PATH]: register, [DEREGISTER_PATH]: deregister }),
      ({ tls, remote }) => {
        const id = tls?.peerCertificate && peerIdentity(tls.peerCertificate);
        return { principal: id?.kind === "parsed" ? id.value.uri : "", address: `${remote.address}:${remote.port}` };
      },
    );
    return this.#listener.port;
  }

  stop(): void {
    this.#listener?.stop();
  }
}

const worlds: World[] = [];
const registrations: Registration[] = [];
beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));
afterEach(async () => {
  for (const registration of registrations.splice(0)) await registration.end();
  for (const world of worlds.splice(0)) world.stop();
});

function newWorld(): World {
  const world = new World();
  worlds.push(world);
  return world;
}

function registrationAt(port: number): Registration {
  const controlPlane = { host: "127.0.0.1", port, roots: root.pem, identity: CONTROL };
  const registration = new Registration(controlPlane, { name: "a-v1-abcde", app: "a", version: "v1" });
  registrations.push(registration);
  return registration;
}

test("says with its certificate what it is, then what becomes of it, and takes it back with the same key", async () => {
  const world = newWorld();
  const registration = registrationAt(world.listen());
  await registration.start(() => world.identity);
  await registration.set({ ready: true });
  await registration.set({ ready: false, reason: "Draining" });
  await registration.end();
  expect(world.registered.map(({ request: { ready, reason }, principal }) => [ready, reason, principal])).toEqual([
    [false, "Starting", WORKLOAD],
    [true, "", WORKLOAD],
    [false, "Draining", WORKLOAD],
  ]);
  const keys = world.registered.map(({ request: { instance } }) => Buffer.from(instance?.key ?? []).toString("hex"));
  expect(keys[0]?.length).toBe(64);
  expect(new Set(keys).size).toBe(1);
  expect(world.ended).toEqual([`a-v1-abcde ${keys[0]}`]);
  expect(new Set(world.registered.map(({ connection }) => connection)).size).toBe(1);
});

test("two instances have different keys", async () => {
  const world = newWorld();
  const port = world.listen();
  for (const registration of [registrationAt(port), registrationAt(port)])
    await registration.start(() => world.identity);
  const [a, b] = world.registered.map(({ request }) => Buffer.from(request.instance?.key ?? []).toString("hex"));
  expect(a).not.toBe(b);
});

test("is renewed in its lease, over a new connection once the certificate is a new one", async () => {
  const world = newWorld();
  world.leaseMs = SHORT_LEASE_MS;
  const registration = registrationAt(world.listen());
  await registration.start(() => world.identity);
  await until("renewals", () => world.registered.length > 2);
  const [first] = world.registered;
  expect(world.registered.every(({ connection }) => connection === first?.connection)).toBe(true);
  world.identity = heldOf(WORKLOAD);
  const before = world.registered.length;
  await until("a renewal", () => world.registered.length > before + 1);
  expect(world.registered.at(-1)?.connection).not.toBe(first?.connection);
  expect(world.registered.at(-1)?.request.reason).toBe("Starting");
});

test("a control plane that was away hears of it when it is back", async () => {
  const world = newWorld();
  world.leaseMs = SHORT_LEASE_MS;
  const port = world.listen();
  const registration = registrationAt(port);
  await registration.start(() => world.identity);
  world.stop();
  const next = newWorld();
  next.leaseMs = SHORT_LEASE_MS;
  next.listen(port);
  await until("the registration", () => next.registered.length > 0);
  expect(next.registered[0]?.request.instance?.name).toBe("a-v1-abcde");
});

test("a refusal at the start is a Failure that says why; later ones do not end the renewals", async () => {
  const world = newWorld();
  world.refusal = { code: "PERMISSION_DENIED", message: "the Pod is another's" };
  const port = world.listen();
  const refused: unknown = await registrationAt(port)
    .start(() => world.identity)
    .catch((error: unknown) => error);
  expect(refused).toMatchObject({
    message: `the control plane at 127.0.0.1:${port} refused to register the workload: the Pod is another's`,
  });
  world.refusal = undefined;
  world.leaseMs = SHORT_LEASE_MS;
  await registrationAt(port).start(() => world.identity);
  world.refusal = { code: "UNAVAILABLE", message: "the store is busy" };
  const before = world.registered.length;
  await until("a renewal that fails", () => world.registered.length > before);
  world.refusal = undefined;
  const failed = world.registered.length;
  await until("one that does not", () => world.registered.length > failed);
});

test("without a control plane the start fails, and the end does not", async () => {
  const world = newWorld();
  const port = world.listen();
  world.stop();
  const registration = registrationAt(port);
  const failed: unknown = await registration.start(() => world.identity).catch((error: unknown) => error);
  expect(failed).toMatchObject({ hint: "is it running? `heddle up` starts it" });
  await registration.end();
});
