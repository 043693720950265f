import { describe, expect, test } from "bun:test";
import { isolate, mentions } from "./refusal.ts";

describe("mentions", () => {
  test("finds a name in the words of Envoy and of Heddle's proxy", () => {
    const cds = "Error adding/updating cluster(s) outbound|80||a.b: cannot create, outbound|81||a.b: no";
    expect(mentions(cds, "outbound|80||a.b")).toBe(true);
    expect(mentions(cds, "outbound|81||a.b")).toBe(true);
    expect(mentions('cluster_name: "a"\nendpoints {', "a")).toBe(true);
    expect(mentions("listener 'l' config rejected", "l")).toBe(true);
    expect(mentions("80/x: routes[0].route: no such cluster\n80/y: bad", "80/y")).toBe(true);
    expect(mentions("l", "l")).toBe(true);
  });

  test("does not take a part of another name for it", () => {
    const text = "Error adding/updating cluster(s) outbound|80|v1|a.b.c: no; 10.0.0.1_80: no; 80/x:8080: no";
    for (const name of ["outbound|80|v1|a.b", "a.b.c", "v1", "80", "80/x", "x:8080", "0.0.0.1_80"])
      expect([name, mentions(text, name)]).toEqual([name, false]);
  });
});

describe("isolate", () => {
  test("refuses a resource that stands alone, whatever the text says", () => {
    expect(isolate(["a"], "no")).toEqual({ refused: ["a"], retry: [] });
    expect(isolate([], "no")).toEqual({ refused: [], retry: [] });
  });

  test("refuses what is named and tries the rest together", () => {
    expect(isolate(["a", "b", "c"], "b: no")).toEqual({ refused: ["b"], retry: [["a", "c"]] });
    expect(isolate(["a", "b"], "a: no, b: no")).toEqual({ refused: ["a", "b"], retry: [] });
  });

  test("halves what it cannot tell apart", () => {
    expect(isolate(["a", "b", "c"], "no")).toEqual({ refused: [], retry: [["a"], ["b", "c"]] });
  });
});
