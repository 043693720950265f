// What Istio's analyzers and Kiali's checkers say of objects, as their own tests expect it (pkg/config/analysis/analyzers/analyzers_test.go,
// business/checkers): which code for which object, and nothing else. Where Heddle says otherwise on purpose a case has the difference and its
// reason.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readObjects, type SourceObject } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { analyze } from "./analyze.ts";
import { CODES, codesOf, type Finding } from "./code.ts";
import type { CodeInfo } from "./code-info.ts";
import { ISTIO_CODES } from "./codes/istio.ts";

const GOLDEN = join(import.meta.dir, "../../test/golden");

interface Case {
  readonly name: string;
  readonly codes: readonly string[];
  readonly text: string;
  readonly expected: readonly string[];
  readonly differences: readonly string[];
}

function casesIn(folder: string): readonly Case[] {
  const path = join(GOLDEN, folder);
  const names = readdirSync(path).filter((name) => name.endsWith(".findings"));
  return names.sort().map((name) => readCase(name.replace(".findings", ""), readFileSync(join(path, name), "utf8")));
}

function readCase(name: string, file: string): Case {
  const [text = "", rest = ""] = file.split(/^=== (?:Istio|Kiali) ===\n/m);
  const [expected = "", heddle = ""] = rest.split("=== Heddle ===\n");
  const [, codes = ""] = /^# codes: (.*)$/m.exec(text) ?? [];
  return { name, codes: codes.split(" "), text, expected: linesOf(expected), differences: linesOf(heddle) };
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** Each once: others tell some of them of the object, where Heddle tells them of each field. */
function saidOf({ codes, text }: Case): readonly string[] {
  const { objects, diagnostics } = readObjects("case.yaml", text);
  expect(diagnostics).toEqual([]);
  const found = analyze(objects, DEFAULT_SETTINGS);
  const lines = found.flatMap((each) => {
    const code = codesOf(each).find((candidate) => codes.includes(candidate));
    return code === undefined ? [] : [`${code} ${nameOf(each, objects)}`];
  });
  return [...new Set(lines)].sort();
}

/** Without the namespace where the object names none, as Istio's tests have it. */
function nameOf({ object: about, span }: Finding, objects: readonly SourceObject[]): string {
  expect({ about, hasPlace: span !== undefined }).toEqual({ about, hasPlace: true });
  const { kind = "", namespace = "", name = "" } = about ?? {};
  const object = objects.find(
    ({ origin }) => origin.kind === kind && origin.namespace === namespace && origin.name === name,
  );
  const isNamed = (object?.value.metadata as { readonly namespace?: string } | undefined)?.namespace !== undefined;
  return `${kind} ${isNamed ? `${namespace}/` : ""}${name}`;
}

function expectedOf({ expected, differences }: Case): readonly string[] {
  const lines = new Set(expected);
  for (const difference of differences) {
    const [, sign, line = "", reason = ""] = /^([+-]) ([A-Z]{3}\d{4} \S+ \S+): (.*)$/.exec(difference) ?? [];
    const isMeant = reason !== "" && lines.has(line) === (sign === "-");
    expect({ difference, isMeant }).toEqual({ difference, isMeant: true });
    if (sign === "-") lines.delete(line);
    else lines.add(line);
  }
  return [...lines].sort();
}

const ISTIO = casesIn("istio-analyzers");
const KIALI = casesIn("kiali-checkers");

describe("Istio's findings", () => {
  test.each(ISTIO.map((each) => [each.name, each] as const))("%s", (_, each) =>
    expect(saidOf(each)).toEqual(expectedOf(each)),
  );

  test("of every code that Heddle has of Istio's there is a case", () => {
    const there = new Set(ISTIO.flatMap(({ codes }) => codes));
    // IST0001 is a defect; of IST0113 and IST0119 Istio has kept the codes, and taken the analyzers away.
    expect(Object.keys(ISTIO_CODES).filter((code) => !there.has(code))).toEqual(["IST0001", "IST0113", "IST0119"]);
  });
});

describe("Kiali's findings", () => {
  test.each(KIALI.map((each) => [each.name, each] as const))("%s", (_, each) =>
    expect(saidOf(each)).toEqual(expectedOf(each)),
  );

  test("of every code that Heddle has of Kiali's, or knows as another's, there is a case", () => {
    const there = new Set(KIALI.flatMap(({ codes }) => codes));
    const known = Object.entries<CodeInfo>(CODES).flatMap(([code, { also = [] }]) => [code, ...also]);
    const missing = new Set(known.filter((code) => code.startsWith("KIA") && !there.has(code)));
    expect([...missing]).toEqual([]);
  });
});
