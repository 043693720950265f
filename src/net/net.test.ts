import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectionLimit } from "./admission.ts";
import { NOBODY } from "./byte-stream.ts";
import { type ClientTls, connect } from "./connect.ts";
import { listen } from "./listen.ts";
import { pipeFile, removePipe } from "./pipe.ts";
import type { SocketTransport } from "./socket.ts";
import type { ServerTls } from "./tls-acceptor.ts";
import { createTlsContext, encodeAlpn } from "./tls-context.ts";

// Certificates of two authorities, made by openssl so that no code under test vouches for itself.
const folder = mkdtempSync(join(tmpdir(), "heddle-net-"));

function openssl(...args: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...args], { cwd: folder });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

function authority(name: string): void {
  openssl(
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
    "-subj",
    `/O=${name}`,
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.crt`,
  );
}

function leaf(name: string, issuer: string, spiffe: string): void {
  openssl(
    "req",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-subj",
    "/",
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.csr`,
  );
  writeFileSync(
    join(folder, `${name}.ext`),
    `subjectAltName=critical,URI:${spiffe}\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n`,
  );
  openssl(
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    "-CA",
    `${issuer}.crt`,
    "-CAkey",
    `${issuer}.key`,
    "-CAcreateserial",
    "-days",
    "1",
    "-extfile",
    `${name}.ext`,
    "-out",
    `${name}.crt`,
  );
}

const read = (file: string) => readFileSync(join(folder, file), "utf8");
const contextOf = (name: string, roots = "ca") =>
  createTlsContext(
    { certificate: read(`${name}.crt`), key: read(`${name}.key`), roots: read(`${roots}.crt`) },
    "TLSv1.3",
  );

beforeAll(() => {
  authority("ca");
  authority("foreign");
  leaf("server", "ca", "spiffe://cluster.local/ns/default/sa/server");
  leaf("client", "ca", "spiffe://cluster.local/ns/default/sa/client");
  leaf("stranger", "foreign", "spiffe://cluster.local/ns/default/sa/server");
});
afterAll(() => rmSync(folder, { recursive: true }));

function echo(transport: SocketTransport): void {
  transport.listener = {
    receive: (chunk) => void transport.write(chunk),
    drained() {},
    ended: () => transport.end(),
    closed() {},
  };
}

function serverTls(name: string, failures: string[] = []): ServerTls {
  const context = contextOf(name);
  return {
    context: () => context,
    alpn: ["h2", "http/1.1"],
    clientCertificate: "required",
    handshakeTimeoutMs: 2_000,
    onHandshakeFailure: (detail) => failures.push(detail),
  };
}

function clientTls(name: string | undefined, verifyName: ClientTls["verifyName"] = () => undefined): ClientTls {
  const context =
    name === undefined
      ? createTlsContext({ certificate: undefined, key: undefined, roots: read("ca.crt") }, "TLSv1.3")
      : contextOf(name);
  return {
    context,
    serverName: "outbound_.80_._.a.default.svc.cluster.local",
    alpn: encodeAlpn(["h2"]),
    verifyName,
    verifyChain: true,
  };
}

/** What comes back for `text`, with the transport's facts, or how the attempt failed. */
function exchange(
  port: number,
  tls: ClientTls | undefined,
  text: string,
): Promise<{ reply: string; transport: SocketTransport } | { failure: string }> {
  return new Promise((resolve) => {
    connect({ kind: "tcp", host: "127.0.0.1", port }, tls, 2_000, {
      onConnected(transport) {
        let reply = "";
        transport.listener = {
          receive: (chunk) => {
            reply += Buffer.from(chunk).toString();
            if (reply.length >= text.length) transport.end();
          },
          drained() {},
          ended: () => transport.terminate(),
          closed: () => resolve(reply === "" ? { failure: "closed" } : { reply, transport }),
        };
        transport.write(Buffer.from(text));
      },
      onConnectFailure: (failure) => resolve({ failure }),
    });
  });
}

test("bytes travel in the clear, and half closes end both sides", async () => {
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, echo);
  expect(await exchange(server.port, undefined, "hello")).toMatchObject({ reply: "hello" });
  server.stop();
});

