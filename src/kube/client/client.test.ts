import { afterEach, describe, expect, test } from "bun:test";
import { Failure } from "../../base/failure.ts";
import type { KubeApi } from "../api/api.ts";
import { configMap, newApi, virtualService } from "../api/harness.ts";
import { type ServedApi, serveApi } from "../api/server.ts";
import { type ResourceType, resource } from "../resources.ts";
import { StatusFailure } from "../status.ts";
import { KubeClient } from "./client.ts";
import { embeddedConnection, type KubeConnection, plainConnection } from "./connection.ts";

const servers: ServedApi[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(0);
});

function overSocket(api: KubeApi): KubeConnection {
  const server = serveApi({ api, port: 0 });
  servers.push(server);
  return plainConnection(server.url);
}

/** A connection to a server that answers as it is told; `asked` records what it was asked. */
function scripted(answer: (path: string, request: RequestInit) => Response): {
  connection: KubeConnection;
  asked: string[];
} {
  const asked: string[] = [];
  const connection: KubeConnection = {
    ...plainConnection("http://scripted"),
    fetch: async (url, request) => {
      const path = url.slice("http://scripted".length);
      asked.push(`${request.method} ${path}`);
      return answer(path, request);
    },
  };
  return { connection, asked };
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof StatusFailure) return outcome.reason;
  throw new Error(`expected a StatusFailure: ${outcome}`);
}

const PLACE = { namespace: "default", name: "a" };
const VS: ResourceType = resource.virtualServices;

describe.each([
  ["over a socket", overSocket],
  ["in the same process", embeddedConnection],
] as const)("the client %s", (_, connect) => {
  test("creates, gets, replaces, patches and deletes", async () => {
    const client = new KubeClient(connect(newApi().api), "test");
    expect(await client.get(VS, PLACE)).toBeUndefined();
    const created = await client.create(VS, virtualService("a"));
    expect(created.metadata.managedFields![0]!.manager).toBe("test");
    const replaced = await client.replace(VS, { ...created, spec: { hosts: ["b"] } });
    expect(await reasonOf(client.replace(VS, { ...created, spec: { hosts: ["c"] } }))).toBe("Conflict");
    const patched = await client.patch(VS, PLACE, { kind: "merge", patch: { metadata: { labels: { x: "y" } } } });
    expect(patched.metadata.generation).toBe(replaced.metadata.generation);
    const operations = [{ op: "replace", path: "/spec/hosts/0", value: "d" }];
    expect((await client.patch(VS, PLACE, { kind: "json", operations })).spec).toEqual({ hosts: ["d"] });
    expect(await client.get(VS, PLACE)).toMatchObject({ spec: { hosts: ["d"] }, metadata: { labels: { x: "y" } } });
    expect(await client.delete(VS, PLACE)).toBe(true);
    expect(await client.delete(VS, PLACE)).toBe(false);
  });

  test("applies, and hears of conflicts", async () => {
    const { api } = newApi();
    const connection = connect(api);
    await new KubeClient(connection, "alice").apply(VS, virtualService("a"));
    const bob = new KubeClient(connection, "bob");
    expect(await reasonOf(bob.apply(VS, virtualService("a", { hosts: ["b"] })))).toBe("Conflict");
    expect((await bob.apply(VS, virtualService("a", { hosts: ["b"] }), { force: true })).spec).toEqual({
      hosts: ["b"],
    });
    expect((await bob.apply(VS, virtualService("z"), { dryRun: true })).metadata.uid).toBeDefined();
    expect(await bob.get(VS, { namespace: "default", name: "z" })).toBeUndefined();
  });

  test("writes status apart", async () => {
    const client = new KubeClient(connect(newApi().api), "test");
    const created = await client.create(VS, virtualService("a"));
    const withStatus = await client.replace(VS, { ...created, status: { ok: true } }, { subresource: "status" });
    expect(withStatus).toMatchObject({ status: { ok: true }, metadata: { generation: 1 } });
    const applied = await client.apply(VS, { ...virtualService("a"), status: { more: 1 } }, { subresource: "status" });
    expect(applied.status).toEqual({ ok: true, more: 1 });
  });

  test("lists all pages in the storage version", async () => {
    const client = new KubeClient(connect(newApi().api), "test");
    for (let n = 0; n < 12; n++)
      await client.create(resource.configMaps, configMap(`c${n}`, {}, { labels: { odd: String(n % 2) } }));
    const { objects, resourceVersion } = await client.list(resource.configMaps, {
      namespace: "default",
      labelSelector: "odd=1",
    });
    expect(objects).toHaveLength(6);
    expect(objects[0]).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
    expect(Number(resourceVersion)).toBeGreaterThan(0);
  });

  test("watches until it is told to stop", async () => {
    const client = new KubeClient(connect(newApi().api), "test");
    const stop = new AbortController();
    const { resourceVersion } = await client.list(VS);
    const events = client.watch(VS, { resourceVersion, timeoutSeconds: 60, signal: stop.signal });
    await client.create(VS, virtualService("a"));
    const { value } = await events.next();
    expect(value).toMatchObject({ kind: "added", object: { metadata: { name: "a" } } });
    const next = events.next().then(
      ({ done }) => done,
      () => true,
    );
    stop.abort();
    expect(await next).toBe(true);
  });

  test("rejects with what the server said", async () => {
    const client = new KubeClient(connect(newApi().api), "test");
    const failure = await client.create(VS, virtualService("Bad_Name")).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StatusFailure);
    expect((failure as StatusFailure).status).toMatchObject({ code: 422, reason: "Invalid" });
    expect((failure as StatusFailure).exit).toBe(65);
  });
});

