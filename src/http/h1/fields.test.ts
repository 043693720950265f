import { expect, test } from "bun:test";
import fc from "fast-check";
import { findName } from "./field-name.ts";
import { readFields } from "./fields.ts";
import { Refusal } from "./refusal.ts";

function read(...lines: string[]): string[] | Refusal {
  const bytes = Buffer.from(`${lines.map((line) => `${line}\r\n`).join("")}\r\n`, "latin1");
  const section = readFields(bytes, 0, bytes.length - 2, 100, false);
  return section instanceof Refusal ? section : section.headers;
}

test("the first spelling of a name is kept beside, where it is asked for", () => {
  const bytes = Buffer.from("X-Custom: 1\r\nx-CUSTOM: 2\r\nHOST: a\r\nlow: 3\r\nLow: 4\r\n\r\n", "latin1");
  const section = readFields(bytes, 0, bytes.length - 2, 100, true);
  if (section instanceof Refusal) throw new Error("refused");
  expect(section.headers).toEqual(["x-custom", "1", "x-custom", "2", "low", "3", "low", "4"]);
  expect([...section.fieldCase!]).toEqual([
    ["x-custom", "X-Custom"],
    ["host", "HOST"],
    ["low", "low"],
  ]);
});

test("known names are found in any case, and nothing else is taken for one", () => {
  const find = (text: string) => findName(Buffer.from(text, "latin1"), 0, text.length)?.text;
  for (const name of ["host", "accept", "x-request-id", "transfer-encoding", "te", "b3", "traceparent"]) {
    expect(find(name)).toBe(name);
    expect(find(name.toUpperCase())).toBe(name);
  }
  // The same length, first and last letter, so the same slot.
  for (const name of ["hest", "accopt", "x-requost-id", "t", "hos", "hostt"]) expect(find(name)).toBeUndefined();
});

test("a value is what was sent, whichever values of that name came before", () => {
  const values = fc.array(fc.constantFrom("a", "ab", "abc", "", "b", "a b", "a\tb", "\xe9", "a".repeat(2000)), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(values, fc.constantFrom("user-agent", "accept", "x-other", "authorization"), (sent, name) => {
      for (const value of sent) expect(read(`${name}: ${value}`)).toEqual([name, value]);
    }),
  );
});

test("what follows a value that was seen before is read as closely as any other", () => {
  for (let i = 0; i < 3; i++) expect(read("Accept: text/html")).toEqual(["accept", "text/html"]);
  expect(read("Accept: text/html \t")).toEqual(["accept", "text/html"]);
  expect(read("Accept: text/htmlx", "Accept: text/html")).toEqual(["accept", "text/htmlx", "accept", "text/html"]);
  for (const rest of ["\0", "\rX: y", "\rXX: y", "\nX: y", ";\nX: y"])
    expect(read(`Accept: text/html${rest}`)).toBeInstanceOf(Refusal);
});

test("credentials are never among the values that are kept", () => {
  for (const name of ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"]) {
    for (let i = 0; i < 3; i++) read(`${name}: secret`);
    expect(findName(Buffer.from(name), 0, name.length)!.lastValue).toBe("");
  }
  read("server: shown");
  expect(findName(Buffer.from("server"), 0, 6)!.lastValue).toBe("shown");
});