test.each(["clear", "TLS"])("a part of a buffer is written without its surroundings: %s", async (kind) => {
  const [tlsOfServer, tlsOfClient] = kind === "TLS" ? [serverTls("server"), clientTls("client")] : [];
  let heard = "";
  const { promise, resolve } = Promise.withResolvers<string>();
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, tlsOfServer, (transport) => {
    transport.listener = { ...NOBODY, receive: (chunk) => (heard += Buffer.from(chunk)), ended: () => resolve("") };
  });
  connect({ kind: "tcp", host: "127.0.0.1", port: server.port }, tlsOfClient, 2_000, {
    onConnected(transport) {
      const view = Buffer.from("--<hello>--").subarray(2); // not at its memory's start
      expect(transport.write(view, 1, 5)).toBe(5);
      expect(transport.write(view, 3)).toBe(6);
      transport.end();
    },
    onConnectFailure: resolve,
  });
  expect(await promise).toBe("");
  server.stop();
  expect(heard).toBe("hellollo>--");
});

test.each(["clear", "TLS"])("what was read is given back, and what was claimed stays: %s", async (kind) => {
  const [tlsOfServer, tlsOfClient] = kind === "TLS" ? [serverTls("server"), clientTls("client")] : [];
  const body = Buffer.from(Array.from({ length: 4 * 1024 * 1024 }, (_, i) => (i * 7) % 251));
  const claimed: Uint8Array[] = [];
  const forgotten: Uint8Array[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  let heard = 0;
  let sum = 0;
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, tlsOfServer, (transport) => {
    const receive = (chunk: Uint8Array): void => {
      heard += chunk.length;
      const isClaimed = claimed.length <= forgotten.length && transport.claim();
      (isClaimed ? claimed : forgotten).push(chunk);
      for (const byte of chunk) sum += byte;
      if (heard === body.length) transport.terminate();
    };
    transport.listener = { ...NOBODY, receive, closed: () => resolve("") };
  });
  connect({ kind: "tcp", host: "127.0.0.1", port: server.port }, tlsOfClient, 2_000, {
    onConnected(transport) {
      let at = 0;
      const drained = (): void => {
        at += Math.max(0, transport.write(body, at));
      };
      transport.listener = { ...NOBODY, drained };
      drained();
    },
    onConnectFailure: resolve,
  });
  expect(await promise).toBe("");
  server.stop();
  expect(heard).toBe(body.length);
  expect(sum).toBe(body.reduce((total, byte) => total + byte, 0));
  expect(claimed.every((chunk) => chunk.length > 0)).toBe(true);
  expect(forgotten.filter((chunk) => chunk.length >= 16 * 1024)).toEqual([]);
  expect(forgotten.some((chunk) => chunk.length === 0)).toBe(true);
});

test("who waits when the socket stops has its handshake, if it accepts the rest", async () => {
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, serverTls("server"), echo);
  const waiting = exchange(server.port, clientTls("client"), "secret");
  server.stopAfterRest();
  expect(await waiting).toMatchObject({ reply: "secret" });
});

test("mTLS gives both sides SNI, ALPN and the peer's certificate", async () => {
  let facts: SocketTransport["tls"];
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, serverTls("server"), (transport) => {
    facts = transport.tls;
    echo(transport);
  });
  const result = await exchange(server.port, clientTls("client"), "secret");
  expect(result).toMatchObject({ reply: "secret" });
  expect(facts).toMatchObject({ serverName: "outbound_.80_._.a.default.svc.cluster.local", alpn: "h2" });
  expect(Buffer.from(facts!.peerCertificate!).includes("sa/client")).toBe(true);
  server.stop();
});

