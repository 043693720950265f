// How far ServiceEntries are seen by the mesh's word, while labels of namespaces, policies and entries change.

import { describe, expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { translate } from "./dialects.ts";
import { readObjects, type SourceObject } from "./object.ts";
import type { WholeTranslation } from "./whole-translation.ts";

function objectsOf(...documents: readonly string[]): readonly SourceObject[] {
  return documents.flatMap((document) => readObjects("case.yaml", document).objects);
}

const mesh = (said: string) =>
  `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: 'serviceEntryVisibility: ${said}'}}`;
const namespace = (name: string, labels: string) =>
  `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}, labels: ${labels}}}`;
const entry = (at: string, exportTo: string) =>
  `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: out, namespace: ${at}}, spec: {hosts: [${at}.test], exportTo: ${exportTo}, ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}}`;

/** Who sees each entry, and codes of findings. */
function told({ parts, results }: WholeTranslation) {
  const seen = parts.services.map(({ host, visibility }) => [
    host,
    visibility.kind === "namespaces" ? visibility.namespaces.join() : visibility.kind,
  ]);
  return {
    seen: Object.fromEntries(seen) as Record<string, string>,
    findings: results.flatMap(({ diagnostics }) => diagnostics.map(({ code }) => code)),
  };
}

const POLICIES =
  "{defaultVisibility: NAMESPACE, applyToSidecars: true, policies: [{visibility: PUBLIC, matchingRules: [{namespaceSelector: {matchLabels: {trusted: yes}}}]}, {visibility: NONE, matchingRules: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: bank}}}]}]}";

const world = (said: string, labels = '{trusted: "yes"}', exportTo = '["*"]') =>
  objectsOf(
    mesh(said.replaceAll("yes", '"yes"')),
    namespace("shop", labels),
    entry("shop", exportTo),
    entry("bank", '["*"]'),
    entry("post", '["*"]'),
    entry("quay", '["shop"]'),
  );

describe("serviceEntryVisibility", () => {
  test("the first policy whose selectors all select the namespace counts, else the default; nothing is widened", () => {
    expect(told(translate(world(POLICIES), DEFAULT_SETTINGS))).toEqual({
      seen: { "shop.test": "public", "bank.test": "nobody", "post.test": "post", "quay.test": "nobody" },
      findings: [],
    });
    const narrow = told(translate(world(POLICIES, '{trusted: "yes"}', '["."]'), DEFAULT_SETTINGS));
    expect(narrow.seen["shop.test"]).toBe("shop");
  });

  test("it is for sidecars where it says so, and is told to have no effect otherwise", () => {
    const { seen, findings } = told(translate(world("{defaultVisibility: NONE}"), DEFAULT_SETTINGS));
    expect(seen).toEqual({ "shop.test": "public", "bank.test": "public", "post.test": "public", "quay.test": "shop" });
    expect(findings).toEqual(["HED1372"]);
  });

  test("a policy with a rule that says nothing applies to nobody, and one without rules to everybody", () => {
    const empty =
      "{defaultVisibility: NAMESPACE, applyToSidecars: true, policies: [{visibility: NONE, matchingRules: [{}]}]}";
    expect(told(translate(world(empty), DEFAULT_SETTINGS)).seen["shop.test"]).toBe("shop");
    const all = "{defaultVisibility: NAMESPACE, applyToSidecars: true, policies: [{visibility: NONE}]}";
    expect(told(translate(world(all), DEFAULT_SETTINGS)).seen["shop.test"]).toBe("nobody");
  });

  test("what changes is read as if it had never been otherwise, and what does not is not read again", () => {
    const steps = [
      world(POLICIES),
      world(POLICIES, '{trusted: "no"}'),
      world(POLICIES, '{trusted: "no"}', '["."]'),
      world("{defaultVisibility: NONE, applyToSidecars: true}", '{trusted: "no"}'),
      world(POLICIES),
    ];
    let before: WholeTranslation | undefined;
    for (const objects of steps) {
      const made = translate(objects, DEFAULT_SETTINGS, before);
      expect(told(made)).toEqual(told(translate(objects, DEFAULT_SETTINGS)));
      const again = translate([...objects], DEFAULT_SETTINGS, made);
      expect(again.settings).toBe(made.settings);
      before = made;
    }
  });
});
