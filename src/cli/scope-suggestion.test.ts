import { expect, test } from "bun:test";
import type { Topology, TopologyEdge, TopologyNode } from "../admin/api.ts";
import { loadMesh } from "../dialect/load.ts";
import { scopedParts } from "../model/scoped-mesh.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { suggestedSidecars } from "./scope-suggestion.ts";

const SIGNALS = {} as TopologyEdge["signals"];

function node(id: string, kind: TopologyNode["kind"] = "workload"): TopologyNode {
  const [namespace = "", name = ""] = id.split("/");
  return { id, kind, namespace, name, app: name, version: "", signals: null, proxies: { total: 1, ready: 1 } };
}

function edge(from: string, to: string, service: string): TopologyEdge {
  const rest = { protocol: "http", signals: SIGNALS, mtlsShare: null, identities: [], outcomes: [] } as const;
  return { id: `${from}>${to}`, from, to, service, ...rest };
}

const TOPOLOGY: Topology = {
  nodes: [
    node("shop/web"),
    node("shop/cart"),
    node("team/reviews"),
    node("external/example.com", "external"),
    node("unknown/shop", "unknown"),
  ],
  edges: [
    edge("shop/web", "shop/cart", "cart.shop.svc.cluster.local"),
    edge("shop/web", "team/reviews", "reviews.team.svc.cluster.local"),
    edge("shop/cart", "shop/cart", "api.example.com"),
    edge("shop/cart", "shop/web", "127.0.0.1"), // no scope names an address
    edge("shop/cart", "external/example.com", "PassthroughCluster"),
    edge("unknown/shop", "shop/web", "web.shop.svc.cluster.local"),
  ],
};

test("a namespace imports what its workloads called", () => {
  expect(suggestedSidecars(TOPOLOGY, "namespace")).toEqual([
    {
      apiVersion: "networking.istio.io/v1",
      kind: "Sidecar",
      metadata: { name: "default", namespace: "shop" },
      spec: {
        egress: [
          { hosts: ["*/api.example.com", "./cart.shop.svc.cluster.local", "team/reviews.team.svc.cluster.local"] },
        ],
      },
    },
  ]);
});

test("each app imports its own", () => {
  const found = suggestedSidecars(TOPOLOGY, "app").map(({ metadata, spec }) => [metadata.name, spec]);
  expect(found).toEqual([
    ["cart", { workloadSelector: { labels: { app: "cart" } }, egress: [{ hosts: ["*/api.example.com"] }] }],
    [
      "web",
      {
        workloadSelector: { labels: { app: "web" } },
        egress: [{ hosts: ["./cart.shop.svc.cluster.local", "team/reviews.team.svc.cluster.local"] }],
      },
    ],
  ]);
});

test("under what is suggested everything that was called is called still, and nothing else", () => {
  const services = ["cart.shop", "web.shop", "reviews.team", "other.team"].map((host) => {
    const [name, namespace] = host.split(".");
    return { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec: { ports: [{ port: 80 }] } };
  });
  const content = [...services, ...suggestedSidecars(TOPOLOGY, "namespace")].map((one) => JSON.stringify(one));
  const { mesh, diagnostics } = loadMesh([{ name: "mesh.yaml", content: content.join("\n---\n") }], DEFAULT_SETTINGS);
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  const scope = mesh.index.proxyScopes.of({ namespace: "shop", labels: {} });
  expect(scopedParts(mesh, scope!, "shop").called.map(({ host }) => host)).toEqual([
    "cart.shop.svc.cluster.local",
    "reviews.team.svc.cluster.local",
  ]);
});
