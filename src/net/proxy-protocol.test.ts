import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseAddress } from "../base/cidr.ts";
import {
  encodeProxyV1,
  encodeProxyV2,
  formatIpv6,
  type ParsedProxyHeader,
  parseProxyHeader,
} from "./proxy-protocol.ts";

const parse = (text: string): ParsedProxyHeader => parseProxyHeader(Buffer.from(text, "latin1"));
const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

/** A v2 header of these bytes behind the signature. */
function v2(command: number, family: number, rest: readonly number[] | Buffer, length = rest.length): Buffer {
  const fixed = Buffer.from([command, family, length >> 8, length & 255]);
  return Buffer.concat([Buffer.from(SIGNATURE, "latin1"), fixed, Buffer.from(rest)]);
}

const port = fc.integer({ min: 0, max: 65_535 });
const v4 = fc.record({ address: fc.ipV4(), port });
const v6 = fc.record({
  address: fc
    .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
    // An IPv4 address in IPv6's clothes is written as what it is.
    .filter((groups) => parseAddress(formatIpv6(groups))?.length === 16)
    .map(formatIpv6),
  port,
});
const pair = fc.oneof(fc.tuple(v4, v4), fc.tuple(v6, v6));
const tlvs = fc.array(fc.record({ type: fc.nat(255), value: fc.uint8Array({ maxLength: 40 }) }), { maxLength: 5 });

describe("version 1", () => {
  test("what is written is read, and nothing behind it", () => {
    fc.assert(
      fc.property(pair, fc.string({ maxLength: 20 }), ([source, destination], behind) => {
        const line = encodeProxyV1(source, destination);
        const parsed = parseProxyHeader(Buffer.concat([line, Buffer.from(behind)]));
        expect(parsed).toEqual({
          kind: "header",
          version: "v1",
          length: line.length,
          addresses: { source, destination },
          tlvs: [],
        });
      }),
    );
  });

  test("UNKNOWN names nobody, whatever follows", () => {
    expect(parse("PROXY UNKNOWN\r\n")).toMatchObject({ length: 15, addresses: undefined });
    expect(parse("PROXY UNKNOWN ffff:: what ever\r\nGET")).toMatchObject({ length: 32, addresses: undefined });
  });

  test.each([
    "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
    "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
    "PROXY TCP4 1.2.3.4\t1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
    "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1e3 2\r\n",
    "PROXY \r\n",
    `PROXY TCP4 ${"1".repeat(120)}`,
  ])("%j is refused", (text) => {
    expect(parse(text)).toMatchObject({ kind: "malformed" });
  });
});

describe("version 2", () => {
  test("what is written is read, TLVs too, and nothing behind it", () => {
    fc.assert(
      fc.property(pair, tlvs, fc.uint8Array({ maxLength: 20 }), ([source, destination], extensions, behind) => {
        const header = encodeProxyV2(source, destination, extensions);
        expect(parseProxyHeader(Buffer.concat([header, behind]))).toEqual({
          kind: "header",
          version: "v2",
          length: header.length,
          addresses: { source, destination },
          tlvs: extensions,
        });
      }),
    );
  });

  test("an IPv4 address mapped into IPv6 is written as IPv4", () => {
    const [source, destination] = [
      { address: "::ffff:a00:1", port: 1 },
      { address: "::ffff:10.0.0.2", port: 2 },
    ];
    for (const header of [encodeProxyV1(source, destination), encodeProxyV2(source, destination, [])])
      expect(parseProxyHeader(header)).toMatchObject({
        addresses: { source: { address: "10.0.0.1", port: 1 }, destination: { address: "10.0.0.2", port: 2 } },
      });
  });

  test("LOCAL is skipped whole, whatever it says", () => {
    expect(parseProxyHeader(v2(0x20, 0, []))).toMatchObject({ length: 16, addresses: undefined });
    expect(parseProxyHeader(v2(0x20, 0x77, [1, 2, 3]))).toMatchObject({ length: 19, addresses: undefined });
    expect(encodeProxyV2({ address: "1.2.3.4", port: 1 }, { address: "::1", port: 2 }, [])).toEqual(v2(0x20, 0, []));
  });

  test.each([
    ["another version", v2(0x11, 0x11, Buffer.alloc(12))],
    ["another command", v2(0x22, 0x11, Buffer.alloc(12))],
    ["another transport", v2(0x21, 0x13, Buffer.alloc(12))],
    ["a Unix socket", v2(0x21, 0x31, Buffer.alloc(216))],
    ["too short for IPv4", v2(0x21, 0x11, Buffer.alloc(11))],
    ["too short for IPv6", v2(0x21, 0x21, Buffer.alloc(35))],
    ["more than is taken", v2(0x21, 0x11, [], 0xffff)],
    ["a TLV past the end", v2(0x21, 0x11, Buffer.concat([Buffer.alloc(12), Buffer.from([1, 0, 2, 9])]))],
    ["half a TLV", v2(0x21, 0x11, Buffer.concat([Buffer.alloc(12), Buffer.from([1, 0])]))],
  ])("%s is refused", (_, bytes) => {
    expect(parseProxyHeader(bytes)).toMatchObject({ kind: "malformed" });
  });
});

test("every beginning of a header is waited for, and nothing else is", () => {
  fc.assert(
    fc.property(pair, tlvs, fc.boolean(), ([source, destination], extensions, second) => {
      const header = second ? encodeProxyV2(source, destination, extensions) : encodeProxyV1(source, destination);
      for (let cut = 1; cut < header.length; cut++)
        expect(parseProxyHeader(header.subarray(0, cut)).kind).toBe("incomplete");
    }),
    { numRuns: 30 },
  );
  for (const text of ["PUT / HTTP/1.1", "PROXYTCP4", "\r\n\r\nGET", "x"]) expect(parse(text).kind).toBe("absent");
});

test("no bytes make it throw, and a header is never longer than what came", () => {
  const prefix = fc.constantFrom("", "PROXY ", "PROXY TCP4 ", SIGNATURE, `${SIGNATURE}\x21\x11`);
  fc.assert(
    fc.property(prefix, fc.uint8Array({ maxLength: 200 }), (start, bytes) => {
      const whole = Buffer.concat([Buffer.from(start, "latin1"), bytes]);
      const parsed = parseProxyHeader(whole);
      if (parsed.kind !== "header") return;
      expect(parsed.length).toBeLessThanOrEqual(whole.length);
      if (parsed.addresses) expect(parseAddress(parsed.addresses.source.address)).toBeDefined();
    }),
  );
});
