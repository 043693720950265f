import { expect, test } from "bun:test";
import tls from "node:tls";
import fc from "fast-check";
import { sniff, sniffClientHello } from "./sniff.ts";

const ALL = { tls: true, http: true };
const raw = { transport: "raw_buffer", serverName: "", applicationProtocols: [] } as const;

/** A real ClientHello, as OpenSSL writes it. */
async function clientHello(serverName: string, protocols: string[]): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, chunk) {
        resolve(Buffer.from(chunk));
        socket.end();
      },
    },
  });
  const socket = tls.connect({
    host: "127.0.0.1",
    port: server.port,
    servername: serverName,
    ALPNProtocols: protocols,
    rejectUnauthorized: false,
  });
  socket.on("error", () => {});
  const bytes = await promise;
  server.stop(true);
  socket.destroy();
  return bytes;
}

test("a ClientHello tells SNI and ALPN, however it is cut", async () => {
  const hello = await clientHello("outbound_.80_._.a.default.svc.cluster.local", ["h2", "http/1.1"]);
  expect(sniff(hello, ALL)).toEqual({
    transport: "tls",
    serverName: "outbound_.80_._.a.default.svc.cluster.local",
    applicationProtocols: ["h2", "http/1.1"],
  });
  for (let cut = 1; cut < hello.length; cut++) expect(sniff(hello.subarray(0, cut), ALL)).toBeUndefined();
});

test.each([
  ["GET / HTTP/1.1\r\n", ["http/1.1"]],
  ["GET / HTTP/1.0\r\n", ["http/1.0"]],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ["h2c"]],
  ["HELO mail\r\n", []],
  ["\x00\x01\x02", []],
  ["GET of something else entirely\r\n", []],
])("%j is %j", (text, applicationProtocols) => {
  expect(sniff(Buffer.from(text, "latin1"), ALL)).toEqual({ ...raw, applicationProtocols });
});

test("HTTP is recognised at every cut, and never taken for something else before", () => {
  for (const text of ["DELETE /x HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]) {
    for (let cut = 1; cut < text.length; cut++) expect(sniff(Buffer.from(text.slice(0, cut)), ALL)).toBeUndefined();
  }
});

test("without HTTP inspection, what is not TLS is bytes at once", () => {
  expect(sniff(Buffer.from("G"), { tls: true, http: false })).toEqual(raw);
});

test("no bytes make the parser throw or wait for ever", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      sniff(Buffer.from(bytes), ALL);
      const record = Buffer.concat([Buffer.from([0x16, 3, 1, bytes.length >> 8, bytes.length & 255]), bytes]);
      expect(sniffClientHello(record)?.transport).toBe("tls");
    }),
  );
});
