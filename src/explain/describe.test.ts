import { expect, test } from "bun:test";
import { JWT_FILTER, PAYLOAD_KEY } from "../compile/authorization/condition.ts";
import type { MetadataMatch } from "../table/metadata-match.ts";
import { matchText } from "./describe.ts";

const found = (path: readonly string[], changes: Partial<MetadataMatch> = {}): MetadataMatch => ({
  namespace: JWT_FILTER,
  path,
  value: { kind: "present", value: true },
  invert: false,
  ...changes,
});

test("a route by claims names them, and whether they must be absent", () => {
  const text = matchText({
    path: { kind: "prefix", text: "/", ignoreCase: false },
    headers: [],
    query: [],
    metadata: [
      found([PAYLOAD_KEY, "realm", "groups"]),
      found([PAYLOAD_KEY, "sub"], { invert: true }),
      found(["a", "b"], { namespace: "own" }),
    ],
    grpc: false,
    certificate: undefined,
    fraction: undefined,
    always: false,
  });
  expect(text).toBe("every path, by claim realm.groups, other than by claim sub, by metadata own a.b");
});
