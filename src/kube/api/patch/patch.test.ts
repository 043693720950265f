import { describe, expect, test } from "bun:test";
import type { Json, JsonObject } from "../../json.ts";
import { POD } from "../../schemas/pod.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { applyStrategicMerge } from "./strategic-merge.ts";

function jsonPatched(document: Json, ...operations: readonly Json[]): Json {
  const patched = applyJsonPatch(document, operations);
  return patched.kind === "ok" ? patched.value : patched.message;
}

describe("JSON patch", () => {
  // The examples of RFC 6902, appendix A, and what it leaves open.
  test.each<[string, Json, Json, Json]>([
    ["adds a field", { a: 1 }, { op: "add", path: "/b", value: 2 }, { a: 1, b: 2 }],
    ["adds an item", { a: [1, 3] }, { op: "add", path: "/a/1", value: 2 }, { a: [1, 2, 3] }],
    ["adds at the end", { a: [1] }, { op: "add", path: "/a/-", value: 2 }, { a: [1, 2] }],
    ["replaces the document", { a: 1 }, { op: "add", path: "", value: { b: 1 } }, { b: 1 }],
    ["removes a field", { a: 1, b: 2 }, { op: "remove", path: "/b" }, { a: 1 }],
    ["removes an item", { a: [1, 2, 3] }, { op: "remove", path: "/a/1" }, { a: [1, 3] }],
    ["replaces", { a: { b: 1 } }, { op: "replace", path: "/a/b", value: null }, { a: { b: null } }],
    ["moves", { a: { b: 1 }, c: {} }, { op: "move", from: "/a/b", path: "/c/d" }, { a: {}, c: { d: 1 } }],
    ["copies", { a: [1] }, { op: "copy", from: "/a/0", path: "/a/-" }, { a: [1, 1] }],
    ["tests", { a: { x: 1, y: [2] } }, { op: "test", path: "/a", value: { y: [2], x: 1 } }, { a: { x: 1, y: [2] } }],
    ["decodes ~1 and ~0", { "a/b~c": 1 }, { op: "replace", path: "/a~1b~0c", value: 2 }, { "a/b~c": 2 }],
  ])("%s", (_, document, operation, expected) => {
    expect(jsonPatched(document, operation)).toEqual(expected);
  });

  test.each<[Json, string]>([
    [{ op: "add", path: "/x/y", value: 1 }, 'there is no field "x"'],
    [{ op: "add", path: "/list/7", value: 1 }, 'index "7" is out of the range'],
    [{ op: "add", path: "/list/01", value: 1 }, 'index "01"'],
    [{ op: "remove", path: "/x" }, 'there is no field "x"'],
    [{ op: "remove", path: "/list/-" }, 'index "-"'],
    [{ op: "remove", path: "" }, "the whole document"],
    [{ op: "replace", path: "/x", value: 1 }, 'there is no field "x"'],
    [{ op: "test", path: "/a", value: 2 }, "testing the value failed"],
    [{ op: "add", path: "a", value: 1 }, 'must begin with "/"'],
    [{ op: "add", path: "/b" }, "has no value"],
    [{ op: "move", from: "/a", path: "/a/b" }, "into itself"],
    [{ op: "burn", path: "/a" }, "unknown operation"],
    [{ op: "remove", path: "/constructor" }, "there is no field"],
    [{ op: "add", path: "/__proto__", value: {} }, "__proto__"],
    ["text", "must be an object"],
  ])("an operation is refused: %j", (operation, message) => {
    expect(jsonPatched({ a: 1, list: [1] }, operation)).toContain(message);
  });

  test("a document cannot be blown up by copying it into itself", () => {
    const operations = Array.from({ length: 40 }, (_, n) => ({ op: "copy", from: "", path: `/k${n}` }));
    expect(jsonPatched({ a: "x".repeat(1_000) }, ...operations)).toContain("copies too much");
  });

  test("does not change the document it is given", () => {
    const document = Object.freeze({ a: Object.freeze([1, 2]) });
    expect(jsonPatched(document, { op: "remove", path: "/a/0" })).toEqual({ a: [2] });
    expect(document).toEqual({ a: [1, 2] });
  });
});

