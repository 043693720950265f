// Every field of networking.istio.io ServiceEntry.

import {
  bounded,
  choice,
  list,
  notEmpty,
  openRecord,
  port,
  record,
  required,
  text,
  textOrUnset,
  type Value,
} from "../schema.ts";
import { LABEL_SELECTOR } from "./selector-schema.ts";
import { WORKLOAD_FIELDS } from "./workload-entry-schema.ts";

/** Addresses are checked by the resolution that they stand under; one behind a gateway of another network needs none. */
const ENDPOINT = record({ address: bounded(256, textOrUnset()), ...WORKLOAD_FIELDS });

export const SERVICE_ENTRY = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: required(
    record({
      hosts: required(bounded(256, list(notEmpty("wildcard-host")), 1)),
      addresses: bounded(256, list(bounded(64, text("cidr")))),
      ports: bounded(
        256,
        list(
          record({
            number: required(port()),
            name: required(notEmpty("dns-label")),
            protocol: bounded(256, text()),
            targetPort: port(),
          }),
        ),
      ),
      location: choice("MESH_EXTERNAL", "MESH_INTERNAL"),
      resolution: choice("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
      endpoints: bounded(4_096, list(ENDPOINT)),
      workloadSelector: LABEL_SELECTOR,
      exportTo: list(notEmpty()),
      subjectAltNames: list(notEmpty()),
    }),
  ),
  status: openRecord({ addresses: list(openRecord({ value: text(), host: text() })) }),
});

export type ServiceEntryValue = Value<typeof SERVICE_ENTRY>;
export type ServiceEntrySpec = ServiceEntryValue["spec"];
export type EndpointSpec = Value<typeof ENDPOINT>;
