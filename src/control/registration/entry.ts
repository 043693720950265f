// The WorkloadEntry of a workload that registers by a WorkloadGroup, and what its agent is told of the group's probe.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AUTO_REGISTRATION_GROUP, HEALTH_CHECKS } from "../../dialect/istio/workload-entry.ts";
import { type Probe, readWorkloadGroup, type WorkloadGroup } from "../../dialect/istio/workload-group.ts";
import { sourceObject } from "../../dialect/object.ts";
import { Reporter } from "../../dialect/reporter.ts";
import { type KubeObject, keyOf } from "../../kube/object.ts";
import { type Probe as ProbeMessage, ProbeSchema } from "../../xds/gen/heddle/registration/v1/registration_pb.ts";
import { workloadNameOf } from "../../xds/registration.ts";
import { metricsAnnotations } from "./application-metrics.ts";
import { annotationsOf, digestOf, INSTANCE } from "./objects.ts";
import type { InstanceProof, RegisteredWorkload } from "./workload.ts";

/** A group that is as it must be, or why no workload can register by it. */
export type GroupVerdict =
  | { readonly kind: "group"; readonly group: WorkloadGroup; readonly version: string }
  | { readonly kind: "unusable"; readonly reason: string };

export function judgeGroup(object: KubeObject): GroupVerdict {
  const where = `WorkloadGroup ${keyOf({ namespace: object.metadata.namespace ?? "", name: object.metadata.name })}`;
  const source = sourceObject(object);
  if (source.kind !== "object") return { kind: "unusable", reason: `${where} cannot be read` };
  const reporter = new Reporter(source.object);
  const group = readWorkloadGroup({ object: source.object, reporter });
  const wrong = reporter.diagnostics.find(({ severity }) => severity === "error");
  if (!group || wrong) return { kind: "unusable", reason: `${where} is not valid: ${wrong?.message ?? "no spec"}` };
  return { kind: "group", group, version: object.metadata.resourceVersion ?? "" };
}

/** The account that workloads of the group run as. */
export function accountOfGroup({ template }: WorkloadGroup): string {
  return template.serviceAccount || "default";
}

/**
 * Labels, ports, place and weight are the group's; address, account and sidecar the workload's own. A port that the group does not name is the one
 * that the workload says it listens on. Its health is looked after, whether by a probe or by its own word.
 */
export function entryOf(
  workload: RegisteredWorkload,
  proof: InstanceProof,
  name: string,
  group: WorkloadGroup,
  mergesMetrics: boolean,
): KubeObject {
  const { namespace, address, application, app, version, serviceAccount } = workload;
  const { ports = {}, labels = {}, network, locality, weight } = group.template;
  const named = {
    "service.istio.io/canonical-name": app,
    "service.istio.io/canonical-revision": version,
    "service.istio.io/workload-name": workloadNameOf({ app, version }),
  };
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "WorkloadEntry",
    metadata: {
      name: workload.name,
      namespace,
      labels: group.labels,
      annotations: {
        ...group.annotations,
        ...annotationsOf(workload),
        ...metricsAnnotations(group.annotations, mergesMetrics),
        [INSTANCE]: digestOf(proof),
        [AUTO_REGISTRATION_GROUP]: name,
        [HEALTH_CHECKS]: "true",
      },
    },
    spec: {
      address,
      ports: { ...(application ? { [application.protocol]: application.port } : {}), ...ports },
      labels: { ...named, ...group.labels, ...labels },
      serviceAccount,
      ...(network ? { network } : {}),
      ...(locality ? { locality } : {}),
      ...(weight ? { weight } : {}),
    },
  };
}

export function probeMessage({ check, ...times }: Probe): ProbeMessage {
  return create(ProbeSchema, { ...times, check: checkOf(check) });
}

function checkOf(check: Probe["check"]): NonNullable<MessageInitShape<typeof ProbeSchema>["check"]> {
  switch (check.kind) {
    case "http": {
      const { host, port, path, tls, headers } = check;
      return { case: "httpGet", value: { host, port, path, tls, headers: [...headers] } };
    }
    case "tcp":
      return { case: "tcpSocket", value: { host: check.host, port: check.port } };
    case "exec":
      return { case: "exec", value: { command: [...check.command] } };
    case "grpc":
      return { case: "grpc", value: { port: check.port, service: check.service } };
  }
}
