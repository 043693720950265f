// Istio's kinds: how traffic goes between the services.

import type { Diagnostic } from "../../base/diagnostic.ts";
import type { AuthorizationPolicy } from "../../model/authorization.ts";
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
import type { WasmPlugin } from "../../model/wasm-plugin.ts";
import type { Workload } from "../../model/workload.ts";
import { type Dialect, type ObjectResult, remembered, type Translation, type TranslationBefore } from "../dialect.ts";
import type { SourceObject } from "../object.ts";
import { Reporter } from "../reporter.ts";
import { readAuthorizationPolicy } from "./authorization-policy.ts";
import { withAddresses } from "./auto-addresses.ts";
import { type DestinationRuleDraft, linkClientPolicies, readDestinationRule } from "./destination-rule.ts";
import { readEnvoyFilter } from "./envoy-filter.ts";
import { readGateway } from "./gateway.ts";
import type { Finding } from "./joined.ts";
import { KINDS, LATER } from "./kinds.ts";
import { isMeshConfigMap, judgeMeshConfigMap, settingsOf } from "./mesh-config-map.ts";
import { readPeerAuthentication } from "./peer-authentication.ts";
import { readProxyConfig } from "./proxy-config.ts";
import { reading } from "./reading.ts";
import { readRequestAuthentication } from "./request-authentication.ts";
import { linkRoutes } from "./routes.ts";
import { readServiceEntry, type ServiceEntryParts } from "./service-entry.ts";
import { readSidecar } from "./sidecar.ts";
import { readTelemetry } from "./telemetry.ts";
import { readVirtualService, type VirtualServiceDraft } from "./virtual-service.ts";
import { readWasmPlugin } from "./wasm-plugin.ts";
import { readWorkloadEntry } from "./workload-entry.ts";
import { readWorkloadGroup } from "./workload-group.ts";

export const istio: Dialect = {
  name: "istio",
  kinds: KINDS,
  later: LATER,
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
  | { readonly kind: "wasm-plugin"; readonly plugin: WasmPlugin }
  | { readonly kind: "service-entry"; readonly parts: ServiceEntryParts }
  | { readonly kind: "workload"; readonly workload: Workload };

interface Read {
  readonly draft: Draft;
  readonly accepted: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

const read = remembered((object: SourceObject, settings: MeshSettings): Read => {
  if (object.origin.kind === "ConfigMap") return readSettings(object, settings);
  const reporter = new Reporter(object);
  const draft = readDraft(object, settings, reporter);
  return {
    draft: reporter.failed ? { kind: "nothing" } : draft,
    accepted: !reporter.failed,
    diagnostics: reporter.diagnostics,
  };
});

/** They are in force already (`settingsOf`): this is the verdict on them. Other ConfigMaps are the applications'. */
function readSettings(object: SourceObject, before: MeshSettings): Read {
  if (!isMeshConfigMap(object)) return { draft: { kind: "nothing" }, accepted: true, diagnostics: [] };
  const { settings, diagnostics } = judgeMeshConfigMap(object, before);
  return { draft: { kind: "nothing" }, accepted: settings !== undefined, diagnostics };
}

function readDraft(object: SourceObject, settings: MeshSettings, reporter: Reporter): Draft {
  const context = reading(object, settings, reporter);
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
    case "WasmPlugin": {
      const plugin = readWasmPlugin(context);
      return plugin ? { kind: "wasm-plugin", plugin } : { kind: "nothing" };
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

/** Reads each object by itself, then joins those that refer to each other or are for one host. What comes to the same is the same object. */
function translate(objects: readonly SourceObject[], settings: MeshSettings, before?: TranslationBefore): Translation {
  const known = (before?.results ?? []) as readonly Judged[]; // its own
  const reads = before?.changed ? known.map((judged) => judged.read) : objects.map((object) => read(object, settings));
  for (const i of before?.changed ?? []) reads[i] = read(objects[i]!, settings);
  const { parts, findings } = join(reads.map(({ draft }) => draft));
  const byObject = Map.groupBy(findings, ({ origin }) => originKey(origin));
  const results = objects.map((object, i) =>
    judged(object, reads[i]!, byObject.get(object.key) ?? NO_FINDINGS, known[i]),
  );
  return { parts, results };
}

function judged(object: SourceObject, read: Read, findings: readonly Finding[], before: Judged | undefined): Judged {
  if (before?.object === object && before.read === read && sameItems(before.findings, findings)) return before;
  const later = findings.map(({ origin, path, message }) => diagnose(message, origin, path, object.spans));
  const { accepted, diagnostics } = read;
  return { object, accepted, diagnostics: [...diagnostics, ...later], read, findings };
}

function join(drafts: readonly Draft[]): { readonly parts: MeshParts; readonly findings: readonly Finding[] } {
  const of = <K extends Draft["kind"]>(kind: K) =>
    drafts.filter((draft): draft is Extract<Draft, { readonly kind: K }> => draft.kind === kind);
  const entries = of("service-entry").map((entry) => entry.parts);
  const routes = linkRoutes(of("virtual-service").map(({ draft }) => draft));
  const clientPolicies = linkClientPolicies(of("destination-rule").map(({ draft }) => draft));
  const parts: MeshParts = {
    ...NO_PARTS,
    services: withAddresses(entries),
    workloads: of("workload").map(({ workload }) => workload),
    endpointLists: entries.flatMap((entry) => entry.endpointLists),
    routes: routes.items,
    clientPolicies: clientPolicies.items,
    gateways: of("gateway").map(({ gateway }) => gateway),
    serverPolicies: of("peer-authentication").map(({ policy }) => policy),
    authorizationPolicies: of("authorization-policy").map(({ policy }) => policy),
    requestAuthentications: of("request-authentication").map(({ policy }) => policy),
    proxyScopes: of("sidecar").map(({ scope }) => scope),
    telemetries: of("telemetry").map(({ telemetry }) => telemetry),
    proxyStarts: of("proxy-start").map(({ rule }) => rule),
    envoyPatches: of("envoy-patches").map(({ patches }) => patches),
    wasmPlugins: of("wasm-plugin").map(({ plugin }) => plugin),
  };
  return { parts, findings: [...routes.findings, ...clientPolicies.findings] };
}
