// Namespaces that the mesh does not read, while labels, selectors and objects change.

import { describe, expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { translate } from "./dialects.ts";
import { readObjects, type SourceObject } from "./object.ts";
import type { WholeTranslation } from "./whole-translation.ts";

function objectsOf(...documents: readonly string[]): readonly SourceObject[] {
  return documents.flatMap((document) => readObjects("case.yaml", document).objects);
}

const mesh = (selectors: string) =>
  `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: 'discoverySelectors: ${selectors}'}}`;
const namespace = (name: string, labels: string) =>
  `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}, labels: ${labels}}}`;
const service = (at: string, port: number) =>
  `{apiVersion: v1, kind: Service, metadata: {name: web, namespace: ${at}}, spec: {ports: [{name: http, port: ${port}}]}}`;
const rule = (at: string, host: string) =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: web, namespace: ${at}}, spec: {host: ${host}}}`;

/** Services with their ports, hosts of policies, and codes of findings. */
function told({ parts, results }: WholeTranslation) {
  return {
    services: parts.services.map(({ host, ports }) => `${host}:${ports[0]?.number}`),
    policies: parts.clientPolicies.map(({ host }) => host),
    findings: results.flatMap(({ diagnostics }) => diagnostics.map(({ code }) => code)),
  };
}

describe("discoverySelectors", () => {
  const world = (selectors: string, labels: string, port = 80, host = "web") =>
    objectsOf(
      mesh(selectors),
      namespace("shop", labels),
      namespace("bank", "{mesh: joined}"),
      service("shop", port),
      service("bank", 80),
      service("elsewhere", 80),
      rule("shop", host),
    );
  const ALL = ["web.bank.svc.cluster.local:80", "web.elsewhere.svc.cluster.local:80"];

  test("what changes is read as if it had never been otherwise", () => {
    const steps = [
      world("[]", "{mesh: alone}"),
      world("[{matchLabels: {mesh: joined}}]", "{mesh: alone}"),
      // In a namespace that nobody reads: its service, and its rule, wrong at first.
      world("[{matchLabels: {mesh: joined}}]", "{mesh: alone}", 81),
      world("[{matchLabels: {mesh: joined}}]", "{mesh: alone}", 81, "'*.*'"),
      world("[{matchLabels: {mesh: joined}}]", "{mesh: alone}", 82),
      // A label alone brings it in and out.
      world("[{matchLabels: {mesh: joined}}]", "{mesh: joined}", 82),
      world("[{matchLabels: {mesh: joined}}]", "{mesh: alone}", 82),
      world("[{matchExpressions: [{key: mesh, operator: NotIn, values: [joined]}]}]", "{mesh: alone}", 82),
    ];
    let before: WholeTranslation | undefined;
    const seen = steps.map((objects, i) => {
      const same = steps[i - 1];
      // As sources keep what did not change.
      const now = objects.map((object, j) =>
        same && JSON.stringify(same[j]!.value) === JSON.stringify(object.value) ? before!.objects.at(j)! : object,
      );
      const made = translate(now, DEFAULT_SETTINGS, before);
      expect(told(made)).toEqual(told(translate(objects, DEFAULT_SETTINGS)));
      before = made;
      return told(made);
    });
    const without = { services: ALL, policies: [], findings: ["HED1422"] };
    const shop = (port: number) => `web.shop.svc.cluster.local:${port}`;
    const policies = ["web.shop.svc.cluster.local"];
    expect(seen).toEqual([
      { services: [shop(80), ...ALL], policies, findings: [] },
      ...Array.from({ length: 4 }, () => without),
      { services: [shop(82), ...ALL], policies, findings: [] },
      without,
      { services: [shop(82), ALL[1]!], policies, findings: [] },
    ]);
  });

  test("root namespaces are read whatever their labels are", () => {
    const objects = objectsOf(
      mesh("[{matchLabels: {mesh: joined}}]"),
      namespace("istio-system", "{}"),
      rule("istio-system", "web"),
    );
    expect(told(translate(objects, DEFAULT_SETTINGS))).toMatchObject({
      findings: [],
      policies: ["web.istio-system.svc.cluster.local"],
    });
  });
});
