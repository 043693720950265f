// What listeners, chains, routes and filters are called by those who write patches.

import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { FilterChainSchema } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import { ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { chainFacts, clusterContext, listenerFacts, routesFacts, sameFilter, virtualHostNames } from "./istio-names.ts";

const SIDECAR = { gateway: false, upstreams: [{ port: 9191, host: "web.shop.svc.cluster.local", servicePort: 80 }] };
const GATEWAY = { gateway: true, upstreams: [] };

function listener(name: string, port: number, trafficDirection: 1 | 2) {
  const value = { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } } as const;
  return create(ListenerSchema, {
    name,
    trafficDirection,
    address: { address: { case: "socketAddress", value } },
  });
}

test("an upstream's listener goes by the service's port, inbound ones are Istio's virtualInbound", () => {
  expect(listenerFacts(listener("upstream_9191", 9191, 2), SIDECAR)).toMatchObject({ context: "outbound", port: 80 });
  expect(listenerFacts(listener("upstream_9191", 9191, 2), SIDECAR).names).toContain("0.0.0.0_80");
  const inbound = listenerFacts(listener("meshInbound", 15_008, 1), SIDECAR);
  expect(inbound).toMatchObject({ context: "inbound", port: 15_006, manyPorts: true });
  expect(inbound.names).toContain("virtualInbound");
  const edge = listenerFacts(listener("127.0.0.1_8080", 8080, 2), GATEWAY);
  expect(edge).toMatchObject({ context: "gateway", port: 8080, names: ["127.0.0.1_8080", "0.0.0.0_8080"] });
});

test("chains of an application's port go by it", () => {
  const chain = (name: string, destinationPort?: number) =>
    chainFacts(create(FilterChainSchema, { name, filterChainMatch: { destinationPort } }));
  expect(chain("inbound|8080|http2|mtls")).toMatchObject({ port: 8080, transportProtocol: "raw_buffer" });
  expect(chain("inbound|8080|http").names).toContain("0.0.0.0_8080");
  expect(chain("mine", 9000).port).toBe(9000);
  expect(chain("InboundPassthroughCluster").names).toContain("virtualInbound");
});

test("route configurations go by port, and those of a gateway's TLS servers by the server", () => {
  expect(routesFacts("80", SIDECAR)).toMatchObject({ context: "outbound", port: 80 });
  const upstream = routesFacts("upstream|80||web.shop.svc.cluster.local", SIDECAR);
  expect(upstream).toMatchObject({ context: "outbound", port: 80 });
  expect(upstream.names).toContain("80");
  expect(routesFacts("inbound|8080||", SIDECAR)).toMatchObject({ context: "inbound", port: 8080 });
  expect(routesFacts("forwardProxy", SIDECAR).names).toContain("http_proxy");
  expect(routesFacts("http.8080", GATEWAY)).toMatchObject({ context: "gateway", port: 8080 });
  expect(routesFacts("https.443.https.shop.edge.default", GATEWAY)).toMatchObject({
    port: 443,
    portName: "https",
    gateway: "default/shop.edge",
  });
});

test("virtual hosts go by host and port, wherever they are", () => {
  expect(virtualHostNames("80/web.shop.svc.cluster.local:80")).toContain("web.shop.svc.cluster.local:80");
  expect(virtualHostNames("upstream|80||web.shop.svc.cluster.local")).toContain("web.shop.svc.cluster.local:80");
  expect(virtualHostNames("allow_any")).toEqual(["allow_any"]);
});

test("clusters of the application are inbound, and what leads a proxy into itself is nobody's", () => {
  expect(clusterContext("inbound|8080||", SIDECAR)).toBe("inbound");
  expect(clusterContext("BlackHoleCluster", SIDECAR)).toBe("outbound");
  expect(clusterContext("outbound|80||x", GATEWAY)).toBe("gateway");
  expect(clusterContext("forwardProxyTunnel", SIDECAR)).toBeUndefined();
});

test("filters go by their former names as well", () => {
  expect(sameFilter("envoy.router", "envoy.filters.http.router")).toBe(true);
  expect(sameFilter("envoy.filters.http.router", "envoy.filters.http.router")).toBe(true);
  expect(sameFilter("envoy.router", "envoy.filters.http.cors")).toBe(false);
});
