// Headless services of a view, as sets that lie over everything else.

import { serviceFor } from "../model/lookup.ts";
import { type HeadlessResources, headlessResources, isHeadless } from "./headless.ts";
import { clusterContext, type OutboundContext } from "./outbound-clusters.ts";
import type { OutboundSets } from "./outbound-sets.ts";
import type { Compiled } from "./provenance.ts";
import type { View } from "./visibility.ts";

const NOT_CAPTURED: HeadlessResources = { clusters: [], endpoints: [], listeners: [], routes: [] };

/** Headless services are dialled by their endpoints' addresses, which change with the endpoints: they lie over everything else. */
export function withHeadless(context: OutboundContext, view: View, sets: OutboundSets): OutboundSets {
  const { cache } = context;
  const headless = view.captures ? headlessOf(context, view) : NOT_CAPTURED;
  const share = (kind: string, members: readonly Compiled[]) =>
    cache.sets.share(`${view.key}/headless/${kind}`, members);
  return {
    ...sets,
    cds: [share("cds", headless.clusters), ...(sets.cds ?? [])],
    eds: [share("eds", headless.endpoints), ...(sets.eds ?? [])],
    lds: [share("lds", headless.listeners), ...(sets.lds ?? [])],
    rds: [share("rds", headless.routes), ...(sets.rds ?? [])],
  };
}

export function headlessHosts({ mesh, cache }: OutboundContext, view: View): readonly string[] {
  return cache.references.get(`headless/${view.scope ? view.key : ""}`, [mesh.services], () => [
    ...new Set(mesh.services.filter(isHeadless).map(({ host }) => host)),
  ]);
}

function headlessOf(context: OutboundContext, view: View): HeadlessResources {
  const { mesh } = context;
  const services = headlessHosts(context, view).flatMap((host) => serviceFor(mesh, host, view.namespace) ?? []);
  return headlessResources(clusterContext(context, view), view, services);
}
