import { afterEach, describe, expect, test } from "bun:test";
import { configureLog } from "../../base/log.ts";
import { configMap, newApi } from "../api/harness.ts";
import type { KubeObject } from "../object.ts";
import { resource } from "../resources.ts";
import { Store } from "../store/store.ts";
import { KubeClient } from "./client.ts";
import { type ConnectionRequest, embeddedConnection, type KubeConnection } from "./connection.ts";
import { Informer, type InformerHandler } from "./informer.ts";

configureLog({ level: "off" });

const running: Informer[] = [];

afterEach(async () => {
  for (const informer of running.splice(0)) await informer.stop();
});

/** Writes down what it is told, and lets a test wait for it. */
class Recorder implements InformerHandler {
  readonly told: string[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  onSnapshot(objects: readonly KubeObject[]): void {
    this.#tell(`snapshot ${objects.map(({ metadata }) => metadata.name).join(",")}`);
  }

  onAdded({ metadata }: KubeObject): void {
    this.#tell(`added ${metadata.name}`);
  }

  onModified({ metadata, data }: KubeObject, previous: KubeObject): void {
    this.#tell(`modified ${metadata.name} ${JSON.stringify(previous.data)} ${JSON.stringify(data)}`);
  }

  onDeleted({ metadata }: KubeObject): void {
    this.#tell(`deleted ${metadata.name}`);
  }

  async until(count: number): Promise<readonly string[]> {
    if (this.told.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting = { count, resolve };
      await promise;
    }
    return this.told;
  }

  #tell(text: string): void {
    this.told.push(text);
    if (this.#waiting && this.told.length >= this.#waiting.count) this.#waiting.resolve();
  }
}

function watching(connection: KubeConnection, type = resource.configMaps as (typeof resource)[keyof typeof resource]) {
  const recorder = new Recorder();
  const informer = new Informer(new KubeClient(connection, "test"), type, recorder, { namespace: "default" });
  running.push(informer);
  informer.start();
  return { recorder, informer };
}

/** A connection whose requests a test may interfere with; undefined lets the request through. */
function interfered(
  connection: KubeConnection,
  interfere: (url: URL, request: ConnectionRequest) => Response | undefined,
): KubeConnection {
  return {
    ...connection,
    fetch: async (url, request) => interfere(new URL(url), request) ?? connection.fetch(url, request),
  };
}

describe("an informer", () => {
  test("tells what there is, then every change", async () => {
    const connection = embeddedConnection(newApi().api);
    const client = new KubeClient(connection, "test");
    await client.create(resource.configMaps, configMap("a"));
    const { recorder, informer } = watching(connection);
    await informer.synced;
    await client.create(resource.configMaps, configMap("b"));
    await client.patch(
      resource.configMaps,
      { namespace: "default", name: "b" },
      { kind: "merge", patch: { data: { k: "v" } } },
    );
    await client.delete(resource.configMaps, { namespace: "default", name: "a" });
    expect(await recorder.until(4)).toEqual(["snapshot a", "added b", 'modified b {} {"k":"v"}', "deleted a"]);
    expect(informer.state.kind).toBe("watching");
  });

  test("whose watch ends resumes where it was, and misses nothing", async () => {
    const { api } = newApi();
    const connection = embeddedConnection(api);
    const client = new KubeClient(connection, "test");
    const versions: string[] = [];
    let lists = 0;
    const { recorder, informer } = watching(
      interfered(connection, (url) => {
        if (!url.pathname.endsWith("configmaps")) return undefined;
        if (!url.searchParams.has("watch")) lists++;
        else versions.push(url.searchParams.get("resourceVersion")!);
        url.searchParams.set("timeoutSeconds", "1");
        return undefined;
      }),
    );
    await informer.synced;
    await client.create(resource.configMaps, configMap("a"));
    await recorder.until(2);
    expect(lists).toBe(1);
    expect(recorder.told).toEqual(["snapshot ", "added a"]);
  });

  test("whose connection breaks goes on from the last version, without a new list", async () => {
    const { api } = newApi();
    const connection = embeddedConnection(api);
    const client = new KubeClient(connection, "test");
    const broken: AbortController[] = [];
    let lists = 0;
    const { recorder, informer } = watching({
      ...connection,
      fetch: async (url, request) => {
        if (!url.includes("watch=true")) {
          lists++;
          return connection.fetch(url, request);
        }
        const breaker = new AbortController();
        broken.push(breaker);
        return connection.fetch(url, { ...request, signal: AbortSignal.any([request.signal!, breaker.signal]) });
      },
    });
    await informer.synced;
    await client.create(resource.configMaps, configMap("a"));
    await recorder.until(2);
    broken[0]!.abort(new Error("connection reset"));
    await client.create(resource.configMaps, configMap("b"));
    expect(await recorder.until(3)).toEqual(["snapshot ", "added a", "added b"]);
    expect(lists).toBe(1);
  });

  test("whose version has expired lists again and tells the whole state", async () => {
    const store = Store.open(":memory:");
    const { api } = newApi({ store });
    const connection = embeddedConnection(api);
    const client = new KubeClient(connection, "test");
    let breaker = new AbortController();
    const { recorder, informer } = watching({
      ...connection,
      fetch: (url, request) =>
        connection.fetch(url, { ...request, signal: AbortSignal.any([request.signal!, breaker.signal]) }),
    });
    await informer.synced;
    await client.create(resource.configMaps, configMap("a"));
    await recorder.until(2);
    const old = breaker;
    breaker = new AbortController();
    old.abort(new Error("connection reset"));
    await client.create(resource.configMaps, configMap("b"));
    store.compact();
    const told = await recorder.until(3);
    expect(told.at(-1)).toBe("snapshot a,b");
  });

  test("of a kind that the server does not have has an empty state and no failure", async () => {
    const connection = interfered(embeddedConnection(newApi().api), () =>
      Response.json({ kind: "Status", reason: "NotFound", code: 404 }, { status: 404 }),
    );
    const { recorder, informer } = watching(connection, resource.virtualServices);
    await informer.synced;
    expect(recorder.told).toEqual(["snapshot "]);
    expect(informer.state.kind).toBe("absent");
  });

  test("waits between attempts while the server fails, and recovers", async () => {
    let attempts = 0;
    const connection = interfered(embeddedConnection(newApi().api), () =>
      attempts++ < 2 ? new Response("no", { status: 500 }) : undefined,
    );
    const { recorder, informer } = watching(connection);
    await informer.synced;
    expect(attempts).toBeGreaterThanOrEqual(3);
    expect(recorder.told).toEqual(["snapshot "]);
  });

  test("that is stopped says nothing more", async () => {
    const connection = embeddedConnection(newApi().api);
    const client = new KubeClient(connection, "test");
    const { recorder, informer } = watching(connection);
    await informer.synced;
    await informer.stop();
    await client.create(resource.configMaps, configMap("a"));
    expect(recorder.told).toEqual(["snapshot "]);
    expect(informer.state.kind).toBe("stopped");
  });
});
