import { afterEach, describe, expect, test } from "bun:test";
import { Failure } from "../../base/failure.ts";
import { KubeApi } from "./api.ts";
import { CONFIG_MAPS, configMap, newApi } from "./harness.ts";
import { type ServedApi, type ServeOptions, serveApi } from "./server.ts";

const served: ServedApi[] = [];

afterEach(async () => {
  for (const server of served.splice(0)) await server.stop(0);
});

function serve(options: Partial<ServeOptions> = {}): ServedApi {
  const server = serveApi({ api: newApi().api, port: 0, ...options });
  served.push(server);
  return server;
}

/** Sends raw bytes and gives all that comes back until the server closes, or until `enough` has been seen. */
function raw(port: number, bytes: string, enough: RegExp): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let received = "";
  Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(bytes),
      data: (socket, data) => {
        received += data.toString();
        if (enough.test(received)) {
          resolve(received);
          socket.end();
        }
      },
      close: () => resolve(received),
      error: (_, error) => reject(error),
    },
  }).catch(reject);
  return promise;
}

function get(port: number, host: string, extra = ""): Promise<string> {
  return raw(
    port,
    `GET /api/v1/pods HTTP/1.1\r\nHost: ${host}\r\n${extra}Connection: close\r\n\r\n`,
    /\r\n\r\n[\s\S]*\}\s*$/,
  );
}

describe("who may ask", () => {
  test.each(["127.0.0.1", "127.0.0.1:15030", "127.9.9.9", "localhost", "LOCALHOST:80", "[::1]:15030", "api.localhost"])(
    "the host %s is accepted",
    async (host) => {
      expect(await get(serve().port, host)).toContain("200 OK");
    },
  );

  test.each(["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "0.0.0.0"])(
    "the host %s is refused, for it may be a page's name that was bound to this machine",
    async (host) => {
      const answer = await get(serve().port, host);
      expect(answer).toContain("403 Forbidden");
      expect(answer).toContain('"reason":"Forbidden"');
    },
  );

  test("names that were given are accepted", async () => {
    const { port } = serve({ hostNames: ["Mesh.Internal"] });
    expect(await get(port, "mesh.internal:15030")).toContain("200 OK");
  });

  test.each(["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"])(
    "a request of a web page is refused: %s",
    async (header) => {
      expect(await get(serve().port, "127.0.0.1", `${header}\r\n`)).toContain("403 Forbidden");
    },
  );

  test("no page is told that it may ask", async () => {
    const answer = await get(serve().port, "127.0.0.1");
    expect(answer.toLowerCase()).not.toContain("access-control-");
  });

  test("listens on loopback alone by default", async () => {
    const { url, port } = serve();
    expect(url).toBe(`http://127.0.0.1:${port}`);
  });
});

describe("bounds", () => {
  test("a body above the limit is refused before it is read", async () => {
    const { port } = serve();
    const head = `POST ${CONFIG_MAPS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    expect(await raw(port, `${head}Content-Length: 4000000\r\n\r\n{`, /\}\s*$/)).toContain("413");
    expect(await raw(port, `${head}Content-Length: 40000000\r\n\r\n{`, /\r\n\r\n/)).toContain("413");
  });

  test("a chunked body above the limit is refused while it arrives", async () => {
    const { url } = serve();
    const chunk = new Uint8Array(256 * 1024).fill(0x20);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += chunk.length;
        if (sent > 64 * 1024 * 1024) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const outcome = await fetch(url + CONFIG_MAPS, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    }).then(
      (response) => response.status,
      () => "closed",
    );
    expect([413, "closed"]).toContain(outcome);
    expect(sent).toBeLessThan(40 * 1024 * 1024);
  });

  test.each([
    ["both lengths", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"],
    ["a name with a space", "Content-Length : 2\r\n"],
    ["no host", ""],
  ])("a request with %s is refused", async (name, header) => {
    const host = name === "no host" ? "" : "Host: localhost\r\n";
    const answer = await raw(serve().port, `POST ${CONFIG_MAPS} HTTP/1.1\r\n${host}${header}\r\n{}`, /\r\n\r\n/);
    expect(answer === "" || /^HTTP\/1.1 400/.test(answer)).toBe(true);
  });

  test("a client that stops reading holds up nobody else", async () => {
    const { api, store } = newApi();
    const { url, port } = serve({ api });
    const paused = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (self) => {
          self.pause();
          self.write(`GET ${CONFIG_MAPS}?watch=1&resourceVersion=${store.version} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
          paused.resolve();
        },
        data: () => {},
      },
    });
    await paused.promise;
    const data = { k: "x".repeat(100_000) };
    for (let n = 0; n < 60; n++) {
      const response = await fetch(url + CONFIG_MAPS, {
        method: "POST",
        body: JSON.stringify(configMap(`c${n}`, data)),
      });
      expect(response.status).toBe(201);
    }
    socket.end();
  });
});

describe("life cycle", () => {
  test("the head of a watch arrives at once, though nothing happens", async () => {
    const { port } = serve();
    const answer = await raw(port, `GET ${CONFIG_MAPS}?watch=1 HTTP/1.1\r\nHost: localhost\r\n\r\n`, /\r\n\r\n/);
    expect(answer).toContain("HTTP/1.1 200 OK");
    expect(answer.toLowerCase()).toContain("transfer-encoding: chunked");
  });

  test("a client that leaves ends its watch", async () => {
    const { api } = newApi();
    const { url } = serve({ api });
    const abort = new AbortController();
    const response = await fetch(`${url}${CONFIG_MAPS}?watch=1`, { signal: abort.signal });
    expect(api.watches).toBe(1);
    abort.abort();
    await response.text().catch(() => {});
    for (let turn = 0; turn < 100 && api.watches > 0; turn++) await Bun.sleep(5);
    expect(api.watches).toBe(0);
  });

  test("stopping ends watches in order and closes the port", async () => {
    const server = serve();
    const response = await fetch(`${server.url}${CONFIG_MAPS}?watch=1`);
    const body = response.text();
    await server.stop();
    expect((await body).trim()).toBe("");
    expect(fetch(server.url)).rejects.toThrow();
  });

  test("a port in use is a failure that says so", () => {
    const { port } = serve();
    try {
      serveApi({ api: new KubeApi({ store: newApi().store }), port });
      throw new Error("expected a Failure");
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
      expect((error as Failure).message).toBe(
        `cannot serve the Kubernetes API on 127.0.0.1:${port}: the port is in use`,
      );
      expect((error as Failure).hint).toContain("another port");
    }
  });
});
