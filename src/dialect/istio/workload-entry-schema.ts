// Every field of networking.istio.io WorkloadEntry and WorkloadGroup.

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

/** Without the address, which a template has none of, and a ServiceEntry's endpoint needs. */
export const WORKLOAD_FIELDS = {
  ports: mapOf(port(), "dns-label"),
  labels: LABELS,
  network: text(),
  locality: text(),
  weight: whole(0, 2 ** 32 - 1),
  serviceAccount: text(),
} as const;

export const WORKLOAD_ENTRY = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: required(record({ address: text(), ...WORKLOAD_FIELDS })),
  status: openRecord({ conditions: list(openRecord({ type: text(), status: text() })) }),
});

const MAX_INT32 = 2 ** 31 - 1;

/** Kubernetes' probes; 0 is a default. */
const PROBE = record(
  {
    initialDelaySeconds: whole(0, MAX_INT32),
    timeoutSeconds: whole(0, MAX_INT32),
    periodSeconds: whole(0, MAX_INT32),
    successThreshold: whole(0, MAX_INT32),
    failureThreshold: whole(0, MAX_INT32),
    httpGet: record({
      path: text(),
      port: required(port()),
      host: text(),
      scheme: choice("HTTP", "HTTPS", "http", "https"),
      httpHeaders: list(record({ name: required(notEmpty("header-name")), value: text() })),
    }),
    tcpSocket: record({ host: text(), port: required(port()) }),
    exec: record({ command: required(list(text())) }),
    grpc: record({ port: required(port()), service: text() }),
  },
  [["httpGet", "tcpSocket", "exec", "grpc"]],
);

export const WORKLOAD_GROUP = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: required(
    record({
      metadata: record({ labels: LABELS, annotations: mapOf(text()) }),
      template: required(record({ address: text(), ...WORKLOAD_FIELDS })),
      probe: PROBE,
    }),
  ),
  status: openRecord({}),
});

export type WorkloadEntryValue = Value<typeof WORKLOAD_ENTRY>;
export type WorkloadFields = Omit<WorkloadEntryValue["spec"], "address">;
export type WorkloadGroupSpec = Value<typeof WORKLOAD_GROUP>["spec"];
export type ProbeSpec = NonNullable<WorkloadGroupSpec["probe"]>;
