// What one proxy may see of the mesh. Everything that its configuration depends on besides the mesh stands in its view, so that proxies
// with equal views share every outbound resource.

import type { Client } from "../model/lookup.ts";
import type { ClientSelector } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import { originKey } from "../model/origin.ts";
import type { ProxyScope } from "../model/proxy-scope.ts";
import type { Route } from "../model/route.ts";
import type { OwnHttp, Workload, WorkloadProxy } from "../model/workload.ts";
import { selects } from "./http-rules.ts";
import type { CredentialHolder } from "./origination.ts";
import { EVERYBODY } from "./perspective.ts";
import { type Place, placeKey } from "./place.ts";
import { clientTelemetryKey, type ProxyTelemetry } from "./telemetry.ts";

export interface View extends Client, Means {
  /** Equal keys: equal outbound configuration. */
  readonly key: string;
  /** That leaves less of the mesh, or sends elsewhere what is not of it; undefined: all that is exported to the client. */
  readonly scope: ProxyScope | undefined;
  /** Undefined: nowhere in particular, or nobody asks. */
  readonly place?: Place | undefined;
  /** Undefined: no policy has it originate TLS by a Secret. */
  readonly holder?: CredentialHolder | undefined;
}

interface Means {
  readonly proxyKind: WorkloadProxy["kind"];
  readonly captures: boolean;
  /** What leads to endpoints on the machine's loopback interface, for a proxy that has one of its own. */
  readonly machineAddress: string | undefined;
  readonly hasForwardProxy: boolean;
  /** What is told of requests that leave. */
  readonly telemetry: ProxyTelemetry | undefined;
  readonly http: OwnHttp | undefined;
}

export function choosesClients({ rules }: Route): boolean {
  return rules.some(({ matches }) => matches.some(({ client }) => client));
}

/** The selectors of a mesh that look at clients' labels. Rules and policies for everybody need none. */
export function clientSelectors(mesh: Mesh): readonly ClientSelector[] {
  const distinct = new Map<string, ClientSelector>();
  const add = (selector: ClientSelector | undefined) => {
    if (!selector) return;
    const labels = Object.entries(selector.labels).sort(([a], [b]) => (a < b ? -1 : 1));
    distinct.set(JSON.stringify([selector.namespace ?? "", labels]), selector);
  };
  for (const route of mesh.routes)
    for (const { matches } of route.rules) for (const match of matches) add(match.client);
  for (const policy of mesh.clientPolicies) add(policy.clients);
  return [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, selector]) => selector);
}

/** `selectors` are the mesh's; which of them select the workload, its telemetry and its scope, is all that its labels decide. */
export function viewOf(
  workload: Workload,
  proxy: WorkloadProxy,
  selectors: readonly ClientSelector[],
  telemetry?: ProxyTelemetry,
  scope?: ProxyScope,
): View {
  const { namespace, labels } = workload;
  // Not the labels themselves: a thousand workloads have a thousand sets of labels, and mostly nothing looks at them.
  const selected = selectors.flatMap((selector, i) => (selects(selector, workload) ? [i] : []));
  const means = {
    proxyKind: proxy.kind,
    captures: proxy.capture !== undefined,
    machineAddress: proxy.capture?.machineAddress,
    hasForwardProxy: proxy.forwardProxyPort !== undefined,
    telemetry,
    http: proxy.http,
  };
  const limits = scope?.egress || scope?.outbound ? scope : undefined;
  const parts = [namespace, selected.join("."), meansKey(means), ...(limits ? [originKey(limits.origin)] : [])];
  return { namespace, labels, ...means, scope: limits, key: parts.join("|") };
}

/** As some policies of the mesh ask where clients are, and name Secrets. */
export function viewFrom(view: View, place: Place | undefined, holder: CredentialHolder | undefined): View {
  if (!place && !holder) return view;
  const parts = [
    view.key,
    place ? placeKey(place) : "",
    holder ? `secrets${holder.gateway ? " of a gateway" : ""}` : "",
  ];
  return { ...view, place, holder, key: parts.join("|") };
}

/** The view of what is the same to everybody, by the same means. */
export function commonView({ proxyKind, captures, machineAddress, hasForwardProxy, telemetry, http }: View): View {
  const means = { proxyKind, captures, machineAddress, hasForwardProxy, telemetry, http };
  return { ...EVERYBODY, ...means, scope: undefined, key: meansKey(means) };
}

function meansKey({ proxyKind, captures, machineAddress, hasForwardProxy, telemetry, http }: Means): string {
  const ways = `${captures ? "capture" : ""}${hasForwardProxy ? "forward" : ""}`;
  const told = telemetry ? [clientTelemetryKey(telemetry)] : [];
  const own = http ? [JSON.stringify(http)] : [];
  return [proxyKind, ways, machineAddress ?? "", ...told, ...own].join("|");
}
