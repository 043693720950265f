// Patches of a listener and of everything in it: listener filters, chains, network filters, HTTP filters, and routes that are written out.

import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny, unpackAs } from "../../xds/any.ts";
import {
  type Filter,
  type FilterChain,
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import { type Listener, ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { inlineExtension } from "./extensions.ts";
import {
  ABSENT_FILTERS,
  chainFacts,
  type ListenerFacts,
  listenerFacts,
  type ProxyFacts,
  sameFilter,
} from "./istio-names.ts";
import { matchesChain, matchesListener } from "./match.ts";
import { type Changed, type ListRules, merge, type Patch, patchesOf, patchList } from "./patch.ts";
import { patchRoutes } from "./routes.ts";
import { insertExtensions, insertStreamExtensions, type PlacedExtension } from "./traffic-extensions.ts";

export interface ListenerChange {
  readonly patches: readonly Patch[];
  readonly extensions: readonly PlacedExtension[];
  readonly proxy: ProxyFacts;
}

const ROUTER = "envoy.filters.http.router";

const LISTENER_FILTERS: ListRules<{ readonly name: string }> = {
  matches: ({ name }, { listener }) =>
    listener?.listenerFilter === undefined || sameFilter(listener.listenerFilter, name),
  names: ({ listener }) => listener?.listenerFilter !== undefined,
};

const NETWORK_FILTERS: ListRules<{ readonly name: string }> = {
  matches: ({ name }, { listener }) => listener?.chain?.filter === undefined || sameFilter(listener.chain.filter, name),
  names: ({ listener }) => listener?.chain?.filter !== undefined,
};

const HTTP_FILTERS: ListRules<HttpFilter> = {
  matches: ({ name }, { listener }) =>
    listener?.chain?.subFilter === undefined || sameFilter(listener.chain.subFilter, name),
  names: ({ listener }) => listener?.chain?.subFilter !== undefined,
  anchor: (filters, { listener }) => {
    const place = ABSENT_FILTERS[listener?.chain?.subFilter ?? ""];
    if (place === "first") return 0;
    const router = filters.findIndex(({ name }) => name === ROUTER);
    return place === undefined || router < 0 ? undefined : router;
  },
};

/** Changes `listener`, which is a copy; undefined: it is taken away. */
export function patchListener(listener: Listener, change: ListenerChange, changed: Changed): Listener | undefined {
  const { name } = listener;
  const facts = listenerFacts(listener, change.proxy);
  const concerning = change.patches.filter((patch) => matchesListener(patch, facts));
  for (const patch of patchesOf(concerning, "listener")) {
    if (patch.operation === "remove") return undefined;
    if (merge(ListenerSchema, listener, patch)) changed.by(patch);
  }
  listener.name = name;
  for (const patch of patchesOf(concerning, "listener-filter")) {
    const filters = patchList(ListenerFilterSchema, listener.listenerFilters, patch, LISTENER_FILTERS);
    if (filters !== listener.listenerFilters) changed.by(patch);
    listener.listenerFilters = filters;
  }
  patchChains(listener, { ...change, patches: concerning }, facts, changed);
  return listener;
}

function patchChains(listener: Listener, change: ListenerChange, facts: ListenerFacts, changed: Changed): void {
  const ofChains = patchesOf(change.patches, "filter-chain");
  for (const patch of ofChains) {
    if (patch.operation === "add") {
      listener.filterChains = patchList(FilterChainSchema, listener.filterChains, patch, {
        matches: () => false,
        names: () => false,
      });
      changed.by(patch);
      continue;
    }
    const rest = patchList(FilterChainSchema, listener.filterChains, patch, {
      matches: (chain) => matchesChain(patch, facts, chain),
      names: () => true,
    });
    const otherwise = listener.defaultFilterChain;
    const meant = otherwise !== undefined && matchesChain(patch, facts, otherwise);
    if (rest !== listener.filterChains || meant) changed.by(patch);
    listener.filterChains = rest;
    if (otherwise && meant && patch.operation === "remove") listener.defaultFilterChain = undefined;
    else if (otherwise && meant) merge(FilterChainSchema, otherwise, patch);
  }
  const otherwise = listener.defaultFilterChain;
  for (const chain of otherwise ? [...listener.filterChains, otherwise] : listener.filterChains)
    patchChain(chain, change, facts, changed);
}

function patchChain(chain: FilterChain, change: ListenerChange, facts: ListenerFacts, changed: Changed): void {
  const { extensions, proxy } = change;
  const patches = change.patches.filter((patch) => matchesChain(patch, facts, chain));
  const at = { context: facts.context, port: facts.manyPorts ? chainFacts(chain).port : facts.port };
  const manager = chain.filters.find((filter) => managerOf(filter) !== undefined);
  if (manager) editManager(manager, (config) => insertExtensions(config, extensions, at, changed));
  insertStreamExtensions(chain, extensions, at, changed);
  for (const patch of patchesOf(patches, "network-filter")) {
    const filters = patchList(FilterSchema, chain.filters, patch, NETWORK_FILTERS);
    if (filters !== chain.filters) changed.by(patch);
    chain.filters = filters;
  }
  for (const filter of chain.filters)
    editManager(filter, (config) => {
      const http = patchHttpFilters(filter, config, patchesOf(patches, "http-filter"), changed);
      const discovered = inlineExtension(config, change.patches, changed);
      return patchInlineRoutes(config, change, proxy, changed) || http || discovered;
    });
}

function managerOf({ configType }: Filter): HttpConnectionManager | undefined {
  return configType.case === "typedConfig" ? unpackAs(HttpConnectionManagerSchema, configType.value) : undefined;
}

/** Packs the configuration again only where `edit` changed it. */
function editManager(filter: Filter, edit: (config: HttpConnectionManager) => boolean): void {
  const config = managerOf(filter);
  if (!config || !edit(config)) return;
  const value: Any = packAny(HttpConnectionManagerSchema, config);
  filter.configType = { case: "typedConfig", value };
}

function patchHttpFilters(
  filter: Filter,
  config: HttpConnectionManager,
  patches: readonly Patch[],
  changed: Changed,
): boolean {
  let edited = false;
  for (const patch of patches) {
    if (!NETWORK_FILTERS.matches(filter, patch)) continue;
    const filters = patchList(HttpFilterSchema, config.httpFilters, patch, HTTP_FILTERS);
    if (filters === config.httpFilters) continue;
    config.httpFilters = filters;
    changed.by(patch);
    edited = true;
  }
  return edited;
}

function patchInlineRoutes(
  { routeSpecifier }: HttpConnectionManager,
  { patches }: ListenerChange,
  proxy: ProxyFacts,
  changed: Changed,
): boolean {
  return routeSpecifier.case === "routeConfig" && patchRoutes(routeSpecifier.value, patches, proxy, changed);
}
