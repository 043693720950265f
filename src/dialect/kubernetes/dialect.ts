// Kubernetes' own kinds: what runs, and under which names.

import { correctedList } from "../../base/corrected-list.ts";
import type { Credential } from "../../model/credential.ts";
import type { EndpointList } from "../../model/endpoint.ts";
import { sameItems } from "../../model/equality.ts";
import { type MeshParts, type Namespace, NO_PARTS } from "../../model/mesh.ts";
import type { Service, ServiceAlias } from "../../model/service.ts";
import type { MeshSettings } from "../../model/settings.ts";
import type { Workload } from "../../model/workload.ts";
import { decodeObject } from "../decode.ts";
import { type Dialect, type ObjectResult, remembered, type Translation, type TranslationBefore } from "../dialect.ts";
import type { SourceObject } from "../object.ts";
import { Reporter } from "../reporter.ts";
import { readCredential } from "./credential.ts";
import { readEndpointSlice } from "./endpoint-slice.ts";
import { KINDS, SCHEMAS } from "./kinds.ts";
import { readPod } from "./pod.ts";
import { readService, type ServicePart } from "./service.ts";

export const kubernetes: Dialect = { name: "kubernetes", kinds: KINDS, later: [], translate };

type Part =
  | { readonly kind: "nothing" }
  | { readonly kind: "namespace"; readonly namespace: Namespace }
  | ServicePart
  | { readonly kind: "workload"; readonly workload: Workload }
  | { readonly kind: "credential"; readonly credential: Credential }
  | { readonly kind: "endpoints"; readonly list: EndpointList };

/** The verdict on an object, and what it says. */
interface Read extends ObjectResult {
  readonly part: Part;
}

const read = remembered((object: SourceObject, settings: MeshSettings): Read => {
  const reporter = new Reporter(object);
  const part = readPart(object, settings, reporter);
  return {
    object,
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
    case "Service":
      return readService(object, settings, reporter) ?? { kind: "nothing" };
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

function translate(objects: readonly SourceObject[], settings: MeshSettings, before?: TranslationBefore): Translation {
  const known = (before?.results ?? []) as readonly Read[]; // its own
  const readAt = (i: number): Read => {
    const object = objects[i]!;
    const last = known[i];
    if (last?.object === object) return last;
    const made = read(object, settings);
    return made.object === object ? made : { ...made, object };
  };
  if (before?.spliced) {
    const { at, removed, added } = before.spliced;
    const come = objects.slice(at, at + added).map((object): Read => ({ ...read(object, settings), object }));
    return ofReads(known.toSpliced(at, removed, ...come), before.parts);
  }
  if (!before?.changed) return ofReads(objects.map((_, i) => readAt(i)));
  const results = correctedList(
    known,
    before.changed.map((i) => [i, readAt(i)]),
  );
  const parts = before.changed.reduce<MeshParts | undefined>(
    (last, i) => last && withPart(last, known[i]!.part, results[i]!.part),
    before.parts,
  );
  return parts ? { parts, results } : ofReads(results);
}

/** The parts with one in the place of another of its kind; undefined: they are not of one kind. */
function withPart(parts: MeshParts, old: Part, now: Part): MeshParts | undefined {
  if (old === now) return parts;
  if (old.kind === "workload" && now.kind === "workload")
    return { ...parts, workloads: withItem(parts.workloads, old.workload, now.workload) };
  if (old.kind === "service" && now.kind === "service")
    return { ...parts, services: withItem(parts.services, old.service, now.service) };
  if (old.kind === "endpoints" && now.kind === "endpoints")
    return { ...parts, endpointLists: withItem(parts.endpointLists, old.list, now.list) };
  return undefined;
}

function withItem<T>(items: readonly T[], old: T, now: T): readonly T[] {
  return correctedList(items, [[items.indexOf(old), now]]);
}

/** With lists of before that hold the same. */
function ofReads(results: readonly Read[], before: MeshParts = NO_PARTS): Translation {
  const namespaces: Namespace[] = [];
  const services: Service[] = [];
  const aliases: ServiceAlias[] = [];
  const workloads: Workload[] = [];
  const credentials: Credential[] = [];
  const endpointLists: EndpointList[] = [];
  for (const { part } of results) {
    if (part.kind === "workload") workloads.push(part.workload);
    else if (part.kind === "service") services.push(part.service);
    else if (part.kind === "alias") aliases.push(part.alias);
    else if (part.kind === "endpoints") endpointLists.push(part.list);
    else if (part.kind === "namespace") namespaces.push(part.namespace);
    else if (part.kind === "credential") credentials.push(part.credential);
  }
  const kept = <T>(list: readonly T[], made: readonly T[]) => (sameItems(list, made) ? list : made);
  const parts: MeshParts = {
    ...NO_PARTS,
    namespaces: kept(before.namespaces, namespaces),
    services: kept(before.services, services),
    aliases: kept(before.aliases, aliases),
    workloads: kept(before.workloads, workloads),
    credentials: kept(before.credentials, credentials),
    endpointLists: kept(before.endpointLists, endpointLists),
  };
  return { parts, results };
}
