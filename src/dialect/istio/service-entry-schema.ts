// Every field of networking.istio.io ServiceEntry.

import {
  choice,
  list,
  mapOf,
  notEmpty,
  openRecord,
  port,
  record,
  required,
  text,
  type Value,
  whole,
} from "../schema.ts";

const LABELS = mapOf(text("label-value"), "label-key");

/** A WorkloadEntry without its envelope. Addresses are checked by the resolution that they stand under. */
const ENDPOINT = record({
  address: required(notEmpty()),
  ports: mapOf(port()),
  labels: LABELS,
  network: text(),
  locality: text(),
  weight: whole(0, 2 ** 31 - 1),
  serviceAccount: notEmpty(),
});

export const SERVICE_ENTRY = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: required(
    record({
      hosts: required(list(notEmpty("wildcard-host"))),
      addresses: list(text("cidr")),
      ports: list(
        record({
          number: required(port()),
          name: required(notEmpty("label-value")),
          protocol: text(),
          targetPort: port(),
        }),
      ),
      location: choice("MESH_EXTERNAL", "MESH_INTERNAL"),
      resolution: choice("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
      endpoints: list(ENDPOINT),
      workloadSelector: record({ labels: LABELS }),
      exportTo: list(notEmpty()),
      subjectAltNames: list(notEmpty()),
    }),
  ),
  status: openRecord({}),
});

export type ServiceEntrySpec = NonNullable<Value<typeof SERVICE_ENTRY>["spec"]>;
export type EndpointSpec = Value<typeof ENDPOINT>;
