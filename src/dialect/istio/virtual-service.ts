// VirtualService → a draft of its routes: what it says by itself. routes.ts joins it with those that it delegates to.

import type { Authored } from "../../model/origin.ts";
import type { Visibility } from "../../model/visibility.ts";
import { decodeObject } from "../decode.ts";
import { visibilityOf } from "../export-to.ts";
import { joinPath } from "../path.ts";
import * as diagnostics from "./diagnostics.ts";
import { type HttpDraft, readHttpRoute } from "./http-route.ts";
import { readTcpRoute, readTlsRoute, type TcpDraft, type TlsDraft } from "./l4-route.ts";
import { MESH_GATEWAY, resolveHost } from "./names.ts";
import { type Place, placesOf } from "./places.ts";
import type { Reading } from "./reading.ts";
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
  const hosts = readHosts(spec, reading);
  const isDelegate = hosts.length === 0;
  if (isDelegate) checkDelegate(spec, reading);
  if (spec.exportTo?.includes("~") && spec.exportTo.length > 1)
    reporter.report("spec.exportTo", diagnostics.conflictingExport());
  const http = (spec.http ?? []).flatMap(
    (route, i) => readHttpRoute(route, joinPath("spec.http", i), isDelegate, reading) ?? [],
  );
  const tls = (spec.tls ?? []).map((route, i) => readTlsRoute(route, i, reading));
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

function readHosts(spec: VirtualServiceSpec, { namespace, settings, reporter }: Reading): readonly string[] {
  const { hosts = [], gateways = [MESH_GATEWAY] } = spec;
  const resolved = hosts.map((host) => resolveHost(host, namespace, settings.clusterDomain));
  for (const [i, host] of resolved.entries()) {
    const path = `spec.hosts[${i}]`;
    if (host === "*" && gateways.includes(MESH_GATEWAY)) reporter.report(path, diagnostics.wildcardForMesh());
    if (resolved.indexOf(host) < i) reporter.report(path, diagnostics.duplicateHost(host));
  }
  return resolved;
}

function checkDelegate(spec: VirtualServiceSpec, { reporter }: Reading): void {
  for (const field of ["gateways", "tls", "tcp"] as const) {
    if ((spec[field]?.length ?? 0) > 0) reporter.report(`spec.${field}`, diagnostics.delegateField(field));
  }
}
