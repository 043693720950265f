// Secrets over the Unix socket that a proxy uses.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { configureLog } from "../base/log.ts";
import { Secret } from "../base/secret.ts";
import { until } from "../base/until-fixture.ts";
import { ClientCall } from "../grpc/client.ts";
import type { GrpcListener } from "../grpc/listen.ts";
import { GrpcService } from "../grpc/server.ts";
import type { GrpcStatus } from "../grpc/status.ts";
import { Http2ClientConnection } from "../http/h2/client-connection.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import type { ClientConnection } from "../http/stream.ts";
import { connect } from "../net/connect.ts";
import { DeltaClient } from "../xds/delta-client.ts";
import { NodeSchema } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { SPIFFECertValidatorConfigSchema } from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { messageIn } from "../xds/resource-fixtures.ts";
import { CONTROL_PLANE_ROOTS } from "./bootstrap.ts";
import { serveLocally } from "./local-service.ts";
import { SDS_PATH, SecretService } from "./sds.ts";

let folder = "";
let secrets: SecretService;
let listener: GrpcListener;
const connections: ClientConnection[] = [];

beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "heddle-sds-"));
  secrets = new SecretService();
  listener = serveLocally(join(folder, "agent.sock"), new GrpcService({ [SDS_PATH]: secrets.method }));
});
afterEach(() => {
  for (const connection of connections.splice(0)) connection.shutdown();
  listener.stop();
  rmSync(folder, { recursive: true, force: true });
});

function identity(name: string) {
  return { chain: `chain ${name}`, key: new Secret(`key ${name}`), roots: `roots ${name}`, notAfterMs: 1 };
}

async function dial(): Promise<ClientConnection> {
  const connection = await new Promise<ClientConnection>((resolve, reject) =>
    connect({ kind: "unix", path: join(folder, "agent.sock") }, undefined, 2_000, {
      onConnected(transport) {
        const made = new Http2ClientConnection(
          transport,
          { onAvailable() {}, onDraining() {}, onClosed() {} },
          DEFAULT_LIMITS,
        );
        transport.listener = made;
        resolve(made);
      },
      onConnectFailure: (detail) => reject(new Error(detail)),
    }),
  );
  connections.push(connection);
  return connection;
}

/** A proxy's stream for `names`; what it was sent last, by name. */
async function subscriber(...names: readonly string[]) {
  const client = new DeltaClient(create(NodeSchema, { id: "test" }));
  const got = new Map<string, string>();
  const send = () => {
    for (let request = client.next(); request; request = client.next())
      call.send(toBinary(DeltaDiscoveryRequestSchema, request));
  };
  const call: ClientCall = new ClientCall(
    await dial(),
    SDS_PATH,
    { authority: "agent" },
    {
      onMessage(message) {
        const update = client.receive(fromBinary(DeltaDiscoveryResponseSchema, message));
        if (update?.kind !== "sds") return;
        for (const resource of update.resources)
          got.set(resource.name, JSON.stringify(messageIn("sds", resource).type));
        client.answer(update, []);
        send();
      },
      onWritable() {},
      onStatus() {},
    },
  );
  client.want("sds", new Set(names));
  client.opened();
  send();
  return got;
}

test("every subscriber gets what it asked for, when it is there and each time that it is renewed", async () => {
  const early = await subscriber("default", "ROOTCA");
  secrets.update(identity("1"));
  await until("the first secrets", () => early.size === 2);
  expect(early.get("default")).toContain("key 1");
  expect(early.get("ROOTCA")).toContain("roots 1");
  const other = await subscriber("ROOTCA");
  await until("the roots", () => other.size === 1);
  secrets.update(identity("2"));
  await until("the renewal", () => early.get("default")?.includes("key 2") && other.get("ROOTCA")?.includes("roots 2"));
  expect([...other.keys()]).toEqual(["ROOTCA"]);
});

test("roots beside the mesh's vouch for peers alone, and come and go while proxies run", async () => {
  secrets.update(identity("1"));
  const roots = await subscriber("ROOTCA", CONTROL_PLANE_ROOTS);
  await until("the roots", () => roots.size === 2);
  secrets.trust({ anchors: "anchor 7", domains: [] });
  await until("the anchor", () => roots.get("ROOTCA")?.includes("roots 1\\nanchor 7"));
  expect(roots.get(CONTROL_PLANE_ROOTS)).not.toContain("anchor 7");
  secrets.trust({ anchors: "", domains: [] });
  await until("its end", () => !roots.get("ROOTCA")?.includes("anchor 7"));
});

test("where roots are for some trust domains alone, each has its own: the mesh's its own, those of nobody in particular every one", async () => {
  secrets.update(identity("1"));
  secrets.trust({
    anchors: "anyone's",
    domains: [
      { trustDomain: "cluster.local", isOwn: true, anchors: "" },
      { trustDomain: "far.example", isOwn: false, anchors: "far" },
    ],
  });
  const got = await subscriber("ROOTCA", CONTROL_PLANE_ROOTS);
  await until("the roots", () => got.size === 2);
  const { trustedCa, customValidatorConfig } = JSON.parse(got.get("ROOTCA")!).value;
  expect(trustedCa).toBeUndefined();
  const { value: packed } = customValidatorConfig.typedConfig;
  const config = fromBinary(SPIFFECertValidatorConfigSchema, Uint8Array.from(packed.data ?? Object.values(packed)));
  expect(config.trustDomains.map(({ name, trustBundle }) => [name, trustBundle?.specifier.value])).toEqual([
    ["cluster.local", "roots 1\nanyone's\n"],
    ["far.example", "anyone's\nfar\n"],
  ]);
  expect(JSON.parse(got.get(CONTROL_PLANE_ROOTS)!).value.trustedCa.specifier.value).toBe("roots 1");
});

test("garbage ends its own stream, and the agent goes on", async () => {
  secrets.update(identity("1"));
  const { promise, resolve } = Promise.withResolvers<GrpcStatus>();
  const listener = { onMessage() {}, onWritable() {}, onStatus: resolve };
  new ClientCall(await dial(), SDS_PATH, { authority: "agent" }, listener).send(Buffer.from([0xff, 0xff]));
  expect(await promise).toMatchObject({ code: "INVALID_ARGUMENT" });
  const next = await subscriber("default");
  await until("the secret", () => next.size === 1);
});
