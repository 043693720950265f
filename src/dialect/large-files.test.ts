// Large files: read whole, with the right places, in memory that is bounded by the file.

import { expect, test } from "bun:test";
import { join } from "node:path";

const PROCESS = join(import.meta.dir, "large-file-process-fixture.ts");

function read(documents: number, kilobytes: number, form: "yaml" | "json" | "list" | "json-list") {
  const command = [process.execPath, PROCESS, String(documents), String(kilobytes), form];
  const { stdout, stderr, exitCode } = Bun.spawnSync(command);
  expect(exitCode === 0 ? "" : stderr.toString()).toBe("");
  return JSON.parse(stdout.toString()) as {
    bytes: number;
    objects: number;
    findings: number;
    line: number;
    text: string;
    lines: number;
    peakMegabytes: number;
  };
}

/** The file's text and bytes, its values, and what a process has anyway: the library's syntax trees took some thirty times the file. */
const PEAK_PER_BYTE = 16;

test.each([
  ["50 MB of YAML", 5_000, 10, "yaml", 0],
  ["50 MB of JSON", 6_200, 10, "json", 0],
  ["10,000 documents", 10_000, 0, "yaml", 0],
  ["a List of 50 MB", 5_000, 10, "list", 3],
  ["a List of 50 MB in JSON", 3_500, 10, "json-list", 9],
] as const)(
  "%s",
  (_, documents, kilobytes, form, linesAfter) => {
    const { bytes, objects, findings, line, lines, text, peakMegabytes } = read(documents, kilobytes, form);
    expect(kilobytes === 0 || bytes > 48_000_000).toBe(true);
    expect({ objects, findings }).toEqual({ objects: documents, findings: 0 });
    expect(line).toBe(lines - linesAfter);
    if (form === "yaml" || form === "list") expect(text).toBe("timeout: 5s");
    expect(peakMegabytes).toBeGreaterThan(10);
    expect(peakMegabytes).toBeLessThan(100 + (bytes / 1e6) * PEAK_PER_BYTE);
  },
  120_000,
);
