// Extensions among Envoy's filters: where they stand, by what they are for and when they run.

import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Origin } from "../../model/origin.ts";
import type { ExtendedTraffic, ExtensionPhase, TrafficExtension } from "../../model/traffic-extension.ts";
import { packAny } from "../../xds/any.ts";
import { type FilterChain, FilterSchema } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import { LuaSchema } from "../../xds/gen/envoy/extensions/filters/http/lua/v3/lua_pb.ts";
import {
  type HttpConnectionManager,
  HttpFilterSchema,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { JWT_FILTER } from "../authorization/condition.ts";
import { CORS_FILTER } from "../filter/cors.ts";
import { FAULT_FILTER } from "../filter/fault.ts";
import { type Source, wholeObject } from "../provenance.ts";
import type { Changed } from "./patch.ts";
import { wasmConfig } from "./wasm.ts";

/** An extension that some proxy is to run. */
export interface PlacedExtension {
  readonly extension: TrafficExtension;
  readonly source: Source;
  /** Undefined: without its module it is left out. */
  readonly config: Any | undefined;
}

type Layer = "http" | "network";

/** Which connections a chain takes. */
interface Place {
  readonly context: "inbound" | "outbound" | "gateway";
  readonly port: number | undefined;
}

/** Of what comes before authentication: who the caller says he is, and preflights. */
const BEFORE_AUTHENTICATION: ReadonlySet<string> = new Set(["heddle.peer_metadata", CORS_FILTER]);
/** Of what comes behind authorization. */
const BEHIND_AUTHORIZATION: ReadonlySet<string> = new Set([
  FAULT_FILTER,
  "envoy.filters.http.dynamic_forward_proxy",
  "envoy.filters.http.router",
]);

function filterName({ kind, namespace, name }: Origin): string {
  return `extensions.istio.io/${kind.toLowerCase()}/${namespace}.${name}`;
}

/** Highest priority first, as Istio; then the oldest. */
export function placeExtensions(extensions: readonly TrafficExtension[]): readonly PlacedExtension[] {
  return extensions
    .toSorted((a, b) => b.priority - a.priority)
    .map((extension) => ({ extension, source: wholeObject(extension.origin), config: filterConfig(extension) }));
}

function filterConfig({ filter, origin }: TrafficExtension): Any | undefined {
  if (filter.kind === "wasm") return wasmConfig(filterName(origin), filter);
  const lua = create(LuaSchema, { defaultSourceCode: { specifier: { case: "inlineString", value: filter.code } } });
  return packAny(LuaSchema, lua);
}

function layerOf({ filter }: TrafficExtension): Layer {
  return filter.kind === "wasm" ? filter.layer : "http";
}

function takes({ mode, ports }: ExtendedTraffic, { context, port }: Place): boolean {
  const side = context === "inbound" ? "server" : "client";
  return (mode === "both" || mode === side) && (ports.length === 0 || (port !== undefined && ports.includes(port)));
}

function standsAt({ traffic }: TrafficExtension, place: Place): boolean {
  return traffic.length === 0 || traffic.some((each) => takes(each, place));
}

/** Of one layer, those that are to be put in. */
function standing(
  extensions: readonly PlacedExtension[],
  layer: Layer,
  place: Place,
): readonly (PlacedExtension & { readonly config: Any })[] {
  return extensions.flatMap((each) =>
    each.config && layerOf(each.extension) === layer && standsAt(each.extension, place)
      ? [{ ...each, config: each.config }]
      : [],
  );
}

/** Whether any was put in. */
export function insertExtensions(
  manager: HttpConnectionManager,
  extensions: readonly PlacedExtension[],
  place: Place,
  changed: Changed,
): boolean {
  const all = standing(extensions, "http", place);
  if (all.length === 0) return false;
  const of = (...phases: readonly ExtensionPhase[]) =>
    phases.flatMap((phase) =>
      all
        .filter(({ extension }) => extension.phase === phase)
        .map(({ extension, config, source }) => {
          changed.by({ source });
          return create(HttpFilterSchema, {
            name: filterName(extension.origin),
            configType: { case: "typedConfig", value: config },
          });
        }),
    );
  const filters = manager.httpFilters;
  const begin = filters.findIndex(({ name }) => !BEFORE_AUTHENTICATION.has(name));
  const end = filters.findIndex(({ name }) => BEHIND_AUTHORIZATION.has(name));
  const guards = filters.slice(begin, end);
  const authenticated = guards.findLastIndex(({ name }) => name === JWT_FILTER) + 1;
  manager.httpFilters = [
    ...filters.slice(0, begin),
    ...of("authn"),
    ...guards.slice(0, authenticated),
    ...of("authz"),
    ...guards.slice(authenticated),
    ...of("stats", "end"),
    ...filters.slice(end),
  ];
  return true;
}

/** In front of what ends the chain, authentication first. */
export function insertStreamExtensions(
  chain: FilterChain,
  extensions: readonly PlacedExtension[],
  place: Place,
  changed: Changed,
): void {
  const all = standing(extensions, "network", place);
  if (all.length === 0) return;
  const of = (isFirst: boolean) =>
    all
      .filter(({ extension }) => (extension.phase === "authn") === isFirst)
      .map(({ extension, config, source }) => {
        changed.by({ source });
        return create(FilterSchema, {
          name: filterName(extension.origin),
          configType: { case: "typedConfig", value: config },
        });
      });
  const guards = chain.filters.slice(0, -1);
  chain.filters = [...of(true), ...guards, ...of(false), ...chain.filters.slice(-1)];
}
