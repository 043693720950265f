// What is said of the size of a regular expression's program, beside what Envoy says.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { findComponent } from "../../scripts/components.ts";
import { programSize } from "../base/regex-size.ts";

const envoy = findComponent("envoy");
const folder = mkdtempSync(join(tmpdir(), "heddle-regex-"));
afterAll(() => rmSync(folder, { recursive: true }));

const CONNECTION_MANAGER =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** Sizes by expression, as Envoy warns of them. */
function sizesInEnvoy(regexes: readonly string[]): ReadonlyMap<string, number> {
  const routes = regexes.map((regex) => ({ match: { safe_regex: { regex } }, direct_response: { status: 200 } }));
  const manager = {
    "@type": CONNECTION_MANAGER,
    stat_prefix: "a",
    http_filters: [
      { name: "r", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
    ],
    route_config: { virtual_hosts: [{ name: "v", domains: ["*"], routes }] },
  };
  const listener = {
    name: "l",
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [{ name: "h", typed_config: manager }] }],
  };
  const levels = { "re2.max_program_size.error_level": 10_000_000, "re2.max_program_size.warn_level": 0 };
  const file = join(folder, "envoy.json");
  const bootstrap = {
    static_resources: { listeners: [listener] },
    layered_runtime: { layers: [{ name: "a", static_layer: levels }] },
  };
  writeFileSync(file, JSON.stringify(bootstrap));
  const { stderr } = Bun.spawnSync([envoy!, "--mode", "validate", "-c", file, "-l", "warn"]);
  const sizes = new Map<string, number>();
  for (const [, regex = "", size = ""] of stderr.toString().matchAll(/regex '(.*)' RE2 program size of (\d+) >/g))
    sizes.set(regex, Number(size));
  return sizes;
}

const WRITTEN = [
  "/api/v[0-9]+/[^/]+/(.*)",
  "^(?:foo|bar)$",
  "a{1000}",
  "(?:[a-z0-9]{1,63}\\.){1,15}",
  "(\\pL{100}){10}",
  "(?:.{100}){10}",
  "[^/]{1000}",
  "\\w{1000}",
  "(?i)\\PL{10}",
  "(?i)[a-z]{20}ß*",
  "((a{2,}){3}){4}",
  "[\\pL\\pN_-]{50}",
  "[[:alpha:]]{50}",
  "x{",
  "\\x{E9}{20}",
];

const atom = fc.constantFrom(
  "a",
  "é",
  ".",
  "[^/]",
  "[a-z_]",
  "\\pL",
  "\\d",
  "\\.",
  "[\\pN-]",
  "😀",
  "\\PL",
  "[^é]",
  "\\b",
);
const quantifier = fc.constantFrom("", "", "*", "+", "?", "{3}", "{2,}", "{1,5}", "{0,2}");
const pieces = fc.array(fc.tuple(atom, quantifier), { minLength: 1, maxLength: 5 });
const sequence = pieces.map((all) => all.map(([what, times]) => `${what}${what === "\\b" ? "" : times}`).join(""));
const regex = fc.tuple(sequence, sequence, quantifier).map(([a, b, times]) => `(?:${a}|${b})${times}${a}`);

describe("a program's size", () => {
  test.skipIf(!envoy)("is never less than in Envoy, and never very much more", () => {
    const regexes = [...WRITTEN, ...fc.sample(regex, { numRuns: 400, seed: 7 })];
    const sizes = sizesInEnvoy(regexes);
    expect(sizes.size).toBeGreaterThan(300);
    for (const [text, size] of sizes) {
      const told = programSize(text);
      expect({ text, size, told, isEnough: told >= size }).toMatchObject({ isEnough: true });
      expect({ text, size, told, isClose: told <= 6 * size + 100 }).toMatchObject({ isClose: true });
    }
  });

  test("is told in a time that grows with the text", () => {
    const long = "(a{2,9}[^\\pL]\\x{41}".repeat(50_000);
    expect(programSize(long)).toBeGreaterThan(1_000_000);
    expect(programSize("(".repeat(1_000_000))).toBeGreaterThan(1_000_000);
    expect(programSize("[:".repeat(500_000))).toBeGreaterThan(0);
  });
});
