// Unix sockets of several workers: one socket for all of them, whoever comes and goes.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { until } from "../../src/base/until-fixture.ts";
import { httpFilter, listener, type Message, parse, routeTo, staticCluster } from "../../src/proxy/proxy-fixture.ts";
import { answering, type RawServer } from "../../src/proxy/raw-peer-fixture.ts";
import { isAlive, SupervisedProxy } from "../../src/proxy/workers/supervised-fixture.ts";
import { ClusterSchema } from "../../src/xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "../../src/xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { encodeResource, type Resource } from "../../src/xds/resource.ts";
import { snapshotOf } from "../../src/xds/resource-fixtures.ts";

setDefaultTimeout(60_000);

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const PER_WORKER = "envoy_http_downstream_cx_total";

const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "heddle-pipes-"));
  open.push({ close: () => rmSync(made, { recursive: true, force: true }) });
  return made;
}

function resources(upstream: RawServer, pipe: Message, name = "l"): readonly Resource[] {
  const routes = [{ name: "r", domains: ["*"], routes: [routeTo("up")] }];
  const filter = httpFilter({ name, settings: { route_config: { name: "r", virtual_hosts: routes } } });
  return [
    encodeResource("cds", parse(ClusterSchema, staticCluster("up", [upstream.port]))),
    encodeResource("lds", parse(ListenerSchema, listener(name, filter, { address: { pipe } }))),
  ];
}

async function started(pipe: Message): Promise<{ readonly proxy: SupervisedProxy; readonly upstream: RawServer }> {
  const upstream = answering(OK);
  open.push(upstream);
  const proxy = await SupervisedProxy.start({ resources: resources(upstream, pipe) });
  open.push(proxy);
  return { proxy, upstream };
}

/** The statuses of requests on connections of their own. */
async function statuses(unix: string, count: number): Promise<readonly (number | string)[]> {
  const ask = async (): Promise<number | string> => {
    const answer = Promise.withResolvers<number | string>();
    const socket = {
      open: (client: Socket) => void client.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
      data: (_: unknown, chunk: Buffer) => answer.resolve(Number(chunk.toString("latin1").split(" ")[1])),
      close: () => answer.resolve("closed"),
      error: () => answer.resolve("failed"),
    };
    await Bun.connect({ unix, socket }).catch(({ message }: Error) => answer.resolve(message));
    return answer.promise;
  };
  return [...new Set(await Promise.all(Array.from({ length: count }, ask)))];
}

test("serve together, whoever crashes, over a restart, and take the file away at their end", async () => {
  const path = join(folder(), "s.sock");
  const { proxy } = await started({ path, mode: 0o660 });
  expect(statSync(path).mode & 0o777).toBe(0o660);
  const file = statSync(path).ino;
  expect(await statuses(path, 200)).toEqual([200]);
  expect(await proxy.metric(PER_WORKER)).toBeGreaterThanOrEqual(200);
  for (const victim of proxy.workerPids) {
    process.kill(victim, "SIGKILL");
    await until("it is gone", () => !isAlive(victim));
    expect(await statuses(path, 20)).toEqual([200]);
    await until("it is replaced", () => proxy.isReady(), 30_000);
  }
  expect(await statuses(path, 20)).toEqual([200]);
  await proxy.restart();
  expect(await statuses(path, 20)).toEqual([200]);
  expect(statSync(path).ino).toBe(file);
  proxy.process.kill("SIGTERM");
  await proxy.process.exited;
  expect(existsSync(path)).toBe(false);
});

test("a listener of another name may have the path in the update that removes the first", async () => {
  const path = join(folder(), "s.sock");
  const { proxy, upstream } = await started({ path });
  proxy.ads.lines = [];
  proxy.ads.update(snapshotOf(resources(upstream, { path }, "other")));
  await until("the update is taken", () => proxy.ads.lines.includes("> lds ack"));
  expect(await statuses(path, 40)).toEqual([200]);
  await until("the update is settled", () => existsSync(path));
  proxy.ads.lines = [];
  proxy.ads.update(snapshotOf(resources(upstream, { path: `${path}.2` }, "other")));
  await until("the next is taken", () => proxy.ads.lines.includes("> lds ack"));
  expect(await statuses(`${path}.2`, 40)).toEqual([200]);
  expect(existsSync(path)).toBe(false);
});

test("a name of the abstract namespace is one socket for all", async () => {
  const name = `@heddle-worker-pipes-${process.pid}`;
  const { proxy } = await started({ path: name });
  const unix = name.replace("@", "\0");
  expect(await statuses(unix, 40)).toEqual([200]);
  await proxy.restart();
  expect(await statuses(unix, 40)).toEqual([200]);
});
