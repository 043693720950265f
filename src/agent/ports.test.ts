import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PortBook } from "./ports.ts";

const folder = mkdtempSync(join(tmpdir(), "heddle-ports-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A port that was free a moment ago. */
function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

test("the preferred port is given once, then others, and again when it was given back", () => {
  const preferred = freePort();
  const first = new PortBook(folder, "127.0.0.1");
  const second = new PortBook(folder, "127.0.0.1");
  expect(first.choose(preferred)).toBe(preferred);
  const other = second.choose(preferred);
  expect(other).not.toBe(preferred);
  first.release();
  expect(second.choose(preferred)).toBe(preferred);
  second.release();
});

test("a port that something listens on is not given", () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const book = new PortBook(folder, "127.0.0.1");
  expect(book.choose(server.port)).not.toBe(server.port);
  book.release();
  server.stop(true);
});

test("the claim of a process that is gone does not count", () => {
  const preferred = freePort();
  const gone = Bun.spawnSync(["true"]);
  writeFileSync(join(folder, String(preferred)), String(gone.pid));
  const book = new PortBook(folder, "127.0.0.1");
  expect(book.choose(preferred)).toBe(preferred);
  book.release();
});
