// Everything that proxies of one view share: the services they may call, as clusters, endpoints, routes and captured listeners.

import { sameItems } from "../model/equality.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Member } from "./member.ts";
import { clustersOfAll, type OutboundContext } from "./outbound-clusters.ts";
import { headlessHosts, withHeadless } from "./outbound-headless.ts";
import { allHosts, membersOf } from "./outbound-members.ts";
import { namesOfAll } from "./outbound-names.ts";
import { compileSets, type Outbound } from "./outbound-resources.ts";
import { hostRoutes, type RoutesOfHosts } from "./outbound-routes.ts";
import { type OutboundRouting, outboundListening } from "./outbound-routing.ts";
import type { OutboundSets } from "./outbound-sets.ts";
import type { View } from "./visibility.ts";

/** What a view has over what everybody sees, and whose endpoints play a part in it. */
export interface OwnOutbound {
  readonly sets: OutboundSets;
  readonly hosts: ReadonlySet<string>;
}

/** What everybody sees. */
export function compileCommon(context: OutboundContext, view: View): Outbound {
  const { cache, mesh } = context;
  return compileHosts(context, view, allHosts(mesh, cache), undefined);
}

/** What is different to clients of the view. */
export function compileOutbound(context: OutboundContext, view: View, common: Outbound): OwnOutbound {
  const { cache } = context;
  const hosts = cache.references.list(`differing/${view.key}`, [cache.perspectives], () =>
    cache.perspectives.differing(view),
  );
  const { sets } = compileHosts(context, view, hosts, common);
  return { sets: withHeadless(context, view, sets), hosts: new Set([...hosts, ...headlessHosts(context, view)]) };
}

/** `hosts`: as written in the mesh, sorted; those of them that mean nothing to the view are hidden from it. */
export function compileHosts(
  context: OutboundContext,
  view: View,
  hosts: readonly string[],
  common: Outbound | undefined,
  called: Mesh = context.mesh,
): Outbound {
  const { cache } = context;
  const found = membersOf(called, cache, view, hosts);
  const { members, registered } = found;
  const clusters = clustersOfAll(context, view, found);
  const routing = routingOf(context, view, hosts, members, common?.routing);
  const own = { clusters, routing, named: namesOfAll(context, view, registered) };
  return { ...own, sets: compileSets(context, view, hosts, own, common) };
}

/** Requests and byte streams apart: most routes that people change are of requests, and of one host. */
function routingOf(
  { mesh, cache }: OutboundContext,
  view: View,
  hosts: readonly string[],
  members: readonly Member[],
  common: OutboundRouting | undefined,
): OutboundRouting {
  const { references, routing: memo, routingLasting, routingVersion } = cache;
  // What a scope leaves of services may depend on routes.
  const lasting = view.scope ? routingVersion : routingLasting;
  const streams = references.list(`streams/${view.scope ? view.key : ""}`, [mesh.routes], () =>
    mesh.routes.filter(({ kind }) => kind !== "http"),
  );
  const inputs = [lasting, streams, mesh.services, hosts, members];
  const listening = references.get(`listening/${view.key}`, [...inputs, common?.listening], () =>
    outboundListening(mesh, memo, view, hosts, members, common?.listening),
  );
  const key = `routes/${view.key}`;
  const before = references.last<KeptRoutes>(key);
  const kept = before && sameItems(before.inputs, inputs) ? before : undefined;
  const found = kept?.written === mesh.routes ? kept : hostRoutes(mesh, memo, view, members, kept);
  references.set(key, { inputs, ...found } satisfies KeptRoutes);
  const { routes } = found;
  return references.get(`routing/${view.key}`, [routes, listening], () => ({ routes, listening }));
}

interface KeptRoutes extends RoutesOfHosts {
  readonly inputs: readonly unknown[];
}
