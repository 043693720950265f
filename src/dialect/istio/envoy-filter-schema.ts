// Every field of networking.istio.io EnvoyFilter. What a patch holds is Envoy's, and checked by Envoy's own messages.

import { choice, list, mapOf, openRecord, port, record, required, text, type Value, whole } from "../schema.ts";
import { LABEL_SELECTOR } from "./selector-schema.ts";
import { SCOPE_FIELDS } from "./workload-scope.ts";

/** 0 is unset: proto3 has no other way to say so of a plain number. */
const PORT_OR_ANY = whole(0, 65_535);

const FILTER_MATCH = record({ name: text(), subFilter: record({ name: text() }) });

const LISTENER_MATCH = record({
  portNumber: PORT_OR_ANY,
  portName: text(),
  name: text(),
  listenerFilter: text(),
  filterChain: record({
    name: text(),
    sni: text(),
    transportProtocol: text(),
    applicationProtocols: text(),
    destinationPort: PORT_OR_ANY,
    filter: FILTER_MATCH,
  }),
});

const ROUTE_MATCH = record({
  portNumber: PORT_OR_ANY,
  portName: text(),
  gateway: text(),
  name: text(),
  vhost: record({
    name: text(),
    domainName: text(),
    route: record({ name: text(), action: choice("ANY", "ROUTE", "REDIRECT", "DIRECT_RESPONSE") }),
  }),
});

const CLUSTER_MATCH = record({ portNumber: PORT_OR_ANY, service: text(), subset: text(), name: text() });

const WAYPOINT_MATCH = record({ portNumber: port(), filter: FILTER_MATCH, route: record({ name: text() }) });

const PATCH = record({
  applyTo: required(
    choice(
      "LISTENER",
      "FILTER_CHAIN",
      "NETWORK_FILTER",
      "HTTP_FILTER",
      "ROUTE_CONFIGURATION",
      "VIRTUAL_HOST",
      "HTTP_ROUTE",
      "CLUSTER",
      "EXTENSION_CONFIG",
      "BOOTSTRAP",
      "LISTENER_FILTER",
    ),
  ),
  match: record(
    {
      context: choice("ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "WAYPOINT"),
      proxy: record({ proxyVersion: text("regex"), metadata: mapOf(text()) }),
      listener: LISTENER_MATCH,
      routeConfiguration: ROUTE_MATCH,
      cluster: CLUSTER_MATCH,
      waypoint: WAYPOINT_MATCH,
    },
    [["listener", "routeConfiguration", "cluster", "waypoint"]],
  ),
  patch: required(
    record({
      operation: required(
        choice(
          "MERGE",
          "MERGE_AND_REPLACE_LIST",
          "ADD",
          "REMOVE",
          "INSERT_BEFORE",
          "INSERT_AFTER",
          "INSERT_FIRST",
          "REPLACE",
        ),
      ),
      value: openRecord({}),
      filterClass: choice("UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"),
    }),
  ),
});

export const ENVOY_FILTER = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: record(
    {
      workloadSelector: LABEL_SELECTOR,
      targetRefs: SCOPE_FIELDS.targetRefs,
      priority: whole(-(2 ** 31), 2 ** 31 - 1),
      configPatches: list(PATCH),
    },
    [["workloadSelector", "targetRefs"]],
  ),
  status: openRecord({}),
});

export type PatchSpec = Value<typeof PATCH>;
