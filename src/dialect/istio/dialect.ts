// Istio's kinds: how traffic goes between the services.

import type { Diagnostic } from "../../base/diagnostic.ts";
import type { AuthorizationPolicy } from "../../model/authorization.ts";
import type { EnvoyPatches } from "../../model/envoy-patch.ts";
import type { Gateway } from "../../model/gateway.ts";
import { file } from "../../model/label-index.ts";
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
import { type Dialect, remembered, type Translation } from "../dialect.ts";
import type { SourceObject } from "../object.ts";
import { Reporter } from "../reporter.ts";
import { readAuthorizationPolicy } from "./authorization-policy.ts";
import { withAddresses } from "./auto-addresses.ts";
import { type DestinationRuleDraft, linkClientPolicies, readDestinationRule } from "./destination-rule.ts";
import { readEnvoyFilter } from "./envoy-filter.ts";
import { readGateway } from "./gateway.ts";
import { KINDS, LATER } from "./kinds.ts";
import { isMeshConfigMap, judgeMeshConfigMap, settingsOf } from "./mesh-config-map.ts";
import { readPeerAuthentication } from "./peer-authentication.ts";
import { readProxyConfig } from "./proxy-config.ts";
import { reading } from "./reading.ts";
import { readRequestAuthentication } from "./request-authentication.ts";
import { linkRoutes, type Report } from "./routes.ts";
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

/** Reads each object by itself, then joins those that refer to each other or are for one host. */
function translate(objects: readonly SourceObject[], settings: MeshSettings): Translation {
  const reads = objects.map((object) => ({ object, ...read(object, settings) }));
  const later = new Map<string, Diagnostic[]>();
  const spans = new Map(objects.map((object) => [object.key, object.spans]));
  const report: Report = (origin, path, message) => {
    const key = originKey(origin);
    file(later, key, diagnose(message, origin, path, spans.get(key)));
  };
  const drafts = reads.map((entry) => entry.draft);
  const entries = drafts.flatMap((draft) => (draft.kind === "service-entry" ? [draft.parts] : []));
  const parts: MeshParts = {
    ...NO_PARTS,
    services: withAddresses(entries),
    workloads: drafts.flatMap((draft) => (draft.kind === "workload" ? [draft.workload] : [])),
    endpointLists: entries.flatMap((entry) => entry.endpointLists),
    routes: linkRoutes(
      drafts.flatMap((draft) => (draft.kind === "virtual-service" ? [draft.draft] : [])),
      report,
    ),
    clientPolicies: linkClientPolicies(
      drafts.flatMap((draft) => (draft.kind === "destination-rule" ? [draft.draft] : [])),
      report,
    ),
    gateways: drafts.flatMap((draft) => (draft.kind === "gateway" ? [draft.gateway] : [])),
    serverPolicies: drafts.flatMap((draft) => (draft.kind === "peer-authentication" ? [draft.policy] : [])),
    authorizationPolicies: drafts.flatMap((draft) => (draft.kind === "authorization-policy" ? [draft.policy] : [])),
    requestAuthentications: drafts.flatMap((draft) => (draft.kind === "request-authentication" ? [draft.policy] : [])),
    proxyScopes: drafts.flatMap((draft) => (draft.kind === "sidecar" ? [draft.scope] : [])),
    telemetries: drafts.flatMap((draft) => (draft.kind === "telemetry" ? [draft.telemetry] : [])),
    proxyStarts: drafts.flatMap((draft) => (draft.kind === "proxy-start" ? [draft.rule] : [])),
    envoyPatches: drafts.flatMap((draft) => (draft.kind === "envoy-patches" ? [draft.patches] : [])),
    wasmPlugins: drafts.flatMap((draft) => (draft.kind === "wasm-plugin" ? [draft.plugin] : [])),
  };
  const results = reads.map(({ object, accepted, diagnostics }) => ({
    object,
    accepted,
    diagnostics: [...diagnostics, ...(later.get(object.key) ?? [])],
  }));
  return { parts, results };
}
