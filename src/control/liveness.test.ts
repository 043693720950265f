import { afterAll, afterEach, beforeAll, expect, spyOn, test } from "bun:test";
import { configureLog } from "../base/log.ts";
import { until } from "../base/until-fixture.ts";
import { newApi } from "../kube/api/harness.ts";
import { KubeClient } from "../kube/client/client.ts";
import { embeddedConnection } from "../kube/client/connection.ts";
import { resource } from "../kube/resources.ts";
import { Liveness } from "./liveness.ts";
import { REGISTERED_BY } from "./standing.ts";

beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));

const POD = { namespace: "default", name: "a" };
const LONG_MS = 60_000;
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** Of a process that is gone, neither is there. */
function lose(liveness: Liveness): void {
  liveness.onLost(POD, "proxy");
  liveness.onLost(POD, "lease");
}

async function world(
  unreadyAfterMs: number,
  forgetAfterMs: number,
  annotations: Record<string, string> = { [REGISTERED_BY]: "run" },
) {
  const client = new KubeClient(embeddedConnection(newApi().api), "test");
  await client.create(resource.pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...POD, annotations },
    spec: { containers: [{ name: "app", image: "app" }] },
  });
  const conditions = [{ type: "Ready", status: "True" }];
  await client.patch(
    resource.pods,
    POD,
    { kind: "merge", patch: { status: { conditions } } },
    { subresource: "status" },
  );
  const liveness = new Liveness({ client, unreadyAfterMs, returnWithinMs: unreadyAfterMs, forgetAfterMs });
  stops.push(() => liveness.stop());
  const ready = async () => {
    const pod = await client.get(resource.pods, POD);
    return pod && JSON.stringify(pod.status).includes('"status":"True"');
  };
  /** Whether the Pod was written unready: it may be forgotten before anybody looks. */
  const patches = spyOn(client, "patch");
  const wasUnready = () => JSON.stringify(patches.mock.calls).includes('"status":"False"');
  return { client, liveness, ready, wasUnready };
}

test("a workload without its proxy's stream is unready after a while, and forgotten later", async () => {
  const { client, liveness, wasUnready } = await world(1, 30);
  lose(liveness);
  await until("the forgotten Pod", async () => (await client.get(resource.pods, POD)) === undefined);
  expect(wasUnready()).toBe(true);
});

test("registrations of an earlier life that do not connect go the same way", async () => {
  const { client, liveness } = await world(1, 1);
  await liveness.start();
  liveness.onLost(POD, "lease");
  await until("the forgotten Pod", async () => (await client.get(resource.pods, POD)) === undefined);
});

test("after a start, who renews its lease is given the time of a long back-off, and who does not is not", async () => {
  const { client, ready } = await world(1, LONG_MS);
  const liveness = new Liveness({ client, unreadyAfterMs: 1, returnWithinMs: LONG_MS, forgetAfterMs: LONG_MS });
  await liveness.start();
  const other = await world(1, 1);
  lose(other.liveness);
  await until("the one that is lost", async () => (await other.client.get(resource.pods, POD)) === undefined);
  expect(await ready()).toBe(true);
  liveness.onLost(POD, "lease");
  await until("the mark", async () => !(await ready()));
  liveness.stop();
});

test("a proxy that comes back in time changes nothing; Kubernetes' own Pods never are touched", async () => {
  const back = await world(LONG_MS, 1);
  back.liveness.onLost(POD, "proxy");
  back.liveness.onAlive(POD, "proxy");
  const foreign = await world(1, 1, {});
  lose(foreign.liveness);
  const other = await world(1, 1);
  lose(other.liveness);
  await until("the one that is lost", async () => (await other.client.get(resource.pods, POD)) === undefined);
  expect(await back.ready()).toBe(true);
  expect(await foreign.ready()).toBe(true);
});

test("a proxy that comes back while its Pod is being marked is neither unready nor forgotten", async () => {
  const { client, liveness, ready } = await world(1, 1);
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const get = client.get.bind(client);
  client.get = async (...call) => {
    ask();
    await held;
    return get(...call);
  };
  liveness.onLost(POD, "proxy");
  await asked;
  liveness.onAlive(POD, "proxy");
  release();
  const witness = await world(1, 1);
  lose(witness.liveness);
  await until("another that is lost", async () => (await witness.client.get(resource.pods, POD)) === undefined);
  expect(await ready()).toBe(true);
});

test("either sign that is gone makes it unready, and says why; it is forgotten only when its agent is gone, too", async () => {
  const { client, liveness, wasUnready } = await world(1, 1);
  liveness.onLost(POD, "lease");
  await until("the forgotten Pod", async () => (await client.get(resource.pods, POD)) === undefined);
  expect(wasUnready()).toBe(true);

  const renewed = await world(1, 1);
  expect(renewed.liveness.objection(POD)).toBeUndefined();
  renewed.liveness.onLost(POD, "proxy");
  await until("the unready Pod", async () => (await renewed.ready()) === false);
  expect(renewed.liveness.objection(POD)).toBe("ProxyDisconnected");
  const witness = await world(1, 1);
  lose(witness.liveness);
  await until("another that is lost", async () => (await witness.client.get(resource.pods, POD)) === undefined);
  expect(await renewed.ready()).toBe(false);
  renewed.liveness.onLost(POD, "lease");
  renewed.liveness.onAlive(POD, "proxy");
  expect(renewed.liveness.objection(POD)).toBe("LeaseExpired");
  renewed.liveness.onAlive(POD, "lease");
  expect(renewed.liveness.objection(POD)).toBeUndefined();
});
