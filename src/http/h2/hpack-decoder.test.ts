import { describe, expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../limits.ts";
import { FieldBlock } from "./field-block.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { decodeHuffman } from "./huffman.ts";

function decoder() {
  const hpack = new HpackDecoder();
  const block = new FieldBlock(DEFAULT_LIMITS);
  /** The fields of a block in hex as "name: value", or undefined when it is refused. */
  return (hex: string): string[] | undefined => {
    const bytes = Buffer.from(hex.replace(/\s/g, ""), "hex");
    block.reset();
    if (!hpack.decode(bytes, 0, bytes.length, block)) return undefined;
    const { method, scheme, path, authority, status } = block;
    const fields = Object.entries({ method, scheme, path, authority, status }).flatMap(([k, v]) =>
      v ? [`:${k}: ${v}`] : [],
    );
    const headers = block.takeHeaders();
    for (let i = 0; i < headers.length; i += 2) fields.push(`${headers[i]}: ${headers[i + 1]}`);
    return fields;
  };
}

describe("the examples of RFC 7541 appendix C", () => {
  const requests = [
    [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
    [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
    [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"],
  ];

  test("C.3: requests in plain strings", () => {
    const decode = decoder();
    expect(decode("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d")).toEqual(requests[0]!);
    expect(decode("8286 84be 5808 6e6f 2d63 6163 6865")).toEqual(requests[1]!);
    expect(decode("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65")).toEqual(requests[2]!);
  });

  test("C.4: requests in Huffman code", () => {
    const decode = decoder();
    expect(decode("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff")).toEqual(requests[0]!);
    expect(decode("8286 84be 5886 a8eb 1064 9cbf")).toEqual(requests[1]!);
    expect(decode("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")).toEqual(requests[2]!);
  });

  test("C.6: responses in Huffman code, with the table cut to 256 bytes", () => {
    const decode = decoder();
    const first = [
      ":status: 302",
      "cache-control: private",
      "date: Mon, 21 Oct 2013 20:13:21 GMT",
      "location: https://www.example.com",
    ];
    expect(
      decode(`3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff
              6e91 9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3`),
    ).toEqual(first);
    expect(decode("4883 640e ff c1c0 bf")).toEqual([":status: 307", ...first.slice(1)]);
    expect(
      decode(`88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d
              d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`),
    ).toEqual([
      ":status: 200",
      "cache-control: private",
      "date: Mon, 21 Oct 2013 20:13:22 GMT",
      "location: https://www.example.com",
      "content-encoding: gzip",
      "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ]);
  });
});

describe("a broken block is refused", () => {
  const broken: [why: string, hex: string][] = [
    ["index 0", "80"],
    ["an index beyond the tables", "be"],
    ["a name beyond the tables", "7e 01 61"],
    ["an integer that is cut short", "ff"],
    ["an integer of 29 bits", "ff ff ff ff ff 01"],
    ["an integer of endless zeros", `ff${"80".repeat(64)}00`],
    ["a string longer than the block", "00 01 61 7f 62"],
    ["a string that is missing", "00 01 61"],
    ["a size update above what was offered", "3f e2 1f"],
    ["a size update after a field", "82 20"],
    ["three size updates", "20 20 20 82"],
    ["Huffman padding of more than 7 bits", "00 82 1f ff 00"],
    ["Huffman padding with a zero", "00 81 18 00"],
    ["EOS in a Huffman string", "00 84 ff ff ff ff 00"],
  ];
  for (const [why, hex] of broken) test(why, () => expect(decoder()(hex)).toBeUndefined());
});

test("a size update of zero empties the table, and the next one opens it again", () => {
  const decode = decoder();
  expect(decode("40 01 61 01 62")).toEqual(["a: b"]);
  expect(decode("be")).toEqual(["a: b"]);
  expect(decode("20 3f e1 1f 82")).toEqual([":method: GET"]);
  expect(decode("be")).toBeUndefined();
});

test("an entry that is larger than the table empties it and is still a field", () => {
  const decode = decoder();
  expect(decode("40 01 61 01 62")).toEqual(["a: b"]);
  const large = Buffer.alloc(4096, "x").toString("hex");
  expect(decode(`40 01 63 7f 81 1f ${large}`)?.[0]?.length).toBe(4099);
  expect(decode("be")).toBeUndefined();
});

test("the oldest entries leave the table first, at 4096 bytes", () => {
  const decode = decoder();
  const entry = (name: number) => `40 01 ${name.toString(16)} 7f 80 0f ${"78".repeat(2047)}`; // 1 + 2047 + 32 bytes
  expect(decode(entry(0x61))?.[0]?.slice(0, 4)).toBe("a: x");
  expect(decode(entry(0x62))?.[0]?.slice(0, 4)).toBe("b: x");
  expect(decode("be")?.[0]?.slice(0, 4)).toBe("b: x");
  expect(decode("bf")).toBeUndefined();
});

test("an empty Huffman string is empty", () => {
  expect(decodeHuffman(Buffer.alloc(0), 0, 0)).toBe("");
});
