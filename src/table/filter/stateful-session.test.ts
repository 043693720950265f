import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeSession, encodeSession, isUnder } from "./stateful-session.ts";

const NOW = 1_900_000_000;

test("a session's value is Envoy's message, and reads back", () => {
  // protoc --encode=envoy.Cookie of address: "127.0.0.1:80"
  expect(encodeSession("127.0.0.1:80", 0)).toBe(Buffer.from("\n\x0c127.0.0.1:80").toString("base64"));
  expect(encodeSession("a", 300)).toBe(Buffer.from([10, 1, 97, 16, 0xac, 2]).toString("base64"));
  fc.assert(
    fc.property(
      fc.stringMatching(/^[0-9.:[\]]{1,200}$/),
      fc.integer({ min: NOW, max: 2 ** 40 }),
      (address, expires) => {
        expect(decodeSession(encodeSession(address, expires), NOW)).toBe(address);
        expect(decodeSession(encodeSession(address, expires), expires + 1)).toBeUndefined();
      },
    ),
  );
});

test("a time of a clock that counts from a machine's start is the client's to keep", () => {
  expect(decodeSession(encodeSession("10.0.0.1:80", 5_000), NOW)).toBe("10.0.0.1:80");
});

test("an address alone is one, and what is nothing is none; no value breaks it", () => {
  expect(decodeSession(Buffer.from("127.0.0.1:80").toString("base64"), NOW)).toBe("127.0.0.1:80");
  expect(decodeSession("", NOW)).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      decodeSession(Buffer.from(bytes).toString("base64"), NOW);
    }),
  );
});

test("a cookie's path holds for what is under it", () => {
  expect(["/a", "/a/b", "/a?x", "/a#x", "/ab", "/"].map((path) => isUnder(path, "/a"))).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(["/a", "/a/b"].map((path) => isUnder(path, "/a/"))).toEqual([false, true]);
  expect(isUnder("/x", "")).toBe(true);
});
