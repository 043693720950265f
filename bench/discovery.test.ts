import { afterEach, beforeEach, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClientCall } from "../src/grpc/client.ts";
import { connectTo } from "../src/grpc/test-wire.ts";
import type { ClientConnection } from "../src/http/stream.ts";
import { checkRouteConfiguration, checkVirtualHost } from "../src/table/accept/resource.ts";
import { tableOf } from "../src/table/deferred-virtual-host.ts";
import { DeltaClient } from "../src/xds/delta-client.ts";
import { NodeSchema } from "../src/xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "../src/xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { decodeResource } from "../src/xds/resource.ts";
import type { Update } from "../src/xds/update.ts";
import { ROUTES } from "./configuration/discovered.ts";
import { ADS_PATH, Discovery, snapshotOf } from "./discovery.ts";
import { discoveredHosts, fullRoutes, hostResource, oneRoute } from "./route-tables.ts";

const SMALL = { hosts: 3, routes: 4 } as const;
let discovery: Discovery;
let connection: ClientConnection;
const taken: string[] = [];

/** A proxy that takes everything, or refuses it. */
async function connectProxy(accepts: boolean): Promise<void> {
  connection = await connectTo(discovery.port);
  const client = new DeltaClient(create(NodeSchema, { id: "test" }));
  client.want("rds", new Set([ROUTES]));
  client.wantAll("vhds");
  const send = (): void => {
    for (let request = client.next(); request; request = client.next())
      call.send(toBinary(DeltaDiscoveryRequestSchema, request));
  };
  const reasons = (update: Update) =>
    accepts ? [] : update.resources.map(({ name }) => ({ name, path: "", reason: "no room" }));
  const onMessage = (message: Buffer): void => {
    const update = client.receive(fromBinary(DeltaDiscoveryResponseSchema, message));
    if (!update) return;
    taken.push(...update.resources.map(({ name }) => name));
    client.answer(update, reasons(update));
    send();
  };
  const listener = { onMessage, onWritable() {}, onStatus() {} };
  const call = new ClientCall(connection, ADS_PATH, { authority: "bench" }, listener);
  client.opened();
  send();
}

beforeEach(() => {
  taken.length = 0;
  discovery = new Discovery(snapshotOf(oneRoute(), "1"));
});
afterEach(() => {
  connection.shutdown();
  discovery.stop();
});

test("what is published is in force when the promise is kept, and only what changed is sent", async () => {
  await connectProxy(true);
  await discovery.synced();
  expect(taken).toEqual([ROUTES]);
  await discovery.publish(snapshotOf(discoveredHosts(SMALL), "2"));
  expect(taken.slice(1).sort()).toEqual([ROUTES, `${ROUTES}/service-0`, `${ROUTES}/service-1`, `${ROUTES}/service-2`]);
  const changed = hostResource(1, SMALL.routes, "changed");
  const next = discoveredHosts(SMALL).map((resource) => (resource.name === changed.name ? changed : resource));
  expect(await discovery.publish(snapshotOf(next, "3"))).toBeGreaterThan(0);
  expect(taken.slice(5)).toEqual([`${ROUTES}/service-1`]);
});

test("a refusal is a failure with the proxy's reason", async () => {
  await connectProxy(false);
  await expect(discovery.synced()).rejects.toThrow("no room");
});

test("Heddle's proxy takes these tables, and each host has its routes, of which the last takes every path", async () => {
  await connectProxy(true);
  const [full] = fullRoutes(SMALL);
  const accepted = checkRouteConfiguration(decodeResource("rds", full!.bytes));
  if (accepted.kind === "rejected") throw new Error(JSON.stringify(accepted.rejections));
  const all = accepted.table.routes.virtualHosts.all.map(tableOf);
  expect(all.map(({ routes }) => routes.length)).toEqual([4, 4, 4, 1]);
  expect(all.every(({ routes }) => routes.at(-1)?.match.always)).toBe(true);
  const host = checkVirtualHost(decodeResource("vhds", hostResource(0, 4).bytes), accepted.table.shell);
  expect(host.kind).toBe("accepted");
});
