// Objects and Istio's verdict on each: what istiod takes loads here, and what it refuses is refused, unless the case says why not.

import { describe, expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { loadMesh } from "../load.ts";

type Verdict = "error" | "warning" | "ok";
export type Spec = Readonly<Record<string, unknown>>;

export interface Case {
  readonly name: string;
  readonly spec: Spec;
  readonly annotations?: Spec;
  readonly istio: Verdict;
  /** Where it differs: the verdict here, and why. */
  readonly here?: readonly [Verdict, string];
  /** A code that is among what is said, where the verdict alone would not tell. */
  readonly code?: string;
}

const API: Readonly<Record<string, string>> = {
  AuthorizationPolicy: "security.istio.io/v1",
  PeerAuthentication: "security.istio.io/v1",
  RequestAuthentication: "security.istio.io/v1",
  EnvoyFilter: "networking.istio.io/v1alpha3",
  Telemetry: "telemetry.istio.io/v1",
  WasmPlugin: "extensions.istio.io/v1alpha1",
  ProxyConfig: "networking.istio.io/v1beta1",
};

/** Names that cases refer to: whether they exist is another question than whether the object is sound. */
const WORLD = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "ns" } },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "ns" },
    spec: {
      selector: { app: "web" },
      ports: [
        { name: "http", port: 80 },
        { name: "tcp", port: 9000 },
      ],
    },
  },
  {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "subsets", namespace: "ns" },
    spec: { host: "web", subsets: [{ name: "v1", labels: { version: "v1" } }] },
  },
  {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name: "edge", namespace: "ns" },
    spec: {
      selector: { istio: "edge" },
      servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
    },
  },
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "edge", namespace: "ns", labels: { istio: "edge", app: "web" } },
    spec: { containers: [{ name: "istio-proxy" }] },
    status: { podIP: "10.0.0.1", phase: "Running" },
  },
];

/** Where they stand in the ConfigMap. */
const MESH_KEYS: Readonly<Record<string, string>> = { MeshConfig: "mesh", MeshNetworks: "meshNetworks" };

function objectOf(kind: string, spec: Spec, annotations: Spec): Spec {
  const apiVersion = API[kind] ?? "networking.istio.io/v1";
  return { apiVersion, kind, metadata: { name: "judged", namespace: "ns", annotations }, spec };
}

function configMapOf(key: string, spec: Spec): Spec {
  const metadata = { name: "istio", namespace: "istio-system" };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { mesh: "{}", [key]: JSON.stringify(spec) } };
}

/** `spec` is that of an object of the kind; of MeshConfig and MeshNetworks what the ConfigMap says. */
export function verdictOf(
  kind: string,
  spec: Spec,
  annotations: Spec = {},
): { readonly verdict: Verdict; readonly said: readonly string[] } {
  const object = MESH_KEYS[kind] === undefined ? objectOf(kind, spec, annotations) : configMapOf(MESH_KEYS[kind], spec);
  const files = [
    { name: "world.yaml", content: WORLD.map((one) => JSON.stringify(one)).join("\n---\n") },
    { name: "case.yaml", content: JSON.stringify(object, null, 1) },
  ];
  const { diagnostics } = loadMesh(files, DEFAULT_SETTINGS);
  const own = diagnostics.filter(({ span }) => span?.file === "case.yaml");
  const has = (severity: string) => own.some((diagnostic) => diagnostic.severity === severity);
  return {
    verdict: has("error") ? "error" : has("warning") ? "warning" : "ok",
    said: own.map(({ severity, code, message }) => `${severity}[${code}] ${message}`),
  };
}

export function judge(kind: string, cases: readonly Case[]): void {
  describe(kind, () => {
    for (const { name, spec, annotations, istio, here, code } of cases) {
      test(`${name}: ${here ? `${here[0]}, where Istio says ${istio}: ${here[1]}` : istio}`, () => {
        const { verdict, said } = verdictOf(kind, spec, annotations);
        expect({ verdict, said: verdict === (here?.[0] ?? istio) ? [] : said }).toEqual({
          verdict: here?.[0] ?? istio,
          said: [],
        });
        if (code !== undefined) expect(said.filter((one) => one.includes(`[${code}]`))).not.toEqual([]);
      });
    }
  });
}
