// CustomResourceDefinitions: names, versions and columns of `kube/resources.ts`, schemas of the tables.

import { stringify } from "yaml";
import { definitionSpec } from "../kube/api/definitions.ts";
import type { JsonObject } from "../kube/json.ts";
import type { ReferenceKind } from "./kinds.ts";
import { structuralSchema } from "./structural.ts";

/** Named as Kubernetes demands: `virtualservices.networking.istio.io`. */
export function definitionName({ type }: ReferenceKind): string {
  return `${type.plural}.${type.group}`;
}

export function definition(kind: ReferenceKind): JsonObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    // As Istio's have it: whoever takes a chart away must not take all objects of the kind with it.
    metadata: { name: definitionName(kind), annotations: { "helm.sh/resource-policy": "keep" } },
    spec: definitionSpec(kind.type, structuralSchema(kind)),
  };
}

export function definitionYaml(kind: ReferenceKind): string {
  return stringify(definition(kind), { lineWidth: 0, aliasDuplicateObjects: false });
}
