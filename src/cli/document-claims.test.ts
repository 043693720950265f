// What the documents say of the code, held to it: files, layers, ports and numbers.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DEFAULT_PORT } from "../admin/server.ts";
import { MAX_LOG_BYTES } from "../agent/bounded-log.ts";
import { DEFAULT_PATIENCE_MS, DEFAULT_TRUST_MS } from "../control/discovery.ts";
import { DEFAULT_LIVENESS } from "../control/liveness.ts";
import { DEFAULT_LEASE_MS } from "../control/registration/registrar.ts";
import { STATUS_PACE } from "../control/status/object-status.ts";
import { MAX_MESSAGE_BYTES } from "../grpc/client.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { MAX_SEATS } from "../proxy/workers/cell-table.ts";
import { DEFAULT_SERVER } from "./api-client.ts";
import { USUAL_PORTS } from "./sidecar-ports.ts";

const ROOT = join(import.meta.dir, "../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const DOCUMENTS = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

describe("files", () => {
  /** Relative to the checkout, to src, or to what names them. */
  const exists = (document: string, path: string) =>
    [".", "src", dirname(document)].some((folder) => existsSync(join(ROOT, folder, path)));

  test.each(DOCUMENTS)("that %s names are there", (document) => {
    const text = read(document);
    const named = [...text.matchAll(/`([\w.-]+(?:\/[\w.-]+)+\.(?:tsx?|mjs|md|golden))`/g)];
    const linked = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)];
    const missing = [...named, ...linked].map(([, path = ""]) => path).filter((path) => !exists(document, path));
    expect(missing).toEqual([]);
  });
});

/** `a b ← c d`, several on a line. */
function layersOf(text: string): Readonly<Record<string, readonly string[]>> {
  const layers: Record<string, readonly string[]> = {};
  for (const [, folders = "", imported = ""] of text.matchAll(/((?:\w+ )+)← ((?:\w+ ?)+?)(?= {2,}|\n)/g))
    for (const folder of folders.trim().split(" "))
      layers[folder] = imported.trim() === "nothing" ? [] : imported.trim().split(" ").sort();
  return layers;
}

test("layers are those that scripts/layers.ts checks", () => {
  const checked = Object.fromEntries(
    [...read("scripts/layers.ts").matchAll(/^ {2}(\w+): \[(.*)\],$/gm)].map(([, folder, imported = ""]) => [
      folder,
      [...imported.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name).sort(),
    ]),
  );
  const { cli, ...told } = layersOf(read("ARCHITECTURE.md"));
  expect(cli).toEqual(["all"]);
  expect(Object.keys(checked).length).toBeGreaterThan(15);
  expect(told).toEqual(checked);
});

test("ports are the usual ones", () => {
  const rows = [...read("ARCHITECTURE.md").matchAll(/^\| (15\d{3}|20001)(?:, (\d+))? \| [\w ]+ \| (.*) \|$/gm)];
  const told = rows.flatMap(([, first, second]) => [first, second]).flatMap((port) => (port ? [Number(port)] : []));
  const usual = [...Object.values(USUAL_PORTS), DEFAULT_PORT, Number(new URL(DEFAULT_SERVER).port)];
  expect(usual.filter((port) => !told.includes(port))).toEqual([]);
});

const SECOND = 1_000;
const KIB = 1024;
const MIB = 1024 * KIB;

/** A sentence with its number in brackets, and what the number is in the code. */
const NUMBERS: readonly (readonly [file: string, sentence: RegExp, number: number])[] = [
  ["ARCHITECTURE.md", /at most (\d+) s after it came \(Envoy's initial_fetch_timeout\)/, DEFAULT_TRUST_MS / SECOND],
  ["ARCHITECTURE.md", /lease of (\d+) s that the agent renews/, DEFAULT_LEASE_MS / SECOND],
  ["ARCHITECTURE.md", /connections have a window of (\d+) MiB/, DEFAULT_LIMITS.connectionWindowBytes / MIB],
  ["ARCHITECTURE.md", /streams of (\d+) KiB/, DEFAULT_LIMITS.streamWindowBytes / KIB],
  ["docs/discovery.md", /waiting ends (\d+) s after it began/, DEFAULT_PATIENCE_MS / SECOND],
  ["docs/discovery.md", /has (\d+) s for its proxy to return/, DEFAULT_LIVENESS.returnWithinMs / SECOND],
  ["docs/discovery.md", /agent renews its lease \((\d+) s\)/, DEFAULT_LEASE_MS / SECOND],
  ["docs/life-cycle.md", /at least 8 and at most (\d+): what finds no place/, MAX_SEATS],
  ["docs/mesh-config.md", /to speak first: (\d+) s unless said/, DEFAULT_SETTINGS.protocolDetectionMs / SECOND],
  ["docs/security.md", /a head has (\d+) s from its first byte/, DEFAULT_LIMITS.headTimeoutMs / SECOND],
  ["docs/security.md", /Heads have (\d+) s, and/, DEFAULT_LIMITS.headTimeoutMs / SECOND],
  ["docs/security.md", /\| (\d+) KiB and 100 fields of a head/, DEFAULT_LIMITS.maxHeadBytes / KIB],
  ["docs/security.md", /KiB and (\d+) fields of a head/, DEFAULT_LIMITS.maxHeaders],
  ["docs/security.md", /(\d+) KiB of a target: 431/, DEFAULT_LIMITS.maxTargetBytes / KIB],
  ["docs/security.md", /(\d+) interim answers to a request/, DEFAULT_LIMITS.maxInterimResponses],
  ["docs/security.md", /more than (\d+) streams, and more than half/, DEFAULT_LIMITS.maxPrematureResets],
  ["docs/security.md", /\| (\d+) frames and twice the head's limit/, DEFAULT_LIMITS.maxContinuations],
  ["docs/security.md", /\| ([\d,]+) control frames a second/, DEFAULT_LIMITS.maxControlFramesPerSecond],
  ["docs/security.md", /([\d,]+) answers that wait for a reader/, DEFAULT_LIMITS.maxOutboundControlFrames],
  ["docs/security.md", /itself has at most (\d+) MiB/, MAX_MESSAGE_BYTES / MIB],
  ["docs/security.md", /a mark of (\d+) KiB in each direction/, DEFAULT_LIMITS.highWaterBytes / KIB],
  ["docs/security.md", /windows of (\d+) KiB a stream/, DEFAULT_LIMITS.streamWindowBytes / KIB],
  ["docs/security.md", /a stream and (\d+) MiB a connection/, DEFAULT_LIMITS.connectionWindowBytes / MIB],
  ["docs/status.md", /are written after (\d+) s, then/, STATUS_PACE.firstMs / SECOND],
  ["docs/status.md", /2, 4 and every (\d+) s/, STATUS_PACE.maxMs / SECOND],
  ["docs/status.md", /counts wait (\d+) s longer/, STATUS_PACE.startMs / SECOND],
  ["CHANGELOG.md", /`proxy.log` stays below (\d+) MiB/, MAX_LOG_BYTES / MIB],
];

test.each(NUMBERS)("%s: %p", (file, sentence, number) => {
  const [, told] = sentence.exec(read(file)) ?? [];
  expect(Number(told?.replaceAll(",", ""))).toBe(number);
});
