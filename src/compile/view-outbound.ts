// What proxies of one view are told of the mesh's services, kept while nothing moved that concerns the view.

import type { Mesh } from "../model/mesh.ts";
import type { Moving } from "./cache.ts";
import { compileCommon, compileOutbound, type OwnOutbound } from "./outbound.ts";
import type { OutboundContext } from "./outbound-clusters.ts";
import type { Outbound } from "./outbound-resources.ts";
import type { OutboundListening } from "./outbound-routing.ts";
import { laidOver, type OutboundSets } from "./outbound-sets.ts";
import { compileScoped } from "./scoped.ts";
import { commonView, type View } from "./visibility.ts";

/** What the views of one compilation are compiled from, and share. */
export interface SharedOutbound extends OutboundContext {
  /** By the view of what is the same to everybody. */
  readonly common: Map<string, Outbound>;
}

/** What proxies of one view are told, as of the compilation that looked last. */
export interface ViewState {
  of: SharedOutbound | undefined;
  kept: KeptOutbound | undefined;
}

export function outboundOf(shared: SharedOutbound, view: View, state: ViewState): OutboundSets {
  const before = state.kept;
  if (before && state.of === shared) return before.sets;
  const { unrouted, moving } = shared.cache;
  const { routes } = shared.mesh;
  const common = view.scope ? undefined : commonOf(shared, commonView(view));
  const own = before && isKept(shared, before, common) ? before.own : ownOutboundOf(shared, view, common);
  const sets = laidOver(own.sets, common?.sets, before?.sets);
  const listening = common?.routing.listening;
  state.kept = { unrouted, routes, listening, moving, own, sets };
  state.of = shared;
  return sets;
}

/** What proxies of a view were told, and what it was made from. */
interface KeptOutbound {
  readonly unrouted: readonly unknown[];
  readonly routes: Mesh["routes"];
  /** Everybody's: ports are shared. */
  readonly listening: OutboundListening | undefined;
  readonly moving: Moving;
  readonly own: OwnOutbound;
  readonly sets: OutboundSets;
}

function ownOutboundOf(shared: SharedOutbound, view: View, common: Outbound | undefined): OwnOutbound {
  return common ? compileOutbound(shared, view, common) : compileScoped(shared, view);
}

/** A scope leaves what routes lead to. */
function isKept({ mesh, cache }: SharedOutbound, before: KeptOutbound, common: Outbound | undefined): boolean {
  if (before.unrouted !== cache.unrouted || before.listening !== common?.routing.listening) return false;
  if (concerns(cache.movedSince(before.moving), before.own)) return false;
  if (before.routes === mesh.routes) return true;
  const rerouted = common && cache.reroutedSince(before.routes);
  return rerouted !== undefined && !concerns(rerouted, before.own);
}

function concerns(moved: ReadonlySet<string>, { hosts }: OwnOutbound): boolean {
  for (const host of moved) if (hosts.has(host)) return true;
  return false;
}

function commonOf(shared: SharedOutbound, view: View): Outbound {
  const known = shared.common.get(view.key);
  if (known) return known;
  const made = compileCommon(shared, view);
  shared.common.set(view.key, made);
  return made;
}
