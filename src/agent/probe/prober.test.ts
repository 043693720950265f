// Probes against applications that are well, ill, slow and not there.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { configureLog } from "../../base/log.ts";
import { until } from "../../base/until-fixture.ts";
import { listenGrpc } from "../../grpc/listen.ts";
import { GrpcService, unary } from "../../grpc/server.ts";
import { ProbeSchema } from "../../xds/gen/heddle/registration/v1/registration_pb.ts";
import { checkHealth } from "./check.ts";
import { probeHealth } from "./prober.ts";

const HERE = { enter: <T>(work: () => T): T => work(), command: (command: readonly string[]) => command };
const stops: (() => void)[] = [];
beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

type Check = NonNullable<Extract<MessageInitShape<typeof ProbeSchema>, { $typeName?: never }>["check"]>;

function probe(check: Check, times: Readonly<Record<string, number>> = {}) {
  const defaults = { timeoutMs: 2_000, periodMs: 5, successThreshold: 1, failureThreshold: 1 };
  return create(ProbeSchema, { ...defaults, ...times, check });
}

function http(port: number, path = "/", headers: { name: string; value: string }[] = []): Check {
  return { case: "httpGet", value: { host: "127.0.0.1", port, path, tls: false, headers } };
}

function application(answer: (request: Request) => Response) {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  stops.push(() => void server.stop(true));
  return server.port!;
}

async function freePort(): Promise<number> {
  const server = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

describe("one look", () => {
  test("HTTP: 200 to 399 is healthy, everything else is not, and headers are the probe's", async () => {
    const port = application((request) => {
      const { pathname } = new URL(request.url);
      const said = `${request.headers.get("x-probe")} ${request.headers.get("host")}`;
      if (pathname === "/said") return new Response("", { status: said === "1 app.test" ? 200 : 400 });
      return new Response("", { status: Number(pathname.slice(1)), headers: { location: "/500" } });
    });
    const of = (path: string) => checkHealth(probe(http(port, path)), HERE);
    expect([await of("/200"), await of("/302"), await of("/399")]).toEqual([undefined, undefined, undefined]);
    expect([await of("/404"), await of("/503")]).toEqual(["status 404", "status 503"]);
    const headers = [
      { name: "x-probe", value: "1" },
      { name: "Host", value: "app.test" },
    ];
    expect(await checkHealth(probe(http(port, "/said", headers)), HERE)).toBeUndefined();
  });

  test("a path or header that would begin another line begins none", async () => {
    const lines: string[] = [];
    const server = createServer((socket: Socket) => {
      socket.on("data", (bytes) => {
        lines.push(...bytes.toString().split("\r\n"));
        socket.end("HTTP/1.1 200 OK\r\n\r\n");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stops.push(() => void server.close());
    const { port } = server.address() as { readonly port: number };
    const check = http(port, "/a b\r\nx: 1", [{ name: "y", value: "1\r\nz: 2" }]);
    expect(await checkHealth(probe(check), HERE)).toBeUndefined();
    expect(lines).toEqual([
      "GET /a%20b%0D%0Ax:%201 HTTP/1.1",
      `host: 127.0.0.1:${port}`,
      "y: 1  z: 2",
      "connection: close",
      "",
      "",
    ]);
  });

  test("TCP: that a connection stands is enough", async () => {
    const port = application(() => new Response());
    const at = (number: number): Check => ({ case: "tcpSocket", value: { host: "127.0.0.1", port: number } });
    expect(await checkHealth(probe(at(port)), HERE)).toBeUndefined();
    expect(await checkHealth(probe(at(await freePort())), HERE)).toBeString();
  });

  test("who does not answer in time, closes, or speaks something else is ill", async () => {
    const behave = async (act: (socket: Socket) => void): Promise<number> => {
      const server = createServer(act);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      stops.push(() => void server.close());
      return (server.address() as { readonly port: number }).port;
    };
    const silent = await behave(() => {});
    expect(await checkHealth(probe(http(silent), { timeoutMs: 20 }), HERE)).toBe("no answer within 20 ms");
    const closing = await behave((socket) => void socket.end());
    expect(await checkHealth(probe(http(closing)), HERE)).toBe("the connection was closed without an answer");
    const talking = await behave((socket) => void socket.write("x".repeat(5_000)));
    expect(await checkHealth(probe(http(talking)), HERE)).toBe("the answer is not HTTP");
  });

  test("a command: its exit code counts, and it is killed when it takes too long", async () => {
    const of = (command: string[], timeoutMs = 2_000) =>
      checkHealth(probe({ case: "exec", value: { command } }, { timeoutMs }), HERE);
    expect(await of(["true"])).toBeUndefined();
    expect(await of(["sh", "-c", "exit 3"])).toBe("the command ended with 3");
    expect(await of(["sleep", "60"], 20)).toContain("longer than 20 ms");
    expect(await of(["/no/such/program"])).toBeString();
  });

  test("gRPC: the service's status is asked for, and SERVING alone is healthy", async () => {
    const asked: string[] = [];
    const service = new GrpcService({
      "/grpc.health.v1.Health/Check": unary(async (bytes) => {
        const name = Buffer.from(bytes.subarray(2)).toString();
        asked.push(name);
        if (name === "unknown") return { code: "NOT_FOUND", message: "no such service" };
        return { message: Uint8Array.of(0x08, name === "well" ? 1 : 2) };
      }),
    });
    const server = listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, () => ({
      principal: "",
      address: "",
      certificate: undefined,
    }));
    stops.push(() => server.stop());
    const of = (name: string, port = server.port) =>
      checkHealth(probe({ case: "grpc", value: { port, service: name } }), HERE);
    expect([await of("well"), await of("ill"), await of("unknown")]).toEqual([
      undefined,
      "serving status 2",
      "NOT_FOUND no such service",
    ]);
    expect(asked).toEqual(["well", "ill", "unknown"]);
    expect(await of("well", await freePort())).toBeString();
  });
});

describe("again and again", () => {
  test("nothing is known before the thresholds, and only changes are told", async () => {
    // The answers in order; the last one stays.
    const answers = [500, 200, 500, 500, 200, 200, 200, 500, 200, 500, 500, 500];
    let asked = 0;
    const port = application(() => new Response("", { status: answers[Math.min(asked++, answers.length - 1)]! }));
    const ended = new AbortController();
    stops.push(() => ended.abort());
    const told: string[] = [];
    const running = probeHealth(
      probe(http(port), { successThreshold: 2, failureThreshold: 3, initialDelayMs: 1 }),
      HERE,
      ended.signal,
      (health) => told.push(`${health} ${asked}`),
    );
    await until("every answer", () => asked > answers.length + 2);
    ended.abort();
    await running;
    expect(told).toEqual(["healthy 6", "unhealthy 12"]);
  });

  test("an end while it waits or asks is its end", async () => {
    const ended = new AbortController();
    const told: string[] = [];
    const waiting = probeHealth(probe(http(1), { initialDelayMs: 60_000 }), HERE, ended.signal, (health) =>
      told.push(health),
    );
    ended.abort();
    await waiting;
    await probeHealth(probe(http(1)), HERE, ended.signal, (health) => told.push(health));
    expect(told).toEqual([]);
  });
});
