// Kubernetes' own kinds: what runs, and under which names.

import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Credential } from "../../model/credential.ts";
import type { EndpointList } from "../../model/endpoint.ts";
import { type MeshParts, type Namespace, NO_PARTS } from "../../model/mesh.ts";
import type { Service } from "../../model/service.ts";
import type { MeshSettings } from "../../model/settings.ts";
import type { Workload } from "../../model/workload.ts";
import { decodeObject } from "../decode.ts";
import { type Dialect, remembered, type Translation } from "../dialect.ts";
import type { SourceObject } from "../object.ts";
import { Reporter } from "../reporter.ts";
import { readCredential } from "./credential.ts";
import { readEndpointSlice } from "./endpoint-slice.ts";
import { KINDS, SCHEMAS } from "./kinds.ts";
import { readPod } from "./pod.ts";
import { readService } from "./service.ts";

export const kubernetes: Dialect = { name: "kubernetes", kinds: KINDS, later: [], translate };

type Part =
  | { readonly kind: "nothing" }
  | { readonly kind: "namespace"; readonly namespace: Namespace }
  | { readonly kind: "service"; readonly service: Service }
  | { readonly kind: "workload"; readonly workload: Workload }
  | { readonly kind: "credential"; readonly credential: Credential }
  | { readonly kind: "endpoints"; readonly list: EndpointList };

interface Read {
  readonly part: Part;
  readonly accepted: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

const read = remembered((object: SourceObject, settings: MeshSettings): Read => {
  const reporter = new Reporter(object);
  const part = readPart(object, settings, reporter);
  return {
    part: reporter.failed ? { kind: "nothing" } : part,
    accepted: !reporter.failed,
    diagnostics: reporter.diagnostics,
  };
});

function readPart(object: SourceObject, settings: MeshSettings, reporter: Reporter): Part {
  const { kind, name } = object.origin;
  switch (kind) {
    case "Namespace":
      decodeObject(SCHEMAS.Namespace, object, reporter);
      return { kind: "namespace", namespace: { name, labels: object.labels } };
    case "Service": {
      const service = readService(object, settings, reporter);
      return service ? { kind: "service", service } : { kind: "nothing" };
    }
    case "Secret": {
      const credential = readCredential(object, reporter);
      return credential ? { kind: "credential", credential } : { kind: "nothing" };
    }
    case "Pod": {
      const workload = readPod(object, settings, reporter);
      return workload ? { kind: "workload", workload } : { kind: "nothing" };
    }
    default: {
      const list = readEndpointSlice(object, settings, reporter);
      return list ? { kind: "endpoints", list } : { kind: "nothing" };
    }
  }
}

function translate(objects: readonly SourceObject[], settings: MeshSettings): Translation {
  const reads = objects.map((object) => ({ object, ...read(object, settings) }));
  const parts: MeshParts = {
    ...NO_PARTS,
    namespaces: reads.flatMap(({ part }) => (part.kind === "namespace" ? [part.namespace] : [])),
    services: reads.flatMap(({ part }) => (part.kind === "service" ? [part.service] : [])),
    workloads: reads.flatMap(({ part }) => (part.kind === "workload" ? [part.workload] : [])),
    credentials: reads.flatMap(({ part }) => (part.kind === "credential" ? [part.credential] : [])),
    endpointLists: reads.flatMap(({ part }) => (part.kind === "endpoints" ? [part.list] : [])),
  };
  return { parts, results: reads.map(({ object, accepted, diagnostics }) => ({ object, accepted, diagnostics })) };
}
