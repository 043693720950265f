// What a selector can select: a Pod, the template of Pods to come, a workload off Kubernetes.

import type { SourceObject } from "../dialect/object.ts";
import type { RecordSchema, Value } from "../dialect/schema.ts";
import { type Kind, kinds, type PodSpec } from "./kinds.ts";
import type { View } from "./view.ts";

export interface Runnable {
  readonly object: SourceObject;
  readonly kind: "pod" | "template" | "entry";
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Made by a template that is not necessarily here. */
  readonly owned: boolean;
  readonly pod: PodSpec;
  /** Where in the object the Pod's spec stands. */
  readonly path: string;
  readonly serviceAccount: string;
}

type Views = <S extends RecordSchema>(kind: Kind<S>) => readonly View<Value<S>>[];

export function runnablesOf(views: Views): readonly Runnable[] {
  return [...podsOf(views), ...templatesOf(views), ...entriesOf(views), ...groupsOf(views)];
}

function podsOf(views: Views): readonly Runnable[] {
  return views(kinds.pod)
    .filter(({ value }) => value.status?.phase !== "Succeeded" && value.status?.phase !== "Failed")
    .map(({ object, namespace, name, value }) => ({
      object,
      kind: "pod" as const,
      namespace,
      name,
      labels: object.labels,
      annotations: object.annotations,
      owned: (value.metadata?.ownerReferences ?? []).length > 0,
      pod: value.spec ?? {},
      path: "spec",
      serviceAccount: value.spec?.serviceAccountName || "default",
    }));
}

function templatesOf(views: Views): readonly Runnable[] {
  return [kinds.deployment, kinds.statefulSet, kinds.daemonSet].flatMap((kind) =>
    views(kind).map(({ object, namespace, name, value }) => {
      const template = value.spec?.template;
      return {
        object,
        kind: "template" as const,
        namespace,
        name,
        labels: template?.metadata?.labels ?? {},
        annotations: template?.metadata?.annotations ?? {},
        owned: false,
        pod: template?.spec ?? {},
        path: "spec.template.spec",
        serviceAccount: template?.spec?.serviceAccountName || "default",
      };
    }),
  );
}

function entriesOf(views: Views): readonly Runnable[] {
  return views(kinds.workloadEntry).map(({ object, namespace, name, value }) => ({
    object,
    kind: "entry" as const,
    namespace,
    name,
    // Istio merges the object's own labels over them.
    labels: { ...value.spec?.labels, ...object.labels },
    annotations: object.annotations,
    owned: false,
    pod: {},
    path: "spec",
    serviceAccount: value.spec?.serviceAccount || "default",
  }));
}

function groupsOf(views: Views): readonly Runnable[] {
  return views(kinds.workloadGroup).map(({ object, namespace, name, value }) => ({
    object,
    kind: "entry" as const,
    namespace,
    name,
    labels: { ...value.spec?.metadata?.labels, ...value.spec?.template?.labels },
    annotations: {},
    owned: false,
    pod: {},
    path: "spec.template",
    serviceAccount: value.spec?.template?.serviceAccount || "default",
  }));
}