describe("merge patch", () => {
  // RFC 7386, appendix A.
  test.each<[Json, Json, Json]>([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [["a"], { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  ])("%j with %j is %j", (target, patch, expected) => {
    expect(applyMergePatch(target, patch)).toEqual(expected);
  });
});

describe("strategic merge patch", () => {
  function patched(spec: JsonObject, patch: JsonObject): Json {
    const result = applyStrategicMerge({ spec }, { spec: patch }, POD);
    return result.kind === "ok" ? (result.value as JsonObject).spec! : result.message;
  }

  test("merges containers by name and their variables by name", () => {
    const spec = { containers: [{ name: "a", image: "1", env: [{ name: "X", value: "1" }] }, { name: "b" }] };
    const patch = { containers: [{ name: "a", env: [{ name: "Y", value: "2" }] }, { name: "c" }] };
    expect(patched(spec, patch)).toEqual({
      containers: [
        {
          name: "a",
          image: "1",
          env: [
            { name: "X", value: "1" },
            { name: "Y", value: "2" },
          ],
        },
        { name: "b" },
        { name: "c" },
      ],
    });
  });

  test("deletes, replaces and orders by directive", () => {
    const spec = {
      containers: [{ name: "a", image: "1" }, { name: "b" }, { name: "c" }],
      nodeSelector: { x: "1", y: "2" },
    };
    expect(
      patched(spec, {
        $setElementOrder: [],
        "$setElementOrder/containers": [{ name: "c" }, { name: "a" }],
        containers: [{ name: "b", $patch: "delete" }],
        nodeSelector: { $patch: "replace", z: "3" },
      }),
    ).toBe("unknown directive $setElementOrder");
    expect(
      patched(spec, {
        "$setElementOrder/containers": [{ name: "c" }, { name: "a" }],
        containers: [{ name: "b", $patch: "delete" }],
        nodeSelector: { $patch: "replace", z: "3" },
      }),
    ).toEqual({ containers: [{ name: "c" }, { name: "a", image: "1" }], nodeSelector: { z: "3" } });
    expect(patched(spec, { containers: [{ $patch: "replace" }, { name: "only" }] })).toMatchObject({
      containers: [{ name: "only" }],
    });
    expect(patched(spec, { $retainKeys: ["nodeSelector"], nodeSelector: { x: null } })).toEqual({
      nodeSelector: { y: "2" },
    });
  });

  test("shares lists of plain values, and deletes from them", () => {
    const apply = (metadata: JsonObject) => {
      const result = applyStrategicMerge({ metadata: { finalizers: ["a", "b", "c"] } }, { metadata }, POD);
      return result.kind === "ok" ? result.value : result.message;
    };
    expect(apply({ finalizers: ["b", "d"] })).toEqual({ metadata: { finalizers: ["a", "b", "c", "d"] } });
    expect(apply({ "$deleteFromPrimitiveList/finalizers": ["a"], "$setElementOrder/finalizers": ["c", "b"] })).toEqual({
      metadata: { finalizers: ["c", "b"] },
    });
  });

  test("replaces lists that have no merge key", () => {
    expect(patched({ tolerations: [{ key: "a" }] }, { tolerations: [{ key: "b" }] })).toEqual({
      tolerations: [{ key: "b" }],
    });
  });

  test("an item without its merge key, and an unknown directive, are refused", () => {
    expect(patched({ containers: [] }, { containers: [{ image: "x" }] })).toContain('no merge key "name"');
    expect(patched({}, { $patch: "burn" })).toContain("unknown directive");
    expect(patched({ x: [1] }, { "$deleteFromPrimitiveList/x": 1 })).toContain("must be a list");
  });
});
