// What several objects come to together follows each of them, and leaves the others as they are.

import { expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { translate } from "../dialects.ts";
import { readObjects, type SourceObject } from "../object.ts";
import type { WholeTranslation } from "../whole-translation.ts";

function object(kind: string, name: string, spec: unknown): SourceObject {
  const written = { apiVersion: "networking.istio.io/v1", kind, metadata: { name, namespace: "shop" }, spec };
  return readObjects("test.yaml", JSON.stringify(written)).objects[0]!;
}

const toHost = (host: string) => [{ route: [{ destination: { host } }] }];
const root = object("VirtualService", "root", {
  hosts: ["web"],
  http: [{ match: [{ uri: { prefix: "/" } }], delegate: { name: "rest" } }],
});
const delegate = (host: string) => object("VirtualService", "rest", { http: toHost(host) });
const other = object("VirtualService", "other", { hosts: ["cart"], http: toHost("cart") });
const subset = (rule: string, name: string) =>
  object("DestinationRule", rule, { host: "web", subsets: [{ name, labels: { version: name } }] });

/** As it is by difference; checked to be what reading everything anew gives. */
function changed(objects: readonly SourceObject[], before?: WholeTranslation): WholeTranslation {
  const now = translate(objects, DEFAULT_SETTINGS, before);
  const again = objects.map(({ value }) => readObjects("test.yaml", JSON.stringify(value)).objects[0]!);
  const anew = translate(again, DEFAULT_SETTINGS);
  expect(now.parts).toEqual(anew.parts);
  const said = ({ results }: WholeTranslation) => results.map(({ diagnostics }) => diagnostics);
  expect(said(now)).toEqual(said(anew));
  return now;
}

test("a delegate that changes, goes and comes changes what delegates to it, and nothing else", () => {
  const first = changed([root, delegate("a"), other]);
  const second = changed([root, delegate("b"), other], first);
  expect(second.parts.routes[0]).not.toEqual(first.parts.routes[0]);
  expect(second.parts.routes[1]).toBe(first.parts.routes[1]);
  expect(second.results.at(2)).toBe(first.results.at(2)!);
  const gone = changed([root, other], second);
  expect(gone.results.at(0)!.diagnostics).toHaveLength(1);
  expect(changed([root, delegate("b"), other], gone).results.at(0)!.diagnostics).toEqual([]);
});

test("rules of one host that change are joined again, and findings about them come and go", () => {
  const first = changed([subset("one", "v1"), subset("two", "v1"), other]);
  const second = changed([subset("one", "v1"), subset("two", "v2"), other], first);
  const duplicates = ({ results }: WholeTranslation) => results.flatMap(({ diagnostics }) => diagnostics).length;
  expect(duplicates(second)).toBe(duplicates(first) - 1);
  expect(second.parts.clientPolicies[0]!.subsets.map(({ name }) => name)).toEqual(["v1", "v2"]);
  expect(second.parts.routes[0]).toBe(first.parts.routes[0]);
});