describe("servers that are not like the embedded one", () => {
  const json = (body: object, init?: ResponseInit) => Response.json(body, init);

  test("an old Istio is spoken to in the version that it has", async () => {
    const { connection, asked } = scripted((path) => {
      if (path === "/apis/networking.istio.io/v1")
        return json({ kind: "Status", reason: "NotFound", code: 404 }, { status: 404 });
      if (path === "/apis/networking.istio.io/v1beta1") return json({ resources: [{ name: "virtualservices" }] });
      return json({ ...virtualService("a", {}, { namespace: "default" }), apiVersion: "networking.istio.io/v1beta1" });
    });
    const client = new KubeClient(connection, "test");
    const object = await client.get(VS, PLACE);
    expect(object!.apiVersion).toBe("networking.istio.io/v1");
    await client.replace(VS, object!);
    expect(asked.slice(2)).toEqual([
      "GET /apis/networking.istio.io/v1beta1/namespaces/default/virtualservices/a",
      "PUT /apis/networking.istio.io/v1beta1/namespaces/default/virtualservices/a?fieldManager=test",
    ]);
  });

  test("a kind that is not installed is NotFound", async () => {
    const { connection } = scripted(() => json({ kind: "Status", reason: "NotFound", code: 404 }, { status: 404 }));
    expect(await reasonOf(new KubeClient(connection, "test").list(VS))).toBe("NotFound");
  });

  test("a server that asks for patience is asked again", async () => {
    let times = 0;
    const { connection } = scripted(() =>
      times++ < 2 ? new Response("busy", { status: 429, headers: { "retry-after": "0" } }) : json(configMap("a")),
    );
    expect(await new KubeClient(connection, "test").get(resource.configMaps, PLACE)).toBeDefined();
    expect(times).toBe(3);
  });

  test("credentials are renewed once after a 401", async () => {
    const given: (string | null)[] = [];
    const { connection } = scripted((_, request) => {
      given.push(new Headers(request.headers).get("authorization"));
      return new Response("", { status: 401 });
    });
    const credentials = async (rejected: boolean) => ({ headers: { authorization: rejected ? "new" : "old" } });
    const client = new KubeClient({ ...connection, credentials }, "test");
    expect(await reasonOf(client.get(resource.configMaps, PLACE))).toBe("Unknown");
    expect(given).toEqual(["old", "new"]);
  });

  test("an answer that is no Status is told in a sentence", async () => {
    const { connection } = scripted(() => new Response("<html>Bad Gateway</html>", { status: 502 }));
    const failure = await new KubeClient(connection, "test")
      .get(resource.configMaps, PLACE)
      .catch((error: unknown) => error);
    expect((failure as Failure).message).toBe(
      "GET /api/v1/namespaces/default/configmaps/a: the server answered 502: <html>Bad Gateway</html>",
    );
  });

  test("a server that is not there is a failure that names it", async () => {
    const client = new KubeClient(plainConnection("http://127.0.0.1:1"), "test");
    const failure = await client.get(resource.configMaps, PLACE).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Failure);
    expect((failure as Failure).message).toContain("cannot reach the Kubernetes API at http://127.0.0.1:1");
  });
});
