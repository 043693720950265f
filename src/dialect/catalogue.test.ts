// The catalogues of findings: every code once, in order.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const AREAS = [
  ["diagnostics.ts", 1000, 1199],
  ["istio/diagnostics.ts", 1200, 1289],
  ["istio/gateway-diagnostics.ts", 1290, 1299],
  ["kubernetes/diagnostics.ts", 1300, 1349],
  ["istio/settings-diagnostics.ts", 1370, 1379],
  ["istio/admission-refusals.ts", 1360, 1369],
  ["istio/roots-diagnostics.ts", 1391, 1399],
  ["istio/mesh-diagnostics.ts", 1400, 1429],
  ["istio/telemetry-diagnostics.ts", 1480, 1509],
  ["../model/gateway-findings.ts", 1310, 1319],
  ["istio/envoy-diagnostics.ts", 1540, 1559],
  ["input-diagnostics.ts", 1620, 1639],
  ["istio/refusals.ts", 1660, 1721],
  ["istio/envoy-match-diagnostics.ts", 1730, 1739],
  ["istio/validation-diagnostics.ts", 1740, 1745],
  ["../model/findings.ts", 2000, 2999],
] as const;

for (const [file, first, last] of AREAS) {
  const source = readFileSync(join(import.meta.dir, file), "utf8");

  test(`codes of ${file} are sorted, each function has its own, all in its range`, () => {
    const functions = source.split("\nexport function ").filter((body) => /^\w+\([^{]*\): Message \{/.test(body));
    const codes = functions.map((body) => [
      ...new Set([...body.matchAll(/"HED(\d{4})"/g)].map(([, digits]) => Number(digits))),
    ]);
    expect(codes.every((found) => found.length === 1)).toBe(true);
    const flat = codes.flat();
    expect(flat).toEqual([...new Set(flat)].sort((a, b) => a - b));
    expect(flat.every((code) => code >= first && code <= last)).toBe(true);
  });

  test(`messages of ${file} have no full stop at the end`, () => {
    const messages = [
      ...source.matchAll(/(?:(?:error|warning)\(\s*"HED\d{4}",|message:)\s*([`"'])(.+?)\1(?=[,;)\s])/g),
    ].map(([, , text]) => text!);
    expect(messages.length).toBeGreaterThan(2);
    expect(messages.filter((text) => text.endsWith("."))).toEqual([]);
  });
}
