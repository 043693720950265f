import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { labelText } from "./label-text.ts";
import { DEFAULT_LIMITS, type ExpositionLine, parseSeries, readExposition } from "./parse.ts";

function read(text: string): ExpositionLine[] {
  return [...readExposition(text)];
}

describe("readExposition", () => {
  test("reads names, labels, values, timestamps and exemplars", () => {
    expect(
      read(
        [
          "# HELP http_requests_total The total\\nof \\\\ requests.",
          "# TYPE http_requests_total counter",
          "# a remark",
          "",
          'http_requests_total{method="post",code="200"} 1027 1395066363000',
          "up 1",
          'm { a = "}" , b = "\\"{" , } +Inf',
          "m NaN\r",
          'h_bucket{le="0.5"} 4 # {trace_id="a}b"} 0.43 1520879607.789',
          "# EOF",
          "after nonsense",
        ].join("\n"),
      ),
    ).toEqual([
      { kind: "help", family: "http_requests_total", text: "The total\nof \\ requests." },
      { kind: "type", family: "http_requests_total", text: "counter" },
      { kind: "sample", series: 'http_requests_total{method="post",code="200"}', value: 1027, tail: "1395066363000" },
      { kind: "sample", series: "up", value: 1, tail: "" },
      { kind: "sample", series: 'm { a = "}" , b = "\\"{" , }', value: Number.POSITIVE_INFINITY, tail: "" },
      { kind: "sample", series: "m", value: Number.NaN, tail: "" },
      { kind: "sample", series: 'h_bucket{le="0.5"}', value: 4, tail: '# {trace_id="a}b"} 0.43 1520879607.789' },
      { kind: "eof" },
    ]);
  });

  for (const [name, text] of [
    ["a sample without a value", "up"],
    ["labels that never close", 'up{a="b" 1'],
    ["a value that is no number", "up one"],
    ["a hexadecimal value", "up 0x10"],
    ["a header with a bad name", "# TYPE a-b counter"],
    ["HTML", "<!doctype html><html></html>"],
  ] as const) {
    test(`stops with the line at ${name}`, () => {
      const lines = read(`ok 1\n${text}\nok 2\n`);
      expect(lines.length).toBe(2);
      expect(lines[1]).toMatchObject({ kind: "error", line: 2 });
    });
  }

  test("is bounded in length, line length and samples", () => {
    const limits = { ...DEFAULT_LIMITS, maxLength: 100, maxLineLength: 50, maxSamples: 3 };
    const last = (text: string) => [...readExposition(text, limits)].at(-1);
    expect(last("x".repeat(101))).toMatchObject({ kind: "error" });
    expect(last(`a{b="${"x".repeat(60)}"} 1`)).toMatchObject({ kind: "error", line: 1 });
    expect(last("a 1\nb 1\nc 1\nd 1\n")).toMatchObject({ kind: "error", line: 4, message: "more than 3 samples" });
  });

  test("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        for (const line of readExposition(text)) if (line.kind === "sample") parseSeries(line.series);
      }),
    );
  });
});

describe("parseSeries", () => {
  test("gives back the label values that were written", () => {
    const value = fc
      .string({ maxLength: 40 })
      .filter((text) => !/[\p{Cc}]/u.test(text.replaceAll("\n", "")) && text.isWellFormed());
    fc.assert(
      fc.property(value, value, (a, b) => {
        const line = `m{${labelText(["a", "b"], [a, b])}} 1`;
        const [sample] = read(line);
        expect(sample?.kind).toBe("sample");
        if (sample?.kind !== "sample") return;
        expect(parseSeries(sample.series)?.labels).toEqual(
          new Map([
            ["a", a],
            ["b", b],
          ]),
        );
      }),
    );
  });

  for (const series of [
    'm{a="1",a="2"}',
    "m{a=1}",
    'm{a="1" b="2"}',
    'm{="1"}',
    'm{a="1"}}',
    'm{a="\\',
    "1m",
    '{a="1"}',
    'm{a="1",,}',
  ]) {
    test(`refuses ${series}`, () => {
      expect(parseSeries(series)).toBeUndefined();
    });
  }

  test("allows a trailing comma and white space", () => {
    expect(parseSeries('m { a="1" , }')).toEqual({ name: "m", labelText: ' a="1" , ', labels: new Map([["a", "1"]]) });
    expect(parseSeries("m{}")?.labels.size).toBe(0);
  });
});
