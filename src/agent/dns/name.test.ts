import { expect, test } from "bun:test";
import fc from "fast-check";
import { nameOf, nameText, readName } from "./name.ts";

const bytes = (...parts: (number | string)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...Buffer.from(part, "latin1")])));

const reasonOf = (message: Uint8Array, start = 0) => {
  const read = readName(message, start);
  return read.kind === "malformed" ? read.reason : undefined;
};

test("a name keeps its letters, and is compared in small ones", () => {
  const read = readName(bytes(3, "WwW", 7, "eXample", 0, 9), 0);
  expect(read).toEqual({ kind: "name", name: bytes(3, "WwW", 7, "eXample", 0), end: 13 });
  expect(nameText(bytes(3, "WwW", 7, "eXample", 0))).toBe("www.example");
  expect(nameText(bytes(0))).toBe("");
});

test("a pointer leads to what stood before, and the name ends behind it", () => {
  const message = bytes(7, "example", 0, 3, "www", 0xc0, 0, 0xff);
  expect(readName(message, 9)).toEqual({ kind: "name", name: bytes(3, "www", 7, "example", 0), end: 15 });
});

test("pointers in a circle, to themselves, forwards, and in long chains are refused", () => {
  expect(reasonOf(bytes(0xc0, 0))).toBe("a pointer does not lead backwards");
  expect(reasonOf(bytes(0xc0, 2, 0xc0, 0))).toBe("a pointer does not lead backwards");
  expect(reasonOf(bytes(1, "a", 0xc0, 0))).toBe("a pointer does not lead backwards");
  const chain = bytes(0, ...Array.from({ length: 200 }, (_, i) => [0xc0, i === 0 ? 0 : 2 * i - 1]).flat());
  expect(reasonOf(chain, 255)).toBe("too many pointers in a name");
  expect(reasonOf(chain, 253)).toBeUndefined();
});

test("labels end at 63 bytes and names at 255", () => {
  const label = (length: number) => [length, ...new Array<number>(length).fill(0x61)];
  expect(reasonOf(bytes(...label(63), 0))).toBeUndefined();
  expect(reasonOf(bytes(64, ...new Array<number>(64).fill(0x61), 0))).toBe("a label of an unknown kind");
  expect(reasonOf(bytes(...[63, 63, 63, 61].flatMap(label), 0))).toBeUndefined();
  expect(reasonOf(bytes(...[63, 63, 63, 62].flatMap(label), 0))).toBe("a name is longer than 255 bytes");
});

test("what is cut off is refused", () => {
  expect(reasonOf(bytes())).toBe("a name is cut off");
  expect(reasonOf(bytes(3, "ww"))).toBe("a label is cut off");
  expect(reasonOf(bytes(3, "www"))).toBe("a name is cut off");
  expect(reasonOf(bytes(0, 0xc0), 1)).toBe("a pointer is cut off");
});

test("a dot within a label is not a dot between two", () => {
  expect(nameText(bytes(3, "a.b", 2, "c\\", 0))).toBe("a\\.b.c\\\\");
  expect(nameOf("a\\.b.c")).toBeUndefined();
});

test("host names become names and back; what is none does not", () => {
  expect(nameOf("Web.shop.")).toEqual(bytes(3, "Web", 4, "shop", 0));
  for (const wrong of ["", ".", "a..b", `${"a".repeat(64)}.b`, "a b", "ü.example", `${"abcdefg.".repeat(32)}`])
    expect(nameOf(wrong)).toBeUndefined();
  const label = fc.stringMatching(/^[a-z0-9_-]{1,63}$/);
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 8 }), (labels) => {
      const host = labels.join(".");
      const name = nameOf(host);
      if (host.length > 253) return expect(name).toBeUndefined();
      expect(nameText(name!)).toBe(host);
      expect(readName(name!, 0)).toEqual({ kind: "name", name: name!, end: name!.length });
    }),
  );
});
