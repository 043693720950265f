// Every field of networking.istio.io WorkloadEntry and WorkloadGroup.

import {
  bounded,
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

const LABELS = bounded(256, mapOf(text("label-value"), "label-key"));

export const WORKLOAD_ADDRESS = bounded(256, text());

/** Without the address, which a template has none of, and a ServiceEntry's endpoint needs. */
export const WORKLOAD_FIELDS = {
  ports: bounded(128, mapOf(port(), "dns-label")),
  labels: LABELS,
  network: bounded(2_048, text()),
  locality: bounded(2_048, text()),
  weight: whole(0, 2 ** 32 - 1),
  serviceAccount: bounded(253, text()),
} as const;

export const WORKLOAD_ENTRY = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: required(record({ address: WORKLOAD_ADDRESS, ...WORKLOAD_FIELDS })),
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
      httpHeaders: list(record({ name: required(notEmpty("header-word")), value: text() })),
    }),
    tcpSocket: record({ host: text(), port: required(port()) }),
    exec: record({ command: required(list(notEmpty())) }),
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
      metadata: record({ labels: LABELS, annotations: bounded(256, mapOf(text())) }),
      template: required(record({ address: WORKLOAD_ADDRESS, ...WORKLOAD_FIELDS })),
      probe: PROBE,
    }),
  ),
  status: openRecord({}),
});

export type WorkloadEntryValue = Value<typeof WORKLOAD_ENTRY>;
export type WorkloadFields = Omit<WorkloadEntryValue["spec"], "address">;
export type WorkloadGroupSpec = Value<typeof WORKLOAD_GROUP>["spec"];
export type ProbeSpec = NonNullable<WorkloadGroupSpec["probe"]>;
