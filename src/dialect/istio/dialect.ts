// Istio's kinds: how traffic goes between the services.

import type { Diagnostic } from "../../base/diagnostic.ts";
import { correctedList, correctionsOf, itemOf, type List, type ListDifference, listOf } from "../../base/list.ts";
import type { AuthorizationPolicy } from "../../model/authorization.ts";
import type { ClientPolicy } from "../../model/client-policy.ts";
import type { Credential } from "../../model/credential.ts";
import type { EnvoyPatches } from "../../model/envoy-patch.ts";
import { sameItems } from "../../model/equality.ts";
import type { Gateway } from "../../model/gateway.ts";
import { type MeshParts, NO_PARTS } from "../../model/mesh.ts";
import { diagnose } from "../../model/message.ts";
import { originKey } from "../../model/origin.ts";
import type { ProxyScope } from "../../model/proxy-scope.ts";
import type { ProxyStartRule } from "../../model/proxy-start.ts";
import type { RequestAuthentication } from "../../model/request-authentication.ts";
import type { ServerPolicy } from "../../model/server-policy.ts";
import type { MeshSettings } from "../../model/settings.ts";
import type { Telemetry } from "../../model/telemetry.ts";
import type { TrafficExtension } from "../../model/traffic-extension.ts";
import type { Workload } from "../../model/workload.ts";
import { type Dialect, type ObjectResult, remembered, type Translation, type TranslationBefore } from "../dialect.ts";
import { readPublicRoots } from "../kubernetes/credential.ts";
import type { SourceObject } from "../object.ts";
import { allFindings } from "../partial.ts";
import { Reporter } from "../reporter.ts";
import { checkAnnotations } from "./annotations.ts";
import { readAuthorizationPolicy } from "./authorization-policy.ts";
import { withAddresses } from "./auto-addresses.ts";
import { type DestinationRuleDraft, linkClientPolicies, readDestinationRule } from "./destination-rule.ts";
import { readEnvoyFilter } from "./envoy-filter.ts";
import { readGateway } from "./gateway.ts";
import type { Finding, Joined } from "./joined.ts";
import { KINDS } from "./kinds.ts";
import { isMeshConfigMap, judgeMeshConfigMap, settingsOf } from "./mesh-config-map.ts";
import { readPeerAuthentication } from "./peer-authentication.ts";
import { readProxyConfig } from "./proxy-config.ts";
import { reading } from "./reading.ts";
import { readRequestAuthentication } from "./request-authentication.ts";
import { type LinkedRoutes, linkRoutes, relinkRoutes } from "./routes.ts";
import { readServiceEntry, type ServiceEntryParts } from "./service-entry.ts";
import { readSidecar } from "./sidecar.ts";
import { readTelemetry } from "./telemetry.ts";
import { readTrafficExtension, readWasmPlugin } from "./traffic-extension.ts";
import { readVirtualService, type VirtualServiceDraft } from "./virtual-service.ts";
import { readWorkloadEntry } from "./workload-entry.ts";
import { readWorkloadGroup } from "./workload-group.ts";

export const istio: Dialect = {
  name: "istio",
  kinds: KINDS,
  settings: settingsOf,
  holdsSettings: isMeshConfigMap,
  translate,
};

/** What one object says by itself. */
type Draft =
  | { readonly kind: "nothing" }
  | { readonly kind: "virtual-service"; readonly draft: VirtualServiceDraft }
  | { readonly kind: "destination-rule"; readonly draft: DestinationRuleDraft }
  | { readonly kind: "gateway"; readonly gateway: Gateway }
  | { readonly kind: "peer-authentication"; readonly policy: ServerPolicy }
  | { readonly kind: "authorization-policy"; readonly policy: AuthorizationPolicy }
  | { readonly kind: "request-authentication"; readonly policy: RequestAuthentication }
  | { readonly kind: "sidecar"; readonly scope: ProxyScope }
  | { readonly kind: "telemetry"; readonly telemetry: Telemetry }
  | { readonly kind: "envoy-patches"; readonly patches: EnvoyPatches }
  | { readonly kind: "proxy-start"; readonly rule: ProxyStartRule }
  | { readonly kind: "traffic-extension"; readonly extension: TrafficExtension }
  | { readonly kind: "service-entry"; readonly parts: ServiceEntryParts }
  | { readonly kind: "workload"; readonly workload: Workload }
  | { readonly kind: "credential"; readonly credential: Credential };

