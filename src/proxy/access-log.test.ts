// What reaches the file: the very bytes of the wire, whole lines, and no more than memory allows.

import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HeaderList } from "../http/headers.ts";
import { parseFormat } from "../table/format/format.ts";
import type { LineFormat } from "../table/format/line-format.ts";
import { AccessLogFile } from "./access-log.ts";
import type { FormatSource } from "./format-value.ts";

const folder = mkdtempSync(join(tmpdir(), "access-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

function formatOf(text: string): LineFormat {
  const parsed = parseFormat(text, {});
  if ("error" in parsed) throw new Error(parsed.error);
  return { kind: "text", format: parsed.format, omitEmpty: false };
}

function source(headers: HeaderList): FormatSource {
  return {
    request: undefined,
    response: { status: 200, headers },
    trailers: undefined,
    serverName: "",
    grpcStatus: undefined,
    operator: (name) => `<${name}>`,
    moment: () => undefined,
    time: () => undefined,
    metadata: () => undefined,
    filterState: () => undefined,
  };
}

/** The file's bytes once it has stopped growing: `close` writes in the background and tells nobody. */
async function written(path: string, complete: (bytes: Buffer) => boolean): Promise<Buffer> {
  const until = Date.now() + 5_000;
  for (let bytes = readFileSync(path); ; bytes = readFileSync(path)) {
    if (complete(bytes)) return bytes;
    if (Date.now() > until) throw new Error(`${path} has ${bytes.length} bytes`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a line has the bytes of the wire, quotes and control characters included", async () => {
  const path = join(folder, "bytes");
  const file = new AccessLogFile(path);
  const line = formatOf('%PROTOCOL% "%RESP(X-A)%" %RESP(X-NONE?X-B):3% %RESP(X-NONE)% 100\n');
  file.append(line, source(["x-a", 'caf\u00e9 "q"\t\u0001\u007f\u00ff', "x-b", "abcdef"]));
  file.append(line, source(["x-a", "", "x-b", "\u0141\u20ac"]));
  file.close();
  const expected = '<PROTOCOL> "caf\u00e9 "q"\t\u0001\u007f\u00ff" abc - 100\n<PROTOCOL> "" A\u00ac - 100\n';
  const bytes = await written(path, ({ length }) => length >= expected.length);
  expect(bytes.latin1Slice()).toBe(expected);
});

test("lines keep their order and their ends, however long they are", async () => {
  const path = join(folder, "order");
  const file = new AccessLogFile(path);
  const line = formatOf("%RESP(X-N)% %RESP(X-A)%\n");
  const lengths = Array.from({ length: 40 }, (_, i) => (i * 7_919) % 200_000);
  for (const [i, length] of lengths.entries()) {
    file.append(line, source(["x-n", String(i), "x-a", "x".repeat(length + 1)]));
    if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  file.close();
  const expected = lengths.map((length, i) => `${i} ${"x".repeat(length + 1)}\n`).join("");
  const bytes = await written(path, ({ length }) => length >= expected.length);
  expect(bytes.latin1Slice() === expected).toBe(true);
});

test("a line is written as soon as so much has gathered as was asked for, however long it could wait", async () => {
  const path = join(folder, "sizes");
  const line = formatOf("%RESP(X-A)%\n");
  const file = new AccessLogFile(path, { bytes: 10, ms: 3_600_000 });
  file.append(line, source(["x-a", "123456789"]));
  await Bun.sleep(20); // what is written is so in the background
  expect(readFileSync(path, "latin1")).toBe("");
  file.append(line, source(["x-a", ""]));
  const bytes = await written(path, ({ length }) => length > 0);
  expect(bytes.latin1Slice()).toBe("123456789\n\n");
  file.close();
});

test("lines that come faster than the file takes them are dropped whole", async () => {
  const path = join(folder, "dropped");
  const file = new AccessLogFile(path);
  const line = formatOf("[%RESP(X-N)%%RESP(X-A)%]\n");
  const filler = "y".repeat(1_000);
  // In one turn of the event loop no write comes back, so that all but the first flush must wait in memory.
  for (let i = 0; i < 10_000; i++) file.append(line, source(["x-n", String(i).padStart(6, "0"), "x-a", filler]));
  file.close();
  const size = 1_009;
  const first = Math.floor((64 * 1024) / size) + 1;
  const kept = first + Math.floor((4 * 1024 * 1024) / size);
  const text = (await written(path, ({ length }) => length >= kept * size)).latin1Slice();
  const lines = Array.from({ length: kept }, (_, i) => `[${String(i).padStart(6, "0")}${filler}]\n`);
  expect(text === lines.join("")).toBe(true);
});

test("a line that comes after the end touches no descriptor, which may be another's by then", async () => {
  const path = join(folder, "late");
  const file = new AccessLogFile(path);
  const line = formatOf("%PROTOCOL%\n");
  file.append(line, source([]));
  file.close();
  await written(path, ({ length }) => length > 0);
  const others = Array.from({ length: 8 }, (_, i) => openSync(join(folder, `other-${i}`), "w"));
  file.append(line, source([]));
  file.flush();
  file.close();
  await Bun.sleep(20); // what would be written or closed is so in the background
  for (const other of others) {
    expect(writeSync(other, "mine")).toBe(4);
    closeSync(other);
  }
  for (const i of others.keys()) expect(readFileSync(join(folder, `other-${i}`), "latin1")).toBe("mine");
});

test("lines of two writers to one pipe stay whole, and all of them are there once both have closed", async () => {
  const fifo = join(folder, "fifo");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const reader = Bun.spawn(["cat", fifo], { stdout: "pipe" });
  const text = new Response(reader.stdout).text();
  const writers = ["x", "y"].map((letter) => ({
    file: new AccessLogFile(fifo),
    line: formatOf(`${letter.repeat(1_500)}\n`),
  }));
  for (let i = 0; i < 400; i++) for (const { file, line } of writers) file.append(line, source([]));
  await Promise.all(writers.map(({ file }) => file.close()));
  const lines = (await text).split("\n").slice(0, -1);
  expect(lines).toHaveLength(800);
  expect(new Set(lines)).toEqual(new Set(["x".repeat(1_500), "y".repeat(1_500)]));
});
