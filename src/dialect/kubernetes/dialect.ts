// Kubernetes' own kinds: what runs, and under which names.

import {
  correctedList,
  correctionsOf,
  itemOf,
  type KeyOf,
  type List,
  type ListDifference,
  listOf,
} from "../../base/list.ts";
import type { Credential } from "../../model/credential.ts";
import type { EndpointList } from "../../model/endpoint.ts";
import { sameItems } from "../../model/equality.ts";
import { type MeshParts, type Namespace, NO_PARTS } from "../../model/mesh.ts";
import { type Origin, originKey } from "../../model/origin.ts";
import type { Service, ServiceAlias } from "../../model/service.ts";
import type { MeshSettings } from "../../model/settings.ts";
import type { Workload } from "../../model/workload.ts";
import { decodeObject } from "../decode.ts";
import { type Dialect, type ObjectResult, remembered, type Translation, type TranslationBefore } from "../dialect.ts";
import type { SourceObject } from "../object.ts";
import { allFindings } from "../partial.ts";
import { Reporter } from "../reporter.ts";
import { readCredential } from "./credential.ts";
import { readEndpointSlice } from "./endpoint-slice.ts";
import { KINDS, SCHEMAS } from "./kinds.ts";
import { readPod } from "./pod.ts";
import { readService, type ServicePart } from "./service.ts";

export const kubernetes: Dialect = { name: "kubernetes", kinds: KINDS, translate };

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
    diagnostics: allFindings(object, reporter, (each) => readPart(object, settings, each)),
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

function translate(objects: List<SourceObject>, settings: MeshSettings, before?: TranslationBefore): Translation {
  if (before?.difference) return translateDifference(before, before.difference, settings);
  return ofReads(
    objects.map((object) => readNow(object, settings)),
    before?.parts,
  );
}

/** The same as before for the same object. */
function readNow(object: SourceObject, settings: MeshSettings): Read {
  const made = read(object, settings);
  return made.object === object ? made : { ...made, object };
}

const keyOfRead = ({ object }: Read): string => object.key;

function translateDifference(
  before: TranslationBefore,
  difference: ListDifference<SourceObject>,
  settings: MeshSettings,
): Translation {
  const known = before.results as List<Read>; // its own
  const gone = difference.gone.flatMap(({ key }) => itemOf(known, key, keyOfRead) ?? []);
  const come = difference.come.map((object) => readNow(object, settings));
  const results = correctedList(known, keyOfRead, correctionsOf({ gone, come }, keyOfRead));
  return { parts: partsAfter(before.parts, gone, come), results };
}

const keyOfPart = ({ origin }: { readonly origin: Origin }): string => originKey(origin);
const keyOfNamespace = ({ name }: Namespace): string => name;

/** Lists of parts are sorted as their objects are. */
function partsAfter(parts: MeshParts, gone: readonly Read[], come: readonly Read[]): MeshParts {
  const difference = <K extends Part["kind"]>(kind: K) => {
    const ofKind = ({ part }: Read) => (part.kind === kind ? [part as Extract<Part, { readonly kind: K }>] : []);
    return { gone: gone.flatMap(ofKind), come: come.flatMap(ofKind) };
  };
  const corrections = <K extends Part["kind"], T>(
    kind: K,
    partOf: (part: Extract<Part, { readonly kind: K }>) => T,
    keyOf: KeyOf<T>,
  ) => {
    const { gone: old, come: now } = difference(kind);
    return correctionsOf({ gone: old.map(partOf), come: now.map(partOf) }, keyOf);
  };
  return {
    ...parts,
    namespaces: correctedList(
      parts.namespaces,
      keyOfNamespace,
      corrections("namespace", ({ namespace }) => namespace, keyOfNamespace),
    ),
    services: correctedList(
      parts.services,
      keyOfPart,
      corrections("service", ({ service }) => service, keyOfPart),
    ),
    aliases: correctedList(
      parts.aliases,
      keyOfPart,
      corrections("alias", ({ alias }) => alias, keyOfPart),
    ),
    workloads: correctedList(
      parts.workloads,
      keyOfPart,
      corrections("workload", ({ workload }) => workload, keyOfPart),
    ),
    credentials: correctedList(
      parts.credentials,
      keyOfPart,
      corrections("credential", ({ credential }) => credential, keyOfPart),
    ),
    endpointLists: correctedList(
      parts.endpointLists,
      keyOfPart,
      corrections("endpoints", ({ list }) => list, keyOfPart),
    ),
  };
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
    workloads: sameItems([...before.workloads], workloads) ? before.workloads : listOf(workloads),
    credentials: kept(before.credentials, credentials),
    endpointLists: kept(before.endpointLists, endpointLists),
  };
  return { parts, results };
}
