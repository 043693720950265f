// Every error that analyzers and the model can find either refuses the write that brings it, as shown here, or is accepted for a reason: a code
// that is neither fails this test.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ACCEPTED } from "../analyze/accepted.ts";
import { analyze } from "../analyze/analyze.ts";
import { CODES } from "../analyze/code.ts";
import { isOfKind } from "../analyze/view.ts";
import { readObjects, type SourceObject } from "../dialect/object.ts";
import type { KubeObject } from "../kube/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { admission } from "./admission.ts";

const NETWORKING = "networking.istio.io/v1";
const SECURITY = "security.istio.io/v1";
const service = (ports: string) =>
  `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [${ports}]}}`;
const POD =
  '{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}, annotations: {heddle.dev/proxy: heddle}}, spec: {containers: [{name: app, image: app}]}, status: {podIP: 10.0.0.9, conditions: [{type: Ready, status: "True"}]}}';
const of = (apiVersion: string, kind: string, name: string, spec: string) =>
  `{apiVersion: ${apiVersion}, kind: ${kind}, metadata: {name: ${name}}, spec: ${spec}}`;
const route = (name: string, spec: string) =>
  of(NETWORKING, "VirtualService", name, `{${spec}, http: [{route: [{destination: {host: web}}]}]}`);
const gateway = (name: string, port: number, tls = "") =>
  of(
    NETWORKING,
    "Gateway",
    name,
    `{selector: {app: web}, servers: [{port: {number: ${port}, name: a, protocol: ${tls === "" ? "HTTP" : "HTTPS"}}, hosts: [a.example.com]${tls}}]}`,
  );
const selecting =
  (apiVersion: string, kind: string, field: string, spec = "") =>
  (name: string) =>
    of(apiVersion, kind, name, `{${field}: {app: web}}${spec}}`);
const everything =
  (apiVersion: string, kind: string, spec = "") =>
  (name: string) =>
    of(apiVersion, kind, name, `{${spec}}`);
const patch = (applyTo: string, operation: string) =>
  of(
    "networking.istio.io/v1alpha3",
    "EnvoyFilter",
    "e",
    `{configPatches: [{applyTo: ${applyTo}, patch: {operation: ${operation}, value: {}}}]}`,
  );
const delegating = (name: string, provider: string) =>
  of(SECURITY, "AuthorizationPolicy", name, `{action: CUSTOM, provider: {name: ${provider}}, rules: [{}]}`);

interface Refused {
  readonly written: string;
  readonly there?: readonly string[];
}

function two(make: (name: string) => string, ...there: readonly string[]): Refused {
  return { written: make("b"), there: [make("a"), ...there] };
}

const REFUSED: Readonly<Record<string, Refused>> = {
  IST0106: { written: of(NETWORKING, "Gateway", "g", "{servers: [{port: {number: 99999}}]}") },
  IST0109: two((name) => route(name, "hosts: [web]")),
  IST0110: two(selecting(NETWORKING, "Sidecar", "workloadSelector: {labels", ", egress: [{hosts: ['./*']}]"), POD),
  IST0111: two(everything(NETWORKING, "Sidecar", "egress: [{hosts: ['./*']}]")),
  IST0112: {
    written: route("r", "hosts: [a.example.com], gateways: [g]"),
    there: [service("{name: http, port: 8080}, {name: http-b, port: 9090}"), gateway("g", 80)],
  },
  IST0113: {
    written: of(NETWORKING, "DestinationRule", "d", "{host: web, trafficPolicy: {tls: {mode: DISABLE}}}"),
    there: [service("{name: http, port: 80}"), POD, of(SECURITY, "PeerAuthentication", "p", "{mtls: {mode: STRICT}}")],
  },
  IST0145: two((name) => gateway(name, 80)),
  IST0147: {
    written:
      "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: istio-proxy, image: auto}]}}",
    there: ["{apiVersion: v1, kind: Namespace, metadata: {name: default}}"],
  },
  IST0152: { written: patch("CLUSTER", "REPLACE") },
  IST0153: { written: patch("HTTP_ROUTE", "ADD") },
  IST0154: { written: patch("HTTP_ROUTE", "REMOVE") },
  IST0159: two(selecting("telemetry.istio.io/v1", "Telemetry", "selector: {matchLabels"), POD),
  IST0160: two(everything("telemetry.istio.io/v1", "Telemetry", "tracing: []")),
  IST0161: {
    written: gateway("g", 443, ", tls: {mode: SIMPLE, credentialName: c}"),
    there: ["{apiVersion: v1, kind: Secret, metadata: {name: c}, data: {tls.crt: eA==, tls.key: eA==}}"],
  },
  KIA0002: two(everything(SECURITY, "PeerAuthentication", "mtls: {mode: STRICT}")),
  KIA0003: two(selecting(SECURITY, "PeerAuthentication", "selector: {matchLabels"), POD),
  KIA0105: {
    written: of(SECURITY, "AuthorizationPolicy", "a", "{rules: [{from: [{source: {namespaces: [default]}}]}]}"),
    there: [of(SECURITY, "PeerAuthentication", "p", "{mtls: {mode: DISABLE}}")],
  },
  HED2032: { written: delegating("b", "two"), there: [delegating("a", "one"), POD] },
};