test("a server with a foreign chain is refused whatever its name, a good chain with another name by name alone", async () => {
  const foreign = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, serverTls("stranger"), echo);
  const own = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, serverTls("server"), echo);
  const wrongName = () => "certificate is of another service";
  expect(await exchange(foreign.port, clientTls("client"), "x")).toEqual({
    failure: "TLS: UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  });
  expect(await exchange(foreign.port, clientTls("client", wrongName), "x")).toEqual({
    failure: "TLS: UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  });
  expect(await exchange(own.port, clientTls("client", wrongName), "x")).toEqual({
    failure: "TLS: certificate is of another service",
  });
  foreign.stop();
  own.stop();
});

test("clients without a certificate, with a foreign one, or without TLS never reach the acceptor", async () => {
  const failures: string[] = [];
  let accepted = 0;
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, serverTls("server", failures), () => accepted++);
  expect(await exchange(server.port, clientTls(undefined), "x")).toEqual({ failure: "closed" });
  expect(await exchange(server.port, clientTls("stranger"), "x")).toEqual({ failure: "closed" });
  expect(await exchange(server.port, undefined, "GET / HTTP/1.1\r\n\r\n")).toEqual({ failure: "closed" });
  expect(accepted).toBe(0);
  expect(failures).toHaveLength(3);
  server.stop();
});

test("an optional client certificate: none is served without identity, a foreign one is refused", async () => {
  const failures: string[] = [];
  const identities: boolean[] = [];
  const tls: ServerTls = { ...serverTls("server", failures), clientCertificate: "optional" };
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, tls, (transport) => {
    identities.push(transport.tls?.peerCertificate !== undefined);
    echo(transport);
  });
  expect(await exchange(server.port, clientTls(undefined), "a")).toMatchObject({ reply: "a" });
  expect(await exchange(server.port, clientTls("client"), "b")).toMatchObject({ reply: "b" });
  expect(await exchange(server.port, clientTls("stranger"), "c")).toEqual({ failure: "closed" });
  expect(identities).toEqual([false, true]);
  expect(failures).toEqual(["UNABLE_TO_VERIFY_LEAF_SIGNATURE"]);
  server.stop();
});

test("many handshakes at once have their turns, and lose nothing of what came before", async () => {
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, serverTls("server"), echo);
  const replies = await Promise.all(
    Array.from({ length: 40 }, (_, i) => exchange(server.port, clientTls("client"), `hello ${i}`)),
  );
  expect(replies.map((each) => ("reply" in each ? each.reply : each.failure))).toEqual(
    Array.from({ length: 40 }, (_, i) => `hello ${i}`),
  );
  server.stop();
});

test("a handshake that does not come ends at its deadline", async () => {
  const tls = { ...serverTls("server"), handshakeTimeoutMs: 50 };
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, tls, echo);
  const closed = await new Promise<string>((resolve) => {
    connect({ kind: "tcp", host: "127.0.0.1", port: server.port }, undefined, 2_000, {
      onConnected: (transport) => {
        transport.listener = {
          receive() {},
          drained() {},
          ended: () => transport.terminate(),
          closed: () => resolve("closed"),
        };
      },
      onConnectFailure: resolve,
    });
  });
  expect(closed).toBe("closed");
  server.stop();
});

test("connections that say nothing hold nobody's handshake up, and each ends at its deadline", async () => {
  // The turns of a busy loop are up to 40 ms apart: all of them come well within the deadline.
  const tls = { ...serverTls("server"), handshakeTimeoutMs: 1_500 };
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, tls, echo);
  let closed = 0;
  const silent = Array.from(
    { length: 20 },
    () =>
      new Promise<void>((resolve, reject) => {
        connect({ kind: "tcp", host: "127.0.0.1", port: server.port }, undefined, 2_000, {
          onConnected: (transport) => {
            const end = () => {
              closed++;
              resolve();
            };
            transport.listener = { ...NOBODY, ended: () => transport.terminate(), closed: end };
          },
          onConnectFailure: (failure) => reject(new Error(failure)),
        });
      }),
  );
  expect(await exchange(server.port, clientTls("client"), "hello")).toMatchObject({ reply: "hello" });
  await Promise.all(silent);
  expect(closed).toBe(20);
  server.stop();
});

