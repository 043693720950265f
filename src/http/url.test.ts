import { expect, test } from "bun:test";
import { hostOf, isAuthority, isPath, portOf } from "./url.ts";

const good = [
  "a",
  "golden-signal:80",
  "a_b.c~d",
  "A.Example.COM.",
  "127.0.0.1:65535",
  "[::1]",
  "[2001:db8::1]:443",
  "%2Ftmp%2Fsock",
  "a:0",
];
const bad = [
  "",
  ":80",
  "a:",
  "a:x",
  "a:65536",
  "a:000080",
  "a:80:80",
  "a:+80",
  "user@host",
  "user:pw@host",
  "a b",
  "a/b",
  "a?b",
  "a#b",
  "a,b",
  "a\\b",
  "a\0",
  "a\u010a",
  "ä",
  "%2",
  "%zz",
  "a%",
  "[::1",
  "[::1]x",
  "[::1]:",
  "[]",
  "[1.2.3.4]",
  "[fe80::1%25eth0]",
  "[fe80::1%eth0]",
  "::1",
];

for (const text of good) test(`${JSON.stringify(text)} is an authority`, () => expect(isAuthority(text)).toBe(true));
for (const text of bad) test(`${JSON.stringify(text)} is no authority`, () => expect(isAuthority(text)).toBe(false));

test("what was found well-formed before is still so, and nothing else because of it", () => {
  for (const text of ["a:80", "a:80", "a:8o", "a:80", ""]) expect(isAuthority(text)).toBe(text === "a:80");
});

test("host and port are told apart", () => {
  expect([hostOf("A.b:80"), portOf("A.b:80")]).toEqual(["a.b", 80]);
  expect([hostOf("[::1]:443"), portOf("[::1]:443")]).toEqual(["[::1]", 443]);
  expect([hostOf("a"), portOf("a"), portOf("[::1]")]).toEqual(["a", undefined, undefined]);
});

test("a path begins with a slash and has no fragment, space, control character or byte beyond ASCII", () => {
  for (const path of ["/", "//", "/a?b=c&d", "/{a}|^", "/%00"]) expect(isPath(path)).toBe(true);
  for (const path of ["", "*", "a", "/a#b", "/a b", "/\t", "/\0", "/a\x7f", "/ä", "/a\u0120b", "http://a/"])
    expect(isPath(path)).toBe(false);
});
