import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configureLog } from "../base/log.ts";
import { TrafficStore } from "../telemetry/traffic-store.ts";
import type { State } from "./api.ts";
import { packAssets, readAssets, unpackAssets } from "./assets.ts";
import { Events } from "./events.ts";
import { type AdminOptions, type AdminServer, serveAdmin } from "./server.ts";
import type { Sources } from "./sources.ts";
import { stateOf } from "./state.ts";

configureLog({ level: "off" });

const store = new TrafficStore();
const CONDITIONS = {
  group: "networking.istio.io",
  kind: "VirtualService",
  namespace: "shop",
  name: "web",
  conditions: [{ type: "Accepted", status: "True", reason: "Accepted", message: "" }],
};
const sources: Sources = {
  now: Date.now,
  telemetry: { records: () => store.edges(), targets: () => [], truncated: false },
  control: {
    mesh: () => ({
      name: "demo",
      trustDomain: "cluster.local",
      version: "0.1.0",
      controlPlane: "demo",
      startedAtMs: 0,
      rootExpiresAtMs: 1,
      errors: 0,
      warnings: 0,
    }),
    proxies: () => [],
    services: () => [],
    splits: () => [],
    acknowledgement: (id) =>
      id === "Kubernetes/default/web"
        ? { connected: true, resources: [{ kind: "lds", name: "0.0.0.0_80", refusal: "no" }], more: 2 }
        : undefined,
    conditions: () => [CONDITIONS],
    configuration: (id, kind) =>
      id === "Kubernetes/default/web"
        ? { connected: true, resources: [{ name: kind, version: "1", bytes: "AA==" }] }
        : undefined,
  },
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function admin(options: Partial<AdminOptions> = {}): AdminServer {
  const server = serveAdmin({ sources, assets: undefined, port: 0, ...options });
  cleanups.push(() => server.stop());
  return server;
}

async function built(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "heddle-assets-"));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  await Bun.write(join(directory, "index.html"), "<!doctype html><title>Heddle</title>");
  await Bun.write(join(directory, "assets", "index-abc.js"), "export {};");
  return directory;
}

