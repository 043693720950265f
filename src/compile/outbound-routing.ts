// What does not look at endpoints: virtual hosts, route configurations and captured listeners of a view. What is the same to everybody is made
// once; a view has over it what is different to its clients.

import { sameContent } from "../model/equality.ts";
import { file } from "../model/label-index.ts";
import type { Mesh } from "../model/mesh.ts";
import { routeName } from "../xds/names.ts";
import {
  type HostListeners,
  hostListeners,
  NO_SHARES,
  type PortShare,
  type PortShares,
  replaceShares,
  sharedListener,
  sharedPort,
} from "./captured.ts";
import { FORWARD_PROXY } from "./listener-names.ts";
import type { Member } from "./member.ts";
import type { Memo } from "./memo.ts";
import { type HostRoutes, routesShell } from "./outbound-routes.ts";
import { outsideOf } from "./outside.ts";
import type { Compiled } from "./provenance.ts";
import type { View } from "./visibility.ts";

/** Resources by the host that brought them, and what hosts share. */
export interface OutboundRouting {
  readonly routes: ReadonlyMap<string, HostRoutes>;
  readonly listening: OutboundListening;
}

/** What does not look at requests. */
export interface OutboundListening {
  readonly listeners: ReadonlyMap<string, HostListeners>;
  readonly ports: ReadonlyMap<number, SharedPortResources>;
  /** The forward proxy's route configuration. */
  readonly shell: Compiled | undefined;
}

interface SharedPortResources {
  readonly shares: PortShares;
  readonly listener: Compiled | undefined;
  /** Undefined: no requests on the port. */
  readonly shell: Compiled | undefined;
}

/** `hosts` are those of `members`, and those that mean something to everybody and nothing to the view. */
export function outboundListening(
  mesh: Mesh,
  memo: Memo,
  view: View,
  hosts: readonly string[],
  members: readonly Member[],
  common: OutboundListening | undefined,
): OutboundListening {
  const listeners = view.captures ? hostListeners(mesh, memo, view, members) : new Map<string, HostListeners>();
  const removed = hosts.flatMap((host) => common?.listeners.get(host)?.shares ?? []);
  const added = [...listeners.values()].flatMap(({ shares }) => shares);
  const ports = new Map<number, SharedPortResources>();
  for (const [port, changed] of byPort(removed, added)) {
    const shares = replaceShares(common?.ports.get(port)?.shares ?? NO_SHARES, changed.removed, changed.added);
    ports.set(port, sharedResources(mesh, memo, view, port, shares, common));
  }
  return {
    listeners,
    ports,
    shell: view.hasForwardProxy ? routesShell(memo, FORWARD_PROXY, "proxy", outsideOf(mesh.settings)) : undefined,
  };
}

interface ChangedShares {
  readonly removed: readonly PortShare[];
  readonly added: readonly PortShare[];
}

function byPort(removed: readonly PortShare[], added: readonly PortShare[]): ReadonlyMap<number, ChangedShares> {
  const gone = new Map<number, PortShare[]>();
  const come = new Map<number, PortShare[]>();
  for (const share of removed) file(gone, share.port, share);
  for (const share of added) file(come, share.port, share);
  const ports = new Set([...gone.keys(), ...come.keys()]);
  return new Map([...ports].map((port) => [port, { removed: gone.get(port) ?? [], added: come.get(port) ?? [] }]));
}

function sharedResources(
  mesh: Mesh,
  memo: Memo,
  view: View,
  port: number,
  shares: PortShares,
  common: OutboundListening | undefined,
): SharedPortResources {
  const plan = sharedPort(port, shares);
  const known = common?.ports.get(port);
  const shell = shares.requests > 0 ? routesShell(memo, routeName(port), "port", outsideOf(mesh.settings)) : undefined;
  if (known && sameContent(sharedPort(port, known.shares), plan)) return { shares, shell, listener: known.listener };
  return { shares, shell, listener: plan && sharedListener(mesh, memo, view, plan) };
}
