import { describe, expect, test } from "bun:test";
import type { KubeObject } from "./object.ts";
import { matches, parseFieldSelector, parseLabelSelector } from "./selector.ts";

const OBJECT: KubeObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1", namespace: "default", labels: { app: "web", tier: "front", size: "7", empty: "" } },
  spec: { nodeName: "n1" },
  status: { phase: "Running" },
};

function selects(labels: string): boolean | string {
  const parsed = parseLabelSelector(labels);
  return parsed.kind === "ok" ? matches(OBJECT, { labels: parsed.value, fields: [] }) : parsed.message;
}

function selectsField(fields: string): boolean | string {
  const parsed = parseFieldSelector(fields, ["spec.nodeName", "status.phase", "status.podIP"]);
  return parsed.kind === "ok" ? matches(OBJECT, { labels: [], fields: parsed.value }) : parsed.message;
}

describe("label selectors", () => {
  test.each([
    ["", true],
    ["app=web", true],
    ["app==web,tier!=back", true],
    ["app = web , tier = front", true],
    ["app in (api, web),tier notin (back)", true],
    ["app in (api)", false],
    ["missing!=x", true],
    ["missing notin (a,b)", true],
    ["app", true],
    ["!app", false],
    ["!missing", true],
    ["empty=", true],
    ["size>6,size<8", true],
    ["size>7", false],
    ["app>1", false],
    ["example.com/app!=x", true],
    ["constructor", false],
  ])("%p selects: %p", (text, expected) => {
    expect(selects(text)).toBe(expected);
  });

  test.each(["a b", "a=b=c", "a in b", "a in (b", "=b", "a>x", "-a=b", "a=b!", `${"x".repeat(64)}=a`, "a,,b"])(
    "%p is refused with a sentence",
    (text) => {
      expect(selects(text)).toContain("unable to parse requirement");
    },
  );
});

describe("field selectors", () => {
  test.each([
    ["metadata.name=web-1", true],
    ["metadata.name==web-1,metadata.namespace!=other", true],
    ["spec.nodeName=n2", false],
    ["status.podIP=", true],
    ["status.phase!=Failed", true],
    ["metadata.name=a\\,b", false],
  ])("%p selects: %p", (text, expected) => {
    expect(selectsField(text)).toBe(expected);
  });

  test("a field that the kind cannot be selected by is refused", () => {
    expect(selectsField("spec.foo=1")).toBe("field label not supported: spec.foo");
    expect(selectsField("nonsense")).toContain("invalid selector");
  });
});