interface Read {
  readonly draft: Draft;
  readonly accepted: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

const read = remembered((object: SourceObject, settings: MeshSettings): Read => {
  if (object.origin.kind === "ConfigMap") return readConfigMap(object, settings);
  const reporter = new Reporter(object);
  const draft = readDraft(object, settings, reporter);
  return {
    draft: reporter.failed ? { kind: "nothing" } : draft,
    accepted: !reporter.failed,
    diagnostics: allFindings(object, reporter, (each) => readDraft(object, settings, each)),
  };
});

/** They are in force already (`settingsOf`): this is the verdict on them. Other ConfigMaps are the applications', or roots. */
function readConfigMap(object: SourceObject, before: MeshSettings): Read {
  if (!isMeshConfigMap(object)) {
    const reporter = new Reporter(object);
    const credential = readPublicRoots(object, reporter);
    const draft: Draft = credential ? { kind: "credential", credential } : { kind: "nothing" };
    return { draft, accepted: true, diagnostics: reporter.diagnostics };
  }
  const { settings, diagnostics } = judgeMeshConfigMap(object, before);
  return { draft: { kind: "nothing" }, accepted: settings !== undefined, diagnostics };
}

function readDraft(object: SourceObject, settings: MeshSettings, reporter: Reporter): Draft {
  const context = reading(object, settings, reporter);
  checkAnnotations(context);
  switch (object.origin.kind) {
    case "VirtualService": {
      const draft = readVirtualService(context);
      return draft ? { kind: "virtual-service", draft } : { kind: "nothing" };
    }
    case "DestinationRule": {
      const draft = readDestinationRule(context);
      return draft ? { kind: "destination-rule", draft } : { kind: "nothing" };
    }
    case "Gateway": {
      const gateway = readGateway(context);
      return gateway ? { kind: "gateway", gateway } : { kind: "nothing" };
    }
    case "PeerAuthentication": {
      const policy = readPeerAuthentication(context);
      return policy ? { kind: "peer-authentication", policy } : { kind: "nothing" };
    }
    case "AuthorizationPolicy": {
      const policy = readAuthorizationPolicy(context);
      return policy ? { kind: "authorization-policy", policy } : { kind: "nothing" };
    }
    case "RequestAuthentication": {
      const policy = readRequestAuthentication(context);
      return policy ? { kind: "request-authentication", policy } : { kind: "nothing" };
    }
    case "EnvoyFilter": {
      const patches = readEnvoyFilter(context);
      return patches ? { kind: "envoy-patches", patches } : { kind: "nothing" };
    }
    case "TrafficExtension": {
      const extension = readTrafficExtension(context);
      return extension ? { kind: "traffic-extension", extension } : { kind: "nothing" };
    }
    case "WasmPlugin": {
      const extension = readWasmPlugin(context);
      return extension ? { kind: "traffic-extension", extension } : { kind: "nothing" };
    }
    case "WorkloadEntry": {
      const workload = readWorkloadEntry(context);
      return workload ? { kind: "workload", workload } : { kind: "nothing" };
    }
    case "WorkloadGroup":
      readWorkloadGroup(context); // what registers by it is entered by the control plane
      return { kind: "nothing" };
    case "Sidecar": {
      const scope = readSidecar(context);
      return scope ? { kind: "sidecar", scope } : { kind: "nothing" };
    }
    case "Telemetry": {
      const telemetry = readTelemetry(context);
      return telemetry ? { kind: "telemetry", telemetry } : { kind: "nothing" };
    }
    case "ProxyConfig": {
      const rule = readProxyConfig(context);
      return rule ? { kind: "proxy-start", rule } : { kind: "nothing" };
    }
    default: {
      const parts = readServiceEntry(context);
      return parts ? { kind: "service-entry", parts } : { kind: "nothing" };
    }
  }
}

/** The verdict on an object, and what it comes from. */
interface Judged extends ObjectResult {
  readonly read: Read;
  /** Of what it is joined with. */
  readonly findings: readonly Finding[];
}

const NO_FINDINGS: readonly Finding[] = [];

/** What is made of several objects, beside what is made of them. */
interface IstioTranslation extends Translation {
  readonly joined: Joins;
}

interface Joins {
  readonly routes: LinkedRoutes;
  readonly clientPolicies: Joined<ClientPolicy>;
}

/** Reads each object by itself, then joins those that refer to each other or are for one host. What comes to the same is the same object. */
function translate(objects: List<SourceObject>, settings: MeshSettings, before?: TranslationBefore): Translation {
  if (before?.difference)
    return translateDifference(before as TranslationBefore & IstioTranslation, before.difference, settings);
  const reads = objects.map((object) => ({ object, read: read(object, settings) }));
  const { parts, joined } = join(draftsAmong(reads));
  const byObject = findingsOf(joined);
  const known = new Map((before?.results ?? []).map((judged) => [judged.object.key, judged as Judged])); // its own
  const results = reads.map(({ object, read: made }) =>
    judged(object, made, byObject.get(object.key) ?? NO_FINDINGS, known.get(object.key)),
  );
  const made: IstioTranslation = { parts: keptParts(before?.parts, parts), results: listOf(results), joined };
  return made;
}

const keyOfJudged = ({ object }: Judged): string => object.key;

/** Joins those kinds alone of which one changed, and judges who is other, or is told something else. */
function translateDifference(
  before: IstioTranslation,
  difference: ListDifference<SourceObject>,
  settings: MeshSettings,
): IstioTranslation {
  const known = before.results as List<Judged>; // its own
  const gone = difference.gone.flatMap(({ key }) => itemOf(known, key, keyOfJudged) ?? []);
  const come = difference.come.map((object): Judged => {
    const made = read(object, settings);
    return judged(object, made, NO_FINDINGS, undefined);
  });
  const changed = correctedList(known, keyOfJudged, correctionsOf({ gone, come }, keyOfJudged));
  const touched = new Set([...gone, ...come].map((each) => each.read.draft.kind));
  const virtualServices = { gone: virtualServicesAmong(gone), come: virtualServicesAmong(come) };
  const { parts, joined } = joinAgain(changed, touched, virtualServices, before);
  const told = findingsOf(joined);
  const concerned = new Set([...come.map(keyOfJudged), ...findingsOf(before.joined).keys(), ...told.keys()]);
  const again = [...concerned].flatMap((key): [string, Judged][] => {
    const now = itemOf(changed, key, keyOfJudged);
    return now ? [[key, judged(now.object, now.read, told.get(key) ?? NO_FINDINGS, now)]] : [];
  });
  return { parts, joined, results: correctedList(changed, keyOfJudged, again) };
}

function findingsOf({ routes, clientPolicies }: Joins): ReadonlyMap<string, readonly Finding[]> {
  return Map.groupBy([...routes.findings, ...clientPolicies.findings], ({ origin }) => originKey(origin));
}

function judged(object: SourceObject, read: Read, findings: readonly Finding[], before: Judged | undefined): Judged {
  if (before?.object === object && before.read === read && sameItems(before.findings, findings)) return before;
  const later = findings.map(({ origin, path, message }) => diagnose(message, origin, path, object.spans));
  const { accepted, diagnostics } = read;
  return { object, accepted, diagnostics: [...diagnostics, ...later], read, findings };
}

type Drafts = <K extends Draft["kind"]>(kind: K) => readonly Extract<Draft, { readonly kind: K }>[];

function join(of: Drafts): Omit<IstioTranslation, "results"> {
  const joined = { routes: routesOf(of), clientPolicies: clientPoliciesOf(of) };
  return { parts: { ...NO_PARTS, ...simpleParts(of), ...joinedParts(joined) }, joined };
}

/** `touched`: kinds of which drafts came or went; the others are as they were. */
function joinAgain(
  judged: List<Judged>,
  touched: ReadonlySet<Draft["kind"]>,
  virtualServices: ListDifference<VirtualServiceDraft>,
  before: IstioTranslation,
): Omit<IstioTranslation, "results"> {
  let all: Drafts | undefined;
  const of = () => {
    all ??= draftsAmong(judged);
    return all;
  };
  const { routes, clientPolicies } = before.joined;
  const joined = {
    routes: relinkRoutes(routes, virtualServices) ?? routesOf(of()),
    clientPolicies: touched.has("destination-rule") ? clientPoliciesOf(of()) : clientPolicies,
  };
  const simple = [...touched].some((kind) => !JOINED.has(kind)) ? simpleParts(of()) : {};
  return { parts: keptParts(before.parts, { ...before.parts, ...simple, ...joinedParts(joined) }), joined };
}

/** Of these nothing is made by itself. */
const JOINED: ReadonlySet<Draft["kind"]> = new Set(["virtual-service", "destination-rule", "nothing"]);

function virtualServicesAmong(judged: readonly Judged[]): readonly VirtualServiceDraft[] {
  return judged.flatMap(({ read: { draft } }) => (draft.kind === "virtual-service" ? [draft.draft] : []));
}

function routesOf(of: Drafts): LinkedRoutes {
  return linkRoutes(of("virtual-service").map(({ draft }) => draft));
}

function clientPoliciesOf(of: Drafts): Joined<ClientPolicy> {
  return linkClientPolicies(of("destination-rule").map(({ draft }) => draft));
}

function draftsAmong(reads: List<{ readonly read: Read }>): Drafts {
  const byKind = Map.groupBy(
    reads.map(({ read: { draft } }) => draft),
    ({ kind }) => kind,
  );
  return <K extends Draft["kind"]>(kind: K) =>
    (byKind.get(kind) ?? []) as readonly Draft[] as readonly Extract<Draft, { readonly kind: K }>[];
}

/** Lists that hold the same are those of before. */
function keptParts(before: MeshParts | undefined, now: MeshParts): MeshParts {
  if (!before) return now;
  const kept = Object.entries(now).map(([name, list]: [string, List<unknown>]) => {
    const known = before[name as keyof MeshParts];
    const isSame = known === list || (known.length === list.length && sameItems([...known], [...list]));
    return [name, isSame ? known : list];
  });
  return Object.fromEntries(kept) as MeshParts;
}

function joinedParts({ routes, clientPolicies }: Joins): Pick<MeshParts, "routes" | "clientPolicies"> {
  return { routes: routes.items, clientPolicies: clientPolicies.items };
}

/** Of objects that are by themselves. */
function simpleParts(of: Drafts): Omit<MeshParts, "routes" | "clientPolicies" | "namespaces" | "aliases" | "keySets"> {
  const entries = of("service-entry").map((entry) => entry.parts);
  return {
    services: withAddresses(entries),
    workloads: of("workload").map(({ workload }) => workload),
    endpointLists: entries.flatMap((entry) => entry.endpointLists),
    credentials: of("credential").map(({ credential }) => credential),
    gateways: of("gateway").map(({ gateway }) => gateway),
    serverPolicies: of("peer-authentication").map(({ policy }) => policy),
    authorizationPolicies: of("authorization-policy").map(({ policy }) => policy),
    requestAuthentications: of("request-authentication").map(({ policy }) => policy),
    proxyScopes: of("sidecar").map(({ scope }) => scope),
    telemetries: of("telemetry").map(({ telemetry }) => telemetry),
    proxyStarts: of("proxy-start").map(({ rule }) => rule),
    envoyPatches: of("envoy-patches").map(({ patches }) => patches),
    trafficExtensions: of("traffic-extension").map(({ extension }) => extension),
  };
}
