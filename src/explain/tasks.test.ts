// What the tasks of Istio's documentation configure, and promise.

import { describe, expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { Explainer } from "./explain.ts";

const EGRESS = "istio-egressgateway.istio-system.svc.cluster.local";
const CLIENT = `
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, annotations: {heddle.dev/proxy: heddle, heddle.dev/capture: "true"}}
spec: {containers: [{name: app}]}
status: {podIP: 10.0.0.3, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Service
metadata: {name: istio-egressgateway, namespace: istio-system}
spec: {clusterIP: 10.9.0.1, ports: [{name: https, port: 443, targetPort: 8443}]}`;

function object(kind: string, name: string, spec: string): string {
  return `apiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: shop}\nspec: ${spec}`;
}

/** The clusters that a call of the client goes to. */
function calling(...objects: readonly string[]): (url: string) => readonly string[] {
  const content = [CLIENT, ...objects].join("\n---\n");
  const { mesh, sources, results } = loadMesh([{ name: "f.yaml", content }], DEFAULT_SETTINGS);
  expect(results.filter(({ accepted }) => !accepted)).toEqual([]);
  const explainer = new Explainer(mesh, sources);
  const workload = [...mesh.workloads].find(({ name }) => name === "client")!;
  return (url) =>
    explainer
      .explain({
        entry: { kind: "sidecar", workload },
        method: "GET",
        url: new URL(url),
        headers: [],
        sourceAddress: "10.0.0.3",
        claims: undefined,
      })
      .clusters.map(({ name }) => name);
}

function external(name: string, hosts: string, rest: string): string {
  return object("ServiceEntry", name, `{hosts: ["${hosts}"], location: MESH_EXTERNAL, ${rest}}`);
}

const HTTPS = "ports: [{number: 443, name: https, protocol: HTTPS}]";

function sni(hosts: string, ...rules: readonly (readonly [name: string, host: string])[]): string {
  const tls = rules.map(
    ([name, host]) =>
      `{match: [{gateways: [mesh], port: 443, sniHosts: ["${name}"]}], route: [{destination: {host: ${host}, port: {number: 443}}}]}`,
  );
  return object("VirtualService", "through", `{hosts: [${hosts}], tls: [${tls.join(", ")}]}`);
}

describe("Egress using wildcard hosts", () => {
  test("server names of a rule lead to the egress gateway, though the mesh knows one of their services alone", () => {
    const call = calling(
      external("www", "www.wikipedia.test", `resolution: DNS, ${HTTPS}`),
      sni('"*.wikipedia.test"', ["*.wikipedia.test", EGRESS]),
    );
    for (const name of ["www", "en", "de"])
      expect(call(`https://${name}.wikipedia.test/`)).toEqual([`outbound|443||${EGRESS}`]);
    expect(call("https://wikipedia.test/")).toEqual(["PassthroughCluster"]);
  });

  test("a rule for one name of a wildcard service leaves the others where they are, and the first of two counts", () => {
    const call = calling(
      external("all", "*.wikipedia.test", HTTPS),
      sni('"*.wikipedia.test"', ["en.wikipedia.test", EGRESS], ["en.wikipedia.test", "other.test"]),
      external("other", "other.test", `resolution: DNS, ${HTTPS}`),
    );
    expect(call("https://en.wikipedia.test/")).toEqual([`outbound|443||${EGRESS}`]);
    expect(call("https://de.wikipedia.test/")).toEqual(["outbound|443||*.wikipedia.test"]);
  });

  test("a service of its own comes before the rule of another", () => {
    const call = calling(
      external("www", "www.wikipedia.test", `resolution: DNS, ${HTTPS}`),
      external("en", "en.wikipedia.test", `resolution: DNS, ${HTTPS}`),
      sni('"*.wikipedia.test"', ["*.wikipedia.test", EGRESS]),
      object(
        "VirtualService",
        "direct",
        "{hosts: [en.wikipedia.test], tls: [{match: [{port: 443, sniHosts: [en.wikipedia.test]}], route: [{destination: {host: en.wikipedia.test}}]}]}",
      ),
    );
    expect(call("https://en.wikipedia.test/")).toEqual(["outbound|443||en.wikipedia.test"]);
    expect(call("https://de.wikipedia.test/")).toEqual([`outbound|443||${EGRESS}`]);
  });
});

describe("Using an external HTTPS proxy", () => {
  const proxy = (addresses: string, name = "proxy") =>
    external(
      name,
      `${name}.test`,
      `addresses: [${addresses}], resolution: NONE, ports: [{number: 3128, name: tcp, protocol: TCP}]`,
    );

  test("a range of one address is called by that address", () => {
    const call = calling(proxy('"10.1.2.3/32", "2001:db8::1/128"'));
    expect(call("tcp://10.1.2.3:3128")).toEqual(["outbound|3128||proxy.test"]);
    expect(call("tcp://10.1.2.4:3128")).toEqual(["PassthroughCluster"]);
  });

  test("bytes to an address within a range of a service are the service's, the first one's where two have it", () => {
    const call = calling(proxy("10.1.0.0/16"), proxy("10.1.3.0/16", "second"), proxy("10.1.9.0/24", "third"));
    expect(call("tcp://10.1.2.3:3128")).toEqual(["outbound|3128||proxy.test"]);
    expect(call("tcp://10.1.9.3:3128")).toEqual(["outbound|3128||third.test"]);
    expect(call("tcp://10.2.2.3:3128")).toEqual(["PassthroughCluster"]);
    expect(call("tcp://10.1.2.3:3129")).toEqual(["PassthroughCluster"]);
  });
});

test("Bookinfo: a Gateway names the port that its Service leads to", () => {
  const content = `
apiVersion: v1
kind: Pod
metadata: {name: gateway, namespace: edge, labels: {istio: ingressgateway}, annotations: {heddle.dev/proxy: heddle, heddle.dev/gateway: "true"}}
spec: {containers: [{name: app}]}
status: {podIP: 10.0.0.1, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: edge}
spec: {clusterIP: 10.9.0.2, selector: {istio: ingressgateway}, ports: [{name: http2, port: 80, targetPort: 8080}, {name: other, port: 81, targetPort: 8081}]}
---
${object("Gateway", "bookinfo", '{selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]}')}
---
${object("VirtualService", "bookinfo", '{hosts: ["*"], gateways: [bookinfo], http: [{redirect: {uri: /there}}]}')}`;
  const { mesh, sources } = loadMesh([{ name: "f.yaml", content }], DEFAULT_SETTINGS);
  const workload = [...mesh.workloads][0]!;
  const asked = (url: string) =>
    new Explainer(mesh, sources).explain({
      entry: { kind: "gateway", workload },
      method: "GET",
      url: new URL(url),
      headers: [],
      sourceAddress: "192.0.2.1",
      claims: undefined,
    }).outcome;
  expect([80, 8080, 81, 82].map((port) => asked(`http://bookinfo.test:${port}/productpage`))).toEqual([
    "redirect",
    "redirect",
    "reject",
    "reject",
  ]);
});

test("Ingress access control: behind trusted proxies the client is whom the header names, as the client's own request has it", () => {
  const content = `
apiVersion: v1
kind: Pod
metadata:
  name: gateway
  namespace: edge
  labels: {istio: ingressgateway}
  annotations: {heddle.dev/proxy: heddle, heddle.dev/gateway: "true", proxy.istio.io/config: '{"gatewayTopology": {"numTrustedProxies": 1}}'}
spec: {containers: [{name: app}]}
status: {podIP: 10.0.0.1, conditions: [{type: Ready, status: "True"}]}
---
${object("Gateway", "httpbin", '{selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]}')}
---
${object("VirtualService", "httpbin", '{hosts: ["*"], gateways: [httpbin], http: [{directResponse: {status: 200}}]}')}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ingress, namespace: edge}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  rules: [{from: [{source: {remoteIpBlocks: [5.6.7.0/24]}}]}]`;
  const { mesh, sources } = loadMesh([{ name: "f.yaml", content }], DEFAULT_SETTINGS);
  const workload = [...mesh.workloads][0]!;
  const asked = (forwardedFor: string) =>
    new Explainer(mesh, sources).explain({
      entry: { kind: "gateway", workload },
      method: "GET",
      url: new URL("http://httpbin.test:8080/headers"),
      headers: ["x-forwarded-for", forwardedFor],
      sourceAddress: "192.0.2.1",
      claims: undefined,
    }).status;
  expect(asked("9.9.9.9, 5.6.7.8")).toBe(200);
  expect(asked("5.6.7.8, 9.9.9.9")).toBe(403);
});
