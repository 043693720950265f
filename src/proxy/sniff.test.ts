import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseClientHello } from "./client-hello.ts";
import { clientHello } from "./client-hello-fixture.ts";
import { sniff } from "./sniff.ts";

const ALL = { tls: true, http: true };
const raw = { transport: "raw_buffer", serverName: "", applicationProtocols: [] } as const;

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

test("a hello in many records is the same hello, however they are cut", async () => {
  const hello = await clientHello("a.example.com", ["istio", "h2"]);
  const message = hello.subarray(5, 5 + hello.readUInt16BE(3));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: message.length - 1 }), { maxLength: 6 }), (cuts) => {
      const edges = [0, ...new Set(cuts)].sort((a, b) => a - b);
      const records = edges.map((from, i) => {
        const part = message.subarray(from, edges[i + 1]);
        return Buffer.concat([Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 255]), part]);
      });
      const bytes = Buffer.concat(records);
      expect(sniff(bytes, ALL)).toEqual({
        transport: "tls",
        serverName: "a.example.com",
        applicationProtocols: ["istio", "h2"],
      });
      expect(sniff(bytes.subarray(0, -1), ALL)).toBeUndefined();
    }),
  );
});

test("SNI is compared in lower case", async () => {
  expect(sniff(await clientHello("A.Example.COM", []), ALL)).toMatchObject({ serverName: "a.example.com" });
});

test("a hello with any byte changed is read whole, as none, or waited for: never past its end", async () => {
  const hello = await clientHello("a.example.com", ["h2"]);
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(hello);
      changed[at] = value;
      expect(["hello", "absent", "incomplete"]).toContain(parseClientHello(changed).kind);
    }),
  );
});

test("a second server name, one of another type, and an extension that comes twice are no hello", async () => {
  const hello = await clientHello("a.example.com", []);
  const name = hello.indexOf("a.example.com");
  const otherType = Buffer.from(hello);
  otherType[name - 3] = 1;
  expect(parseClientHello(otherType).kind).toBe("absent");
  const listTooShort = Buffer.from(hello);
  listTooShort.writeUInt16BE(15, name - 5);
  expect(parseClientHello(listTooShort).kind).toBe("absent");
  const withNul = Buffer.from(hello);
  withNul[name] = 0;
  expect(parseClientHello(withNul).kind).toBe("absent");
  const extension = hello.subarray(name - 9, name + 13);
  const twice = Buffer.concat([hello.subarray(0, name - 9), extension, hello.subarray(name - 9)]);
  twice.writeUInt16BE(twice.readUInt16BE(3) + extension.length, 3);
  twice.writeUIntBE(twice.readUIntBE(6, 3) + extension.length, 6, 3);
  const extensions = 5 + 4 + 2 + 32 + 1 + hello[43]!;
  const length = extensions + 2 + hello.readUInt16BE(extensions) + 2;
  twice.writeUInt16BE(twice.readUInt16BE(length) + extension.length, length);
  expect(parseClientHello(twice).kind).toBe("absent");
});

test("no bytes make the parser throw or wait for ever", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      sniff(Buffer.from(bytes), ALL);
      const record = Buffer.concat([Buffer.from([0x16, 3, 1, bytes.length >> 8, bytes.length & 255]), bytes]);
      parseClientHello(record);
    }),
  );
  const endless = Buffer.alloc(64 * 1024, Buffer.from([0x16, 3, 1, 0, 1, 1]));
  expect(parseClientHello(endless).kind).not.toBe("incomplete");
});