test("connections that go while they wait for their turn are counted out", async () => {
  const limit = new ConnectionLimit(100);
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, serverTls("server"), echo, limit);
  await Promise.all(
    Array.from(
      { length: 50 },
      () =>
        new Promise<void>((resolve, reject) => {
          connect({ kind: "tcp", host: "127.0.0.1", port: server.port }, undefined, 2_000, {
            onConnected: (transport) => {
              transport.listener = { ...NOBODY, closed: resolve };
              transport.terminate();
            },
            onConnectFailure: (failure) => reject(new Error(failure)),
          });
        }),
    ),
  );
  expect(await exchange(server.port, clientTls("client"), "hello")).toMatchObject({ reply: "hello" });
  for (let i = 0; i < 200 && limit.active > 0; i++) await Bun.sleep(10);
  expect(limit.active).toBe(0);
  expect(limit.refused).toBe(0);
  server.stop();
});

test("a refused connection says so once", async () => {
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, echo);
  server.stop();
  expect(await exchange(server.port, undefined, "x")).toEqual({ failure: "connection refused" });
});

test("a Unix socket carries bytes too", async () => {
  const path = join(folder, "s.sock");
  const server = listen({ kind: "unix", path }, undefined, echo);
  const reply = await new Promise<string>((resolve) => {
    connect({ kind: "unix", path }, undefined, 2_000, {
      onConnected(transport) {
        transport.listener = {
          receive: (chunk) => resolve(Buffer.from(chunk).toString()),
          drained() {},
          ended() {},
          closed() {},
        };
        transport.write(Buffer.from("over a pipe"));
      },
      onConnectFailure: resolve,
    });
  });
  expect(reply).toBe("over a pipe");
  server.stop();
});

test("a pipe takes the place of a socket that was left behind, has its mode, and outlives the socket that made it", async () => {
  const path = join(folder, "p.sock");
  const ask = () =>
    new Promise<string>((resolve) => {
      connect({ kind: "unix", path }, undefined, 2_000, {
        onConnected(transport) {
          const onEnd = { drained() {}, ended() {}, closed() {} };
          transport.listener = { ...onEnd, receive: (chunk) => resolve(Buffer.from(chunk).toString()) };
          transport.write(Buffer.from("hello"));
        },
        onConnectFailure: () => resolve("nobody"),
      });
    });
  const first = listen({ kind: "pipe", path, mode: 0o640 }, undefined, echo);
  expect(await ask()).toBe("hello");
  expect(statSync(path).mode & 0o777).toBe(0o640);
  const second = listen({ kind: "pipe", path, mode: 0 }, undefined, echo);
  first.stop();
  expect(await ask()).toBe("hello");
  second.stop();
  expect(existsSync(path)).toBe(true);
  expect(await ask()).toBe("nobody");
  const file = pipeFile(path);
  const third = listen({ kind: "pipe", path, mode: 0 }, undefined, echo);
  removePipe(path, file);
  expect(await ask()).toBe("hello");
  third.stop();
  removePipe(path, pipeFile(path));
  expect(existsSync(path)).toBe(false);
});

test("a pipe of the abstract namespace has no file", async () => {
  const path = `@heddle-net-test-${process.pid}`;
  const server = listen({ kind: "pipe", path, mode: 0 }, undefined, echo);
  const reply = await new Promise<string>((resolve) => {
    connect({ kind: "unix", path }, undefined, 2_000, {
      onConnected(transport) {
        const onEnd = { drained() {}, ended() {}, closed() {} };
        transport.listener = { ...onEnd, receive: (chunk) => resolve(Buffer.from(chunk).toString()) };
        transport.write(Buffer.from("hello"));
      },
      onConnectFailure: resolve,
    });
  });
  expect(reply).toBe("hello");
  expect(existsSync(path)).toBe(false);
  server.stop();
});

test.each(["999.1.1.1", "203.0.113.9"])("%s is no address of this machine, and what is one is told", (host) => {
  try {
    listen({ kind: "tcp", host, port: 0 }, undefined, echo).stop();
    throw new Error("listens");
  } catch (thrown) {
    expect(thrown).toMatchObject({ hint: expect.stringContaining("an address of this machine") });
  }
});

test("a port in use is named with the way out", () => {
  const server = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, echo);
  expect(() => listen({ kind: "tcp", host: "127.0.0.1", port: server.port }, undefined, echo)).toThrow(
    `cannot listen on 127.0.0.1:${server.port}`,
  );
  server.stop();
});