describe("the admin API", () => {
  test("answers for the mesh, the topology, services and proxies", async () => {
    const { url } = admin();
    const get = async (path: string) => (await fetch(`${url}api/v1/${path}`)).json();
    expect(await get("mesh")).toMatchObject({ name: "demo", rootExpiresAt: 1 });
    expect(await get("topology")).toEqual({ nodes: [], edges: [] });
    expect(await get("services")).toEqual([]);
    expect(await get("proxies")).toEqual([]);
    expect(await (await fetch(`${url}healthz`)).text()).toBe("ok\n");
  });

  test("says what is said of objects", async () => {
    const response = await fetch(`${admin().url}api/v1/conditions`);
    expect(await response.json()).toEqual([CONDITIONS]);
  });

  test("says what a proxy is to have, of every kind but secrets", async () => {
    const { url } = admin();
    const get = async (id: string, kind: string) => {
      const response = await fetch(`${url}api/v1/configuration?proxy=${encodeURIComponent(id)}&kind=${kind}`);
      return [response.status, await response.json()] as const;
    };
    const resources = [{ name: "lds", version: "1", bytes: "AA==" }];
    expect(await get("Kubernetes/default/web", "lds")).toEqual([200, { connected: true, resources }]);
    expect((await get("Kubernetes/default/web", "sds"))[0]).toBe(400);
    expect((await get("Kubernetes/default/nobody", "cds"))[0]).toBe(404);
  });

  test("says what a proxy has not acknowledged, and refuses a proxy that it does not know", async () => {
    const { url } = admin();
    const get = async (id: string) => {
      const response = await fetch(`${url}api/v1/unacknowledged?proxy=${encodeURIComponent(id)}`);
      return [response.status, await response.json()] as const;
    };
    const resources = [{ kind: "lds", name: "0.0.0.0_80", refusal: "no" }];
    expect(await get("Kubernetes/default/web")).toEqual([200, { connected: true, resources, more: 2 }]);
    expect((await get("Kubernetes/default/other"))[0]).toBe(404);
  });

  test("says what is wrong with a request, as JSON", async () => {
    const { url } = admin();
    const get = async (path: string, init?: RequestInit) => {
      const response = await fetch(`${url}${path}`, init);
      return [response.status, ((await response.json()) as { error: string }).error];
    };
    expect(await get("api/v1/nothing")).toEqual([404, "no such resource: /api/v1/nothing"]);
    expect(await get("api/v1/history")).toEqual([400, "query parameter missing: service"]);
    expect(await get("api/v1/history?service=a&span=day")).toEqual([400, 'span is not a number: "day"']);
    expect(await get("api/v1/mesh", { method: "POST", body: "x" })).toEqual([405, "method not allowed: POST"]);
  });

  test("refuses a foreign Host, and a stream asked for by another site", async () => {
    const { url, port } = admin({ allowedHosts: ["mesh.example"] });
    const status = async (headers: Record<string, string>) => (await fetch(`${url}api/v1/mesh`, { headers })).status;
    expect(await status({ host: "evil.example" })).toBe(403);
    expect(await status({ host: `evil.example:${port}` })).toBe(403);
    expect(await status({ host: `LOCALHOST:${port}` })).toBe(200);
    expect(await status({ host: "mesh.example" })).toBe(200);
    expect(await status({ "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" })).toBe(403);
    expect(await status({ "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" })).toBe(200);
  });

  test("sends security headers with everything and never allows another origin", async () => {
    const { url } = admin();
    for (const path of ["", "healthz", "api/v1/mesh", "api/v1/nothing"]) {
      const { headers } = await fetch(`${url}${path}`, { headers: { origin: "https://evil.example" } });
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("names the way out when the port is taken", () => {
    const { port } = admin();
    expect(() => serveAdmin({ sources, assets: undefined, port })).toThrow(
      /cannot serve the dashboard on 127\.0\.0\.1/,
    );
  });
});

describe("the dashboard's files", () => {
  test("are cached by their names, the page itself by its content", async () => {
    const { url } = admin({ assets: readAssets(await built()) });
    const page = await fetch(url);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const again = await fetch(url, { headers: { "if-none-match": page.headers.get("etag") ?? "" } });
    expect(again.status).toBe(304);
    const script = await fetch(`${url}assets/index-abc.js`);
    expect(script.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  });

  test("are those and no others", async () => {
    const { url } = admin({ assets: readAssets(await built()) });
    for (const path of ["package.json", "%2e%2e/%2e%2e/etc/passwd", "assets/../../server.ts", "assets"]) {
      expect((await fetch(`${url}${path}`)).status).toBe(404);
    }
  });

  test("survive being packed into the compiled program", async () => {
    const assets = readAssets(await built())!;
    const unpacked = unpackAssets(Uint8Array.from(packAssets(assets)));
    expect([...unpacked].map(([path, { etag, immutable }]) => [path, etag, immutable])).toEqual(
      [...assets].map(([path, { etag, immutable }]) => [path, etag, immutable]),
    );
  });

  test("missing, the page says how to build them", async () => {
    expect(readAssets("/nonexistent")).toBeUndefined();
    const response = await fetch(admin().url);
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("not built");
  });
});

describe("events", () => {
  async function* messages(url: string, headers: Record<string, string> = {}): AsyncGenerator<Record<string, string>> {
    const abort = new AbortController();
    cleanups.push(() => abort.abort());
    const response = await fetch(`${url}api/v1/events`, { headers, signal: abort.signal });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
        const lines = text
          .slice(0, end)
          .split("\n")
          .map((line) => line.split(": ", 2) as [string, string]);
        yield { ...Object.fromEntries(lines), data: /^data: (.*)$/m.exec(text.slice(0, end))?.[1] ?? "" };
        text = text.slice(end + 2);
      }
    }
  }

  test("push the state at once and again every second", async () => {
    const { url } = admin();
    const states: State[] = [];
    for await (const message of messages(url)) {
      if (message.event !== "state") continue;
      expect(message.id).toBe(String((JSON.parse(message.data!) as State).at));
      states.push(JSON.parse(message.data!) as State);
      if (states.length === 2) break;
    }
    expect(states[1]!.at).toBeGreaterThan(states[0]!.at);
  });

  test("resume without the state that the reader has", () => {
    const events = new Events({ state: () => ({ ...stateOf(sources), at: 7 }), pushMs: 60_000 });
    cleanups.push(() => events.close());
    const first = events.open(undefined)!;
    const queued = async (stream: ReadableStream<Uint8Array>) => {
      const reader = stream.getReader();
      const head = await reader.read();
      const next = await Promise.race([
        reader.read(),
        new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined))),
      ]);
      return [head.value, next?.value].map((value) => value && new TextDecoder().decode(value).slice(0, 5));
    };
    return Promise.all([queued(first), queued(events.open("7")!), queued(events.open("6")!)]).then((read) =>
      expect(read).toEqual([
        ["retry", "id: 7"],
        ["retry", undefined],
        ["retry", "id: 7"],
      ]),
    );
  });

  test("are bounded in readers, and compute nothing without any", async () => {
    let computed = 0;
    const events = new Events({
      state: () => {
        computed++;
        return stateOf(sources);
      },
      maxClients: 2,
      pushMs: 5,
    });
    const streams = [events.open(undefined)!, events.open(undefined)!];
    expect(events.open(undefined)).toBeUndefined();
    await Promise.all(streams.map((stream) => stream.cancel()));
    expect(events.clients).toBe(0);
    const before = computed;
    await Bun.sleep(20);
    expect(computed).toBe(before);
  });

  test("cut off a reader that does not read, and beat when the state cannot be computed", async () => {
    let broken = false;
    const events = new Events({
      state: () => {
        if (broken) throw new Error("broken");
        return stateOf(sources);
      },
      pushMs: 1,
    });
    const slow = events.open(undefined)!;
    const reader = events.open(undefined)!.getReader();
    await reader.read();
    broken = true;
    let beats = 0;
    while (events.clients > 1 || beats < 3) {
      const { value } = await reader.read();
      if (new TextDecoder().decode(value) === ": heart-beat\n\n") beats++;
    }
    expect(events.clients).toBe(1);
    await reader.cancel();
    await slow.cancel();
  });

  test("are refused with a time to come back when there are too many", async () => {
    const { url } = admin({ maxClients: 0 });
    const response = await fetch(`${url}api/v1/events`);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
  });
});
