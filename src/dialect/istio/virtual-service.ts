// VirtualService → a draft of its routes: what it says by itself. routes.ts joins it with those that it delegates to.

import type { Authored } from "../../model/origin.ts";
import type { Visibility } from "../../model/visibility.ts";
import { Wildcards } from "../../model/wildcards.ts";
import { decodeObject } from "../decode.ts";
import { visibilityOf } from "../export-to.ts";
import { joinPath } from "../path.ts";
import { checkClaimRoutes } from "./claim-route.ts";
import * as diagnostics from "./diagnostics.ts";
import { checkExportTo } from "./export-to.ts";
import { type HttpDraft, readHttpRoute } from "./http-route.ts";
import { readTcpRoute, readTlsRoute, servedHosts, type TcpDraft, type TlsDraft } from "./l4-route.ts";
import { isGatewayName, MESH_GATEWAY, resolveHost } from "./names.ts";
import { type Place, placesOf } from "./places.ts";
import { multipliesTo } from "./products.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import { VIRTUAL_SERVICE, type VirtualServiceSpec } from "./virtual-service-schema.ts";

/** Without hosts it is a delegate. */
export interface VirtualServiceDraft extends Authored {
  readonly namespace: string;
  readonly hosts: readonly string[];
  readonly visibility: Visibility;
  /** Of a delegate: none, it holds where its root does. */
  readonly places: readonly Place[];
  readonly http: readonly HttpDraft[];
  readonly tls: readonly TlsDraft[];
  readonly tcp: readonly TcpDraft[];
}

export function readVirtualService(reading: Reading): VirtualServiceDraft | undefined {
  const { object, origin, namespace, settings, reporter } = reading;
  const spec = decodeObject(VIRTUAL_SERVICE, object, reporter)?.spec;
  if (!spec) return undefined;
  if (isTooMuch(spec, reading)) return undefined;
  const hosts = readHosts(spec, reading);
  const isDelegate = hosts.length === 0;
  if (isDelegate) checkDelegate(spec, reading);
  checkExportTo(spec.exportTo, reading);
  checkGateways(spec, reading);
  checkClaimRoutes(spec, reporter);
  if (!spec.http?.length && !spec.tls?.length && !spec.tcp?.length)
    reporter.report(
      "spec",
      refusals.saysNothing(
        isDelegate ? "a delegate without http" : "a VirtualService without routes",
        "http, tls or tcp",
      ),
    );
  const http = (spec.http ?? []).flatMap(
    (route, i) => readHttpRoute(route, joinPath("spec.http", i), isDelegate, reading) ?? [],
  );
  const served = spec.tls?.length ? servedHosts([...(spec.hosts ?? []), ...hosts]) : servedHosts([]);
  const tls = (spec.tls ?? []).map((route, i) => readTlsRoute(route, i, served, reading));
  const tcp = (spec.tcp ?? []).map((route, i) => readTcpRoute(route, i, reading));
  return {
    origin,
    createdAt: object.createdAt,
    namespace,
    hosts,
    visibility: visibilityOf(spec.exportTo, namespace, settings.defaults.visibility.routes),
    places: isDelegate ? [] : (placesOf(spec.gateways, namespace) ?? [MESH_GATEWAY]),
    http,
    tls,
    tcp,
  };
}

/** Each host has its rules at each gateway, and is known in each namespace. */
function isTooMuch(spec: VirtualServiceSpec, { reporter }: Reading): boolean {
  const { hosts = [], gateways = [], exportTo = [], http = [], tls = [], tcp = [] } = spec;
  let matches = 0;
  for (const { match = [] } of [...http, ...tls, ...tcp])
    matches += Math.max(1, match.length) + match.reduce((all, each) => all + (each.gateways?.length ?? 0), 0);
  return (
    multipliesTo({ hosts: hosts.length, gateways: gateways.length, matches }, reporter) ||
    multipliesTo({ hosts: hosts.length, "namespaces in exportTo": exportTo.length }, reporter)
  );
}

function readHosts(spec: VirtualServiceSpec, { namespace, settings, reporter }: Reading): readonly string[] {
  const { hosts = [], gateways = [MESH_GATEWAY] } = spec;
  const inMesh = gateways.includes(MESH_GATEWAY);
  const resolved = hosts.map((host) => resolveHost(host, namespace, settings.clusterDomain));
  const seen = new Set<string>();
  const wildcards = new Wildcards(resolved);
  for (const [i, host] of resolved.entries()) {
    const path = `spec.hosts[${i}]`;
    if (host === "*" && inMesh) reporter.report(path, diagnostics.wildcardForMesh());
    if (seen.has(host)) reporter.report(path, diagnostics.duplicateHost(host));
    seen.add(host);
    // What is for gateways alone has been told.
    const wider = [...wildcards.covering(host)].filter((j) => resolved[j] !== host && !(resolved[j] === "*" && inMesh));
    if (wider.length > 0) reporter.report(path, refusals.hostsOverlap(hosts[i]!, hosts[Math.min(...wider)]!));
  }
  return resolved;
}

function checkGateways(
  { gateways = [], http = [], tls = [], tcp = [] }: VirtualServiceSpec,
  { reporter }: Reading,
): void {
  const check = (names: readonly string[], path: string) => {
    for (const [i, name] of names.entries())
      if (!isGatewayName(name)) reporter.report(`${path}[${i}]`, refusals.gatewayName(name));
  };
  check(gateways, "spec.gateways");
  for (const [kind, routes] of Object.entries({ http, tls, tcp }))
    for (const [i, { match = [] }] of routes.entries())
      for (const [j, block] of match.entries()) check(block.gateways ?? [], `spec.${kind}[${i}].match[${j}].gateways`);
}

function checkDelegate(spec: VirtualServiceSpec, { reporter }: Reading): void {
  for (const field of ["gateways", "tls", "tcp"] as const) {
    if ((spec[field]?.length ?? 0) > 0) reporter.report(`spec.${field}`, diagnostics.delegateField(field));
  }
}
