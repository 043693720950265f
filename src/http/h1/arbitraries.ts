// Messages for the property tests, right ones and such with bytes changed, and ways to cut them.

import fc from "fast-check";
import { lines } from "./testing.ts";

const TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
const character = (from: string) => fc.constantFrom(...from);
const name = fc.string({ unit: character(TOKEN), minLength: 1, maxLength: 12 }).map((text) => `x-${text}`);
const inner = fc.integer({ min: 0x21, max: 0xff }).filter((code) => code !== 0x7f);
const value = fc
  .array(fc.oneof({ weight: 9, arbitrary: inner }, { weight: 1, arbitrary: fc.constantFrom(0x20, 0x09) }), {
    maxLength: 20,
  })
  .map((codes) => String.fromCharCode(...codes).replace(/^[ \t]+|[ \t]+$/g, ""));
export const fields = fc.array(fc.tuple(name, value), { maxLength: 8 });
export const path = fc.string({ unit: character("abz/019?&=%._~{}|-"), maxLength: 20 }).map((text) => `/${text}`);
export const method = fc.constantFrom("GET", "POST", "HEAD", "PUT", "DELETE", "PURGE", "M-SEARCH");
export const bodyText = fc.string({ unit: character("abc\r\n0;:"), maxLength: 60 });

/** The framing fields of a body, and the body in it. */
const framedBody = fc.oneof(
  fc.constant({ field: "", wire: "" }),
  bodyText.map((text) => ({ field: `Content-Length: ${text.length}\r\n`, wire: text })),
  fc
    .record({
      chunks: fc.array(
        fc.tuple(
          bodyText.filter((text) => text !== ""),
          fc.constantFrom("", ";a", ';a="b;c"'),
        ),
        { maxLength: 4 },
      ),
      trailers: fc.array(fc.tuple(name, value), { maxLength: 2 }),
    })
    .map(({ chunks, trailers }) => {
      const data = chunks.map(([text, extension]) => `${text.length.toString(16)}${extension}\r\n${text}\r\n`).join("");
      const tail = trailers.map(([key, text]) => `${key}: ${text}\r\n`).join("");
      return { field: "Transfer-Encoding: chunked\r\n", wire: `${data}0\r\n${tail}\r\n` };
    }),
);

export const request = fc.record({ method, path, fields, body: framedBody }).map(({ method, path, fields, body }) => {
  const list = fields.map(([key, text]) => `${key}:${text}\r\n`).join("");
  return `${method} ${path} HTTP/1.1\r\nHost: h\r\n${list}${body.field}\r\n${body.wire}`;
});

export const response = fc
  .record({ status: fc.constantFrom(200, 204, 304, 404, 500), fields, body: framedBody, interim: fc.boolean() })
  .map(({ status, fields, body, interim }) => {
    const list = fields.map(([key, text]) => `${key}: ${text}\r\n`).join("");
    const bodiless = status === 204 || status === 304;
    const head = `HTTP/1.1 ${status} Reason\r\n${list}${body.field}\r\n`;
    return `${interim ? lines("HTTP/1.1 103 Hints", "link: x") : ""}${head}${bodiless ? "" : body.wire}`;
  });

/** Sizes of the pieces; the last one takes the rest. */
export const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 80 });

/** Bytes changed in a message: where (as a share of its length), and to what. */
export const mutations = fc.array(
  fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    fc.constantFrom(..."\r\n\0 :;,0aZ\t\x7f\xff"),
  ),
  { minLength: 1, maxLength: 3 },
);

export function mutate(wire: string, changes: readonly (readonly [number, string])[]): string {
  const characters = [...wire];
  for (const [share, replacement] of changes) characters[Math.floor(share * characters.length)] = replacement;
  return characters.join("");
}

export function feed(receive: (text: string) => void, wire: string, sizes: readonly number[]): void {
  let at = 0;
  for (const size of sizes) {
    if (at < wire.length) receive(wire.slice(at, at + size));
    at += size;
  }
  if (at < wire.length) receive(wire.slice(at));
}
