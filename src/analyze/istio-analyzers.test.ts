// What Istio's own tests of its analyzers expect (pkg/config/analysis/analyzers/analyzers_test.go), of objects of the same shape: which code
// for which object, and nothing else. Where Heddle says otherwise on purpose a case has the difference and its reason.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readObjects } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { analyze } from "./analyze.ts";
import type { Finding } from "./code.ts";
import { ISTIO_CODES } from "./codes/istio.ts";

const FOLDER = join(import.meta.dir, "../../test/golden/istio-analyzers");

interface Case {
  readonly name: string;
  readonly codes: readonly string[];
  readonly text: string;
  readonly istio: readonly string[];
  readonly differences: readonly string[];
}

const CASES = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".findings"))
  .sort()
  .map((name) => readCase(name, readFileSync(join(FOLDER, name), "utf8")));

function readCase(name: string, file: string): Case {
  const [text = "", rest = ""] = file.split("=== Istio ===\n");
  const [istio = "", heddle = ""] = rest.split("=== Heddle ===\n");
  const [, codes = ""] = /^# codes: (.*)$/m.exec(text) ?? [];
  return { name, codes: codes.split(" "), text, istio: linesOf(istio), differences: linesOf(heddle) };
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** Each once: Istio tells some of them of the object, where Heddle tells them of each field. */
function saidOf({ codes, text }: Case): readonly string[] {
  const { objects, diagnostics } = readObjects("case.yaml", text);
  expect(diagnostics).toEqual([]);
  const found = analyze(objects, DEFAULT_SETTINGS).filter(({ code }) => codes.includes(code));
  expect(found.every(({ span, object }) => span && object)).toBe(true);
  const namespaced = new Set(
    objects.filter(({ value }) => "namespace" in (value.metadata as object)).map(({ key }) => key),
  );
  return [...new Set(found.map((each) => lineOf(each, namespaced)))].sort();
}

function lineOf({ code, object }: Finding, namespaced: ReadonlySet<string>): string {
  const { kind = "", namespace = "", name = "" } = object ?? {};
  const isNamed = [...namespaced].some((key) => key.includes(kind) && key.endsWith(`${namespace}/${name}`));
  return `${code} ${kind} ${isNamed ? `${namespace}/` : ""}${name}`;
}

describe("Istio's findings", () => {
  test.each(CASES.map((each) => [each.name, each] as const))("%s", (_, each) => {
    const expected = new Set(each.istio);
    for (const difference of each.differences) {
      const [, sign, line = "", reason = ""] = /^([+-]) (IST\d{4} \S+ \S+): (.*)$/.exec(difference) ?? [];
      expect({ difference, isMeant: reason !== "" && expected.has(line) === (sign === "-") }).toEqual({
        difference,
        isMeant: true,
      });
      if (sign === "-") expected.delete(line);
      else expected.add(line);
    }
    expect(saidOf(each)).toEqual([...expected].sort());
  });

  test("of every code that Heddle has of Istio's there is a case", () => {
    const there = new Set(CASES.flatMap(({ codes }) => codes));
    // IST0001 is a defect; of IST0113 and IST0119 Istio has kept the codes, and taken the analyzers away.
    expect(Object.keys(ISTIO_CODES).filter((code) => !there.has(code))).toEqual(["IST0001", "IST0113", "IST0119"]);
  });
});
