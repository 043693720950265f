import { describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { packAny, typeNameOf, unpackAny, unpackAs } from "./any.ts";
import { canonical } from "./canonical.ts";
import { ClusterSchema } from "./gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "./gen/envoy/config/listener/v3/listener_pb.ts";
import { VirtualHostSchema } from "./gen/envoy/config/route/v3/route_components_pb.ts";
import { StdoutAccessLogSchema } from "./gen/envoy/extensions/access_loggers/stream/v3/stream_pb.ts";
import { RouterSchema } from "./gen/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { HttpConnectionManagerSchema } from "./gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { TcpProxySchema } from "./gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import { contentVersion, decodeResource, encodeResource } from "./resource.ts";
import { assignment, cluster, virtualHost } from "./resource-fixtures.ts";
import { kindOfTypeUrl, RESOURCE_TYPES, SEND_ORDER } from "./type-urls.ts";

describe("a resource", () => {
  test("has the name, bytes and version of its message", () => {
    const resource = cluster("outbound|80||x");
    expect(resource).toMatchObject({ kind: "cds", name: "outbound|80||x", aliases: [] });
    expect(resource.version).toMatch(/^[0-9a-f]{16}$/);
    expect(resource.version).toBe(contentVersion(resource.bytes));
    expect(decodeResource("cds", resource.bytes)).toMatchObject({ name: "outbound|80||x" });
    expect(Object.isFrozen(resource)).toBe(true);
  });

  test("has the same bytes in whatever order its maps were filled, a Struct's included", () => {
    const cluster = (keys: string[]) => {
      const fields = Object.fromEntries(keys.map((key) => [key, { [`${key}2`]: 1, a: [{ z: 1, b: null }] }]));
      const typedExtensionProtocolOptions = Object.fromEntries(
        keys.map((key) => [key, packAny(RouterSchema, create(RouterSchema))]),
      );
      return encodeResource(
        "cds",
        create(ClusterSchema, { name: "c", metadata: { filterMetadata: fields }, typedExtensionProtocolOptions }),
      );
    };
    expect(cluster(["x", "istio", "envoy.lb"])).toEqual(cluster(["envoy.lb", "istio", "x"]));
    expect(cluster(["a"]).version).not.toBe(cluster(["b"]).version);
  });

  test("of a virtual host has the aliases that a Host header can ask for", () => {
    expect(virtualHost("80/x", [], ["x.example", "x:80", "*.x.example", "*"]).aliases).toEqual([
      "80/x.example",
      "80/x:80",
    ]);
    expect(encodeResource("vhds", create(VirtualHostSchema, { name: "x", domains: ["x"] })).aliases).toEqual([]);
  });

  test("kind is told by its type URL", () => {
    for (const kind of SEND_ORDER) expect(kindOfTypeUrl(RESOURCE_TYPES[kind].typeUrl)).toBe(kind);
    expect(RESOURCE_TYPES.vhds.typeUrl).toBe("type.googleapis.com/envoy.config.route.v3.VirtualHost");
    expect(RESOURCE_TYPES.nds.typeUrl).toBe("type.googleapis.com/istio.networking.nds.v1.NameTable");
    expect(kindOfTypeUrl("type.googleapis.com/envoy.service.runtime.v3.Runtime")).toBeUndefined();
  });
});

describe("canonical", () => {
  test("gives what is in order back as it is", () => {
    const message = create(ClusterSchema, { name: "c", metadata: { filterMetadata: { a: { b: 1, c: 2 } } } });
    expect(canonical(message)).toBe(message);
  });

  test("leaves its argument as it was", () => {
    const message = create(ClusterSchema, { metadata: { filterMetadata: { b: {}, a: {} } } });
    expect(Object.keys(canonical(message).metadata!.filterMetadata)).toEqual(["a", "b"]);
    expect(Object.keys(message.metadata!.filterMetadata)).toEqual(["b", "a"]);
    expect(toBinary(ClusterSchema, canonical(message))).not.toEqual(toBinary(ClusterSchema, message));
  });
});

describe("references", () => {
  test("of a cluster are its endpoints, under their service name if it has one", () => {
    expect(cluster("a").references).toEqual(["a"]);
    expect(cluster("a", { serviceName: "a/h2" }).references).toEqual(["a/h2"]);
    expect(encodeResource("cds", create(ClusterSchema, { name: "static" })).references).toEqual([]);
    expect(assignment("a", 1).references).toEqual([]);
  });

  test("of a virtual host are the clusters it sends to, weighs and mirrors to", () => {
    const host = create(VirtualHostSchema, {
      name: "80/x",
      requestMirrorPolicies: [{ cluster: "mirror" }],
      routes: [
        { action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: "plain" } } } },
        { action: { case: "route", value: { clusterSpecifier: { case: "clusterHeader", value: "x-cluster" } } } },
        {
          action: {
            case: "route",
            value: {
              clusterSpecifier: { case: "weightedClusters", value: { clusters: [{ name: "v1" }, { name: "v2" }] } },
            },
          },
        },
      ],
    });
    expect(encodeResource("vhds", host).references).toEqual(["mirror", "plain", "v1", "v2"]);
  });

  test("of a listener are those of its filters, their routes, access logs and tracers", () => {
    const tcp = create(TcpProxySchema, {
      clusterSpecifier: { case: "weightedClusters", value: { clusters: [{ name: "tcp-1" }, { name: "tcp-2" }] } },
    });
    const http = create(HttpConnectionManagerSchema, {
      routeSpecifier: {
        case: "routeConfig",
        value: { virtualHosts: [decodeResource("vhds", virtualHost("h", ["http"]).bytes)] },
      },
      accessLog: [
        { configType: { case: "typedConfig", value: packAny(StdoutAccessLogSchema, create(StdoutAccessLogSchema)) } },
      ],
    });
    const filters = [packAny(TcpProxySchema, tcp), packAny(HttpConnectionManagerSchema, http)].map((value) => ({
      configType: { case: "typedConfig" as const, value },
    }));
    const listener = create(ListenerSchema, { name: "l", filterChains: [{ filters }] });
    expect(encodeResource("lds", listener).references).toEqual(["http", "tcp-1", "tcp-2"]);
  });
});

describe("Any", () => {
  const any = packAny(RouterSchema, create(RouterSchema, { suppressEnvoyHeaders: true }));

  test("is unpacked by the type it names", () => {
    expect(typeNameOf(any)).toBe("envoy.extensions.filters.http.router.v3.Router");
    expect(unpackAny(any)).toMatchObject({ $typeName: RouterSchema.typeName, suppressEnvoyHeaders: true });
    expect(unpackAs(RouterSchema, any)?.suppressEnvoyHeaders).toBe(true);
    expect(unpackAs(TcpProxySchema, any)).toBeUndefined();
    expect(unpackAny(packAny(StringValueSchema, create(StringValueSchema, { value: "x" })))).toMatchObject({
      value: "x",
    });
  });

  test("of an unknown type is nothing, and with wrong bytes an error", () => {
    expect(unpackAny({ ...any, typeUrl: "type.googleapis.com/no.such.Type" })).toBeUndefined();
    expect(unpackAny({ ...any, typeUrl: "" })).toBeUndefined();
    expect(() => unpackAny({ ...any, value: new Uint8Array([0x0a, 0xff]) })).toThrow();
  });
});
