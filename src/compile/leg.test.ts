import { expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import type { ClientTls } from "../model/client-policy.ts";
import { endpointsOf } from "../model/lookup.ts";
import type { MtlsMode } from "../model/server-policy.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { type AcknowledgedServerNames, legServerName, policyServerName, type Reach, reachOf } from "./leg.ts";

type Knowledge = "unheard" | "pending" | "acknowledged";

/** How a client reaches the one endpoint of a service. */
function reach(
  mode: MtlsMode,
  knowledge: Knowledge,
  tls: ClientTls | undefined = undefined,
  { sidecar = true, external = false, gateway = false, istio = false } = {},
): Reach {
  const documents = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default, labels: {app: web${istio ? ", security.istio.io/tlsMode: istio" : ""}}${sidecar ? `, annotations: {heddle.dev/proxy: heddle, heddle.dev/gateway: "${gateway}"}` : ""}}
status: {podIP: 10.0.0.1, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec: {mtls: {mode: ${mode.toUpperCase()}}}`;
  const { mesh } = loadMesh([{ name: "web.yaml", content: documents }], DEFAULT_SETTINGS);
  const found = mesh.services[0]!;
  const service = external ? { ...found, location: "external" as const } : found;
  const [endpoint] = endpointsOf(mesh, service, 80);
  const names = new Set(knowledge === "acknowledged" ? [legServerName(service, 80)] : []);
  const acknowledged: AcknowledgedServerNames =
    knowledge === "unheard" ? new Map() : new Map([[endpoint!.workload!, names]]);
  return reachOf(mesh, acknowledged, service, 80, endpoint!, tls);
}

const MESH: ClientTls = { kind: "mesh", subjectAltNames: [] };
const SIMPLE: ClientTls = { kind: "simple", subjectAltNames: [], skipVerify: false };

test("an endpoint whose server acknowledged the server name is reached on the leg", () => {
  expect(reach("permissive", "acknowledged")).toBe("leg");
  expect(reach("strict", "acknowledged")).toBe("leg");
});

test("a server that never spoke to this control plane is trusted: a restart must not empty the mesh", () => {
  expect(reach("strict", "unheard")).toBe("leg");
});

test("until the server acknowledged, plaintext goes on where it is allowed and nothing where it is not", () => {
  expect(reach("permissive", "pending")).toBe("plaintext");
  expect(reach("strict", "pending")).toBe("withheld");
  expect(reach("permissive", "pending", MESH)).toBe("withheld");
});

test("a server that refuses mutual TLS gets plaintext, unless the client demands it", () => {
  expect(reach("disable", "acknowledged")).toBe("plaintext");
  expect(reach("disable", "acknowledged", MESH)).toBe("withheld");
});

test("an endpoint without a sidecar gets plaintext, unless the client demands mutual TLS", () => {
  expect(reach("permissive", "unheard", undefined, { sidecar: false })).toBe("plaintext");
  expect(reach("permissive", "unheard", MESH, { sidecar: false })).toBe("withheld");
});

test("a sidecar of Istio is reached by its own mutual TLS, of which nobody here acknowledges anything", () => {
  const istio = { sidecar: false, istio: true };
  expect(reach("permissive", "pending", undefined, istio)).toBe("istio");
  expect(reach("strict", "pending", MESH, istio)).toBe("istio");
  expect(reach("disable", "pending", undefined, istio)).toBe("plaintext");
  expect(reach("disable", "pending", MESH, istio)).toBe("withheld");
  expect(reach("strict", "pending", { kind: "disable" }, istio)).toBe("plaintext");
  expect(reach("permissive", "acknowledged", undefined, { istio: true })).toBe("leg");
});

test("a client that wants no mesh TLS gets none, whatever the server takes", () => {
  expect(reach("strict", "acknowledged", { kind: "disable" })).toBe("plaintext");
  expect(reach("strict", "acknowledged", SIMPLE)).toBe("plaintext");
});

test("a service outside the mesh is not spoken to in mesh TLS by itself", () => {
  expect(reach("permissive", "acknowledged", undefined, { external: true })).toBe("plaintext");
  expect(reach("permissive", "acknowledged", MESH, { external: true })).toBe("leg");
});

test("a gateway gets plaintext, and mutual TLS at its server from a client that demands it, whatever PeerAuthentication says", () => {
  for (const mode of ["disable", "permissive", "strict"] as const) {
    expect(reach(mode, "unheard", undefined, { gateway: true })).toBe("plaintext");
    expect(reach(mode, "pending", MESH, { gateway: true })).toBe("server");
  }
});

test("towards a gateway the server name is the policy's, else Istio's of the subset", () => {
  const { mesh } = loadMesh(
    [
      {
        name: "edge.yaml",
        content:
          "{apiVersion: v1, kind: Service, metadata: {name: edge, namespace: out}, spec: {ports: [{port: 443}]}}",
      },
    ],
    DEFAULT_SETTINGS,
  );
  const [service] = mesh.services;
  expect(policyServerName(service!, 443, "cnn", { sni: "edition.cnn.com" })).toBe("edition.cnn.com");
  expect(policyServerName(service!, 443, "cnn", {})).toBe("outbound_.443_.cnn_.edge.out.svc.cluster.local");
});