/** `code: "…"` with `severity: "error"` in the functions that make the model's messages. */
function codesOfModel(): readonly string[] {
  const folder = join(import.meta.dir, "../model");
  const sources = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  return sources.flatMap((name) =>
    [...readFileSync(join(folder, name), "utf8").matchAll(/code: "(HED\d+)",\s*severity: "error"/g)].map(
      ([, code]) => code!,
    ),
  );
}

function objectsOf(texts: readonly string[]): readonly SourceObject[] {
  const { objects, diagnostics } = readObjects("case.yaml", texts.join("\n---\n"));
  expect(diagnostics).toEqual([]);
  return objects;
}

async function judged(written: SourceObject, there: readonly SourceObject[]) {
  const admit = admission(
    () => DEFAULT_SETTINGS,
    () => undefined,
    (kind) => there.filter((object) => isOfKind(object, kind)),
  );
  const verdict = await admit("CREATE", written.value as unknown as KubeObject, undefined);
  return verdict.kind === "refused" ? verdict.message : "";
}

/** Of the catalogue and of the model. */
const ERRORS = [
  ...Object.entries(CODES).flatMap(([code, { level }]) => (level === "error" ? [code] : [])),
  ...codesOfModel(),
].sort();

test("each error refuses or has a reason, and none has both", () => {
  expect([...Object.keys(REFUSED), ...Object.keys(ACCEPTED)].sort()).toEqual(ERRORS);
  expect(codesOfModel()).toContain("HED2032");
});

describe("refuses the write that brings it", () => {
  test.each(Object.entries(REFUSED))("%s", async (code, { written, there = [] }) => {
    const [object] = objectsOf([written]);
    const held = objectsOf(there);
    const message = await judged(object!, held);
    // Errors of fields go by the dialect's code at the API.
    if (code === "IST0106") expect(message).toMatch(/\[HED1\d+\]/);
    else expect(message).toContain(`[${code}]`);
    expect(
      analyze([object!, ...held], DEFAULT_SETTINGS).filter((each) => each.code === code && each.severity === "error"),
    ).not.toEqual([]);
    // What was there before does not refuse: neither alone, nor when it is written again.
    if (there.length > 0) expect(await judged(object!, [...held, object!])).toBe("");
  });
});

describe("is accepted: the write, and what it names afterwards", () => {
  const ROUTE = of(
    NETWORKING,
    "VirtualService",
    "r",
    "{hosts: [web], http: [{route: [{destination: {host: web, subset: v1}}]}]}",
  );
  const RULE = of(NETWORKING, "DestinationRule", "d", "{host: web, subsets: [{name: v1, labels: {app: web}}]}");
  const WEB = service("{name: http, port: 80}");
  test.each([
    ["a route before its rule and its service", [ROUTE, RULE, WEB]],
    ["a route before its rule", [WEB, ROUTE, RULE]],
    ["a rule before its service", [RULE, POD, WEB, ROUTE]],
    ["a route before its gateway", [route("r", "hosts: [a.example.com], gateways: [g]"), gateway("g", 80), WEB]],
  ])("%s", async (_, texts) => {
    const objects = objectsOf(texts);
    for (const [i, object] of objects.entries()) expect(await judged(object, objects.slice(0, i))).toBe("");
  });
});
