import { expect, test } from "bun:test";
import { acceptsName, type SubjectName } from "./transport-socket.ts";

const ID = "spiffe://cluster.local/ns/a/sa/b";

function exact(type: SubjectName["type"], text: string): SubjectName {
  return { type, match: { kind: "exact", text, ignoreCase: false } };
}

test.each([
  ["uri", ID, ID, [], true],
  ["uri", ID, `${ID}c`, [], false],
  ["uri", "", "", [], false],
  ["dns", ID, ID, [], false],
  ["uri", ID, "", [ID], false],
  ["dns", "a.example.com", "", ["b.example.com", "A.example.com"], true],
  ["dns", "A.Example.com", "", ["a.example.com"], true],
  ["dns", "a.example.com", "", ["*.example.com"], true],
  ["dns", "a.b.example.com", "", ["*.example.com"], false],
  ["dns", "example.com", "", ["*.example.com"], false],
  ["dns", ".example.com", "", ["*.example.com"], false],
  ["dns", "a.example.com", "", ["*"], false],
] as const)("%s name %s against %s and %j: %j", (type, wanted, uri, dnsNames, accepted) => {
  expect(acceptsName({ subjectAltNames: [exact(type, wanted)] }, { uri, dnsNames })).toBe(accepted);
});

test("who asks for no name takes every chain that is trusted", () => {
  expect(acceptsName({ subjectAltNames: [] }, { uri: "", dnsNames: [] })).toBe(true);
});
