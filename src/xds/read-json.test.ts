// What is read is what the library reads, and its errors are as plain.

import { expect, test } from "bun:test";
import { fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { jsonRegistry } from "./any.ts";
import { BootstrapSchema } from "./gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { readJson } from "./read-json.ts";

const MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

const SOCKET = { socket_address: { address: "127.0.0.1", port_value: 80 } };
const DOCUMENT: JsonValue = {
  node: { id: "n", cluster: "c", metadata: { name: "golden-signal", nested: { fields: [1, true, null] } } },
  admin: { address: SOCKET },
  staticResources: {
    clusters: [
      {
        name: "application",
        connect_timeout: "0.250s",
        type: "STATIC",
        load_assignment: {
          cluster_name: "application",
          endpoints: [{ lb_endpoints: [{ endpoint: { address: SOCKET } }] }],
        },
      },
    ],
    listeners: [
      {
        name: "in",
        address: SOCKET,
        filter_chains: [
          {
            filters: [
              {
                name: "http",
                typed_config: {
                  "@type": MANAGER,
                  stat_prefix: "in",
                  http_filters: [{ name: "router", typed_config: { "@type": ROUTER, suppress_envoy_headers: true } }],
                  route_config: {
                    virtual_hosts: [
                      {
                        name: "all",
                        domains: ["*"],
                        routes: [{ match: { prefix: "/" }, route: { cluster: "application" } }],
                      },
                    ],
                  },
                },
              },
            ],
          },
        ],
      },
    ],
  },
};

test("a document is the message that the library reads from it", () => {
  const registry = jsonRegistry();
  const expected = toBinary(BootstrapSchema, fromJson(BootstrapSchema, DOCUMENT, { registry }));
  expect(toBinary(BootstrapSchema, readJson(BootstrapSchema, DOCUMENT))).toEqual(expected);
});

test.each([
  ["a field that no message has", { static_resources: { clusterz: [] } }, "clusterz"],
  ["a field of another message", { node: { clusters: [] } }, "clusters"],
  ["a field with a name of every object", { node: { toString: "x" } }, "toString"],
  ["a value of another type", { admin: { address: 5 } }, "core.v3.Address"],
  ["an extension that is not known", { bootstrap_extensions: [{ typed_config: { "@type": "a/no.Such" } }] }, "no.Such"],
])("%s is refused by its name", (_, document, name) => {
  expect(() => readJson(BootstrapSchema, document as JsonValue)).toThrow(name);
});
