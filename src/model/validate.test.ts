// Findings between objects.

import { expect, test } from "bun:test";
import { Secret } from "../base/secret.ts";
import { buildMesh } from "./build.ts";
import { clientPolicy, parts, route, SIDECAR, serverPolicy, service, workload } from "./sample.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";
import { SourceMap } from "./source-map.ts";
import { validateMesh } from "./validate.ts";

const HOST = "web.default.svc.cluster.local";
const web = service("web");

function findings(changes: Parameters<typeof parts>[0]): string[] {
  const all = parts({ services: [web], workloads: [workload("web-1", "web")], ...changes });
  return validateMesh(buildMesh(DEFAULT_SETTINGS, all), all, new SourceMap()).map(
    ({ code, object, path, suggestion }) =>
      [code, object?.name, path, suggestion].filter((part) => part !== undefined).join(" "),
  );
}

test("a mesh without mistakes has no findings", () => {
  const subsets = [{ name: "v1", labels: { app: "web" }, settings: {}, ports: [], origin: web.origin }];
  expect(
    findings({ routes: [route("r", HOST, HOST)], clientPolicies: [clientPolicy("p", HOST, "default", { subsets })] }),
  ).toEqual([]);
});

test("an unknown host is named with the nearest", () => {
  expect(findings({ routes: [route("r", HOST, "wbe.default.svc.cluster.local")] })).toEqual([
    `HED2001 r spec.http[0].route[0].destination.host host: ${HOST}`,
  ]);
});

test("a service of the same host in the same namespace that is younger", () => {
  expect(findings({ services: [web, { ...web, origin: { ...web.origin, name: "again" }, createdAt: 1 }] })).toEqual([
    "HED2006 again",
  ]);
});

test("a subset that selects nothing, but not while there are no endpoints at all", () => {
  const subsets = [{ name: "v9", labels: { version: "v9" }, settings: {}, ports: [], origin: web.origin }];
  const clientPolicies = [clientPolicy("p", HOST, "default", { subsets })];
  expect(findings({ clientPolicies })).toEqual(["HED2008 web spec.subsets"]);
  expect(findings({ clientPolicies, workloads: [] })).toEqual([]);
});

test("a credential that nobody may have, or that is not there", () => {
  const sidecar = workload("web-1", "web", "default", { proxy: SIDECAR });
  const credential = { name: "outside", mutual: true, verifies: true };
  const tls = { kind: "simple", subjectAltNames: [], skipVerify: false, credential } as const;
  const clients = { namespace: "default", labels: { app: "web" } };
  const rule = (selecting: boolean) =>
    clientPolicy("p", HOST, "default", { settings: { tls }, ...(selecting ? { clients } : {}) });
  const codes = (changes: Parameters<typeof parts>[0]) =>
    findings({ workloads: [sidecar], ...changes }).map((line) => line.split(" ")[0]);
  expect(codes({ clientPolicies: [rule(false)] })).toEqual(["HED1580"]);
  expect(codes({ clientPolicies: [rule(true)] })).toEqual(["HED1581"]);
  const gateway = {
    ...SIDECAR,
    gateway: { trustedProxies: 0, clientCertificate: "SANITIZE", proxyProtocol: false },
  } as const;
  const workloads = [workload("edge", "edge", "default", { proxy: gateway })];
  expect(codes({ clientPolicies: [rule(false)], workloads })).toEqual(["HED1581"]);
  const origin = { ...web.origin, kind: "Secret", name: "outside" };
  const keyPair = { chain: "chain", key: new Secret("key") };
  const credentials = (roots: string | undefined) => [{ origin, keyPair, roots, digest: "1" }];
  expect(codes({ clientPolicies: [rule(true)], credentials: credentials(undefined) })).toEqual(["HED1581"]);
  expect(codes({ clientPolicies: [rule(true)], credentials: credentials("roots") })).toEqual([]);
  // Files alone say nothing of who is there.
  expect(
    codes({ clientPolicies: [rule(false)], workloads: [workload("web-1", "web", "default", { proxy: undefined })] }),
  ).toEqual([]);
});

test("two policies of one scope", () => {
  const policy = (name: string, createdAt: number) =>
    serverPolicy(name, { kind: "mesh" }, { mtls: "strict", createdAt });
  expect(findings({ serverPolicies: [policy("old", 1), policy("new", 2)] })).toEqual(["HED2009 new", "HED2014 old"]);
});

test("plaintext to workloads that refuse it", () => {
  const strict = serverPolicy("s", { kind: "mesh" }, { mtls: "strict" });
  const plain = clientPolicy("p", "*.svc.cluster.local", "default", { settings: { tls: { kind: "disable" } } });
  const wanted = [
    "HED2010 p spec.trafficPolicy.tls no tls block (mutual TLS is then used wherever it can be), or mode ISTIO_MUTUAL",
  ];
  expect(findings({ serverPolicies: [strict], clientPolicies: [plain] })).toEqual(wanted);
  expect(findings({ clientPolicies: [plain] })).toEqual([]);
});

test("a service's port where the container's is meant", () => {
  const scope = { kind: "workloads", namespace: "default", labels: { app: "web" } } as const;
  const policy = serverPolicy("s", scope, { ports: [{ port: 80, mtls: "disable" }] });
  expect(findings({ serverPolicies: [policy] })).toEqual([
    "HED2011 s spec.portLevelMtls.80 the container's port: 8080",
  ]);
});

test("suggestions stop after fifty: each is a comparison with every host", () => {
  const routes = Array.from({ length: 60 }, (_, i) =>
    route(`r${i}`, HOST, "wbe.default.svc.cluster.local", {
      visibility: { kind: "namespaces", namespaces: [`n${i}`] },
    }),
  );
  const found = findings({ routes });
  expect(found.length).toBe(60);
  expect(found.filter((line) => line.includes(`host: ${HOST}`)).length).toBe(50);
});
