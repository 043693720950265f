// Route configurations as they come: each virtual host is checked and its table let go of; one that has not changed is not read again.

import { fromBinary } from "@bufbuild/protobuf";
import type { Steps } from "../../base/steps.ts";
import { type VirtualHost, VirtualHostSchema } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { RouteConfigurationParts } from "../../xds/update.ts";
import { DeferredVirtualHost, type NamedHost } from "../deferred-virtual-host.ts";
import { type AcceptedRoutes, acceptHosts, acceptShell } from "./route-configuration.ts";
import type { Scope } from "./scope.ts";
import { acceptVirtualHost, scopeOfHost, virtualHostCompiler } from "./virtual-host.ts";

/** With what the next one of its name is compared. */
export interface ReceivedRoutes extends AcceptedRoutes {
  /** The message without its virtual hosts. */
  readonly shellBytes: Uint8Array;
  /** By the hash of their bytes; of two with one hash, the last. */
  readonly byHash: ReadonlyMap<number, DeferredVirtualHost>;
}

interface ComparedHost {
  readonly bytes: Uint8Array;
  readonly hash: number;
  /** The one from before that has the same bytes. */
  readonly known: DeferredVirtualHost | undefined;
}

export interface ComparedRoutes {
  readonly parts: RouteConfigurationParts;
  readonly before: ReceivedRoutes | undefined;
  /** `before`, where virtual hosts inherit the same from it. */
  readonly alike: ReceivedRoutes | undefined;
  readonly hosts: readonly ComparedHost[];
  /** Of the virtual hosts that are to be read. */
  readonly changedBytes: number;
}

/** Of 7 KB each: 0.1 ms. */
const COMPARED_A_STEP = 32;

/** In steps. `before`: what is in force. */
export function* compareRoutes(
  parts: RouteConfigurationParts,
  before: ReceivedRoutes | undefined,
): Steps<ComparedRoutes> {
  // What virtual hosts inherit is compiled into them.
  const alike = before && Buffer.compare(before.shellBytes, parts.shellBytes) === 0 ? before : undefined;
  const hosts: ComparedHost[] = [];
  let changedBytes = 0;
  for (const bytes of parts.virtualHosts) {
    const hash = Bun.hash.xxHash32(bytes);
    const candidate = alike?.byHash.get(hash);
    const known = candidate?.isMadeOf(bytes) ? candidate : undefined;
    if (!known) changedBytes += bytes.length;
    hosts.push({ bytes, hash, known });
    if (hosts.length % COMPARED_A_STEP === 0) yield;
  }
  return { parts, before, alike, hosts, changedBytes };
}

function decode(at: Scope, bytes: Uint8Array): VirtualHost | undefined {
  try {
    return fromBinary(VirtualHostSchema, bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    at.reject(`is not a valid ${VirtualHostSchema.typeName}: ${reason}`);
    return undefined;
  }
}

function isInUse(routes: ReceivedRoutes | undefined, { domains }: NamedHost): boolean {
  return domains.some((domain) => routes?.routes.virtualHosts.isInUse(domain) === true);
}

/** In steps. `checked`: the names of the virtual hosts, where it is known that nothing in them is wrong. */
export function* acceptReceivedRoutes(
  scope: Scope,
  { parts, before, alike, hosts }: ComparedRoutes,
  checked: readonly NamedHost[] | undefined,
): Steps<ReceivedRoutes> {
  const { config, shellBytes } = parts;
  const shell = alike?.shell ?? acceptShell(scope, config);
  const byHash = new Map<number, DeferredVirtualHost>();
  const accept = (at: Scope, i: number, bytes: Uint8Array): DeferredVirtualHost | undefined => {
    const message = checked ? undefined : decode(at.index(i), bytes);
    const names = checked ? checked[i] : message;
    if (!names) return undefined;
    const place = scopeOfHost(at, i, names.name);
    const compile = virtualHostCompiler(place, shell);
    const table = message && acceptVirtualHost(place, message, shell);
    // Clusters are validated in the tables; and where requests are under way, the first of them should not wait.
    const isNeeded = config.validateClusters === true || isInUse(before, names);
    return new DeferredVirtualHost(names, bytes, compile, isNeeded ? (table ?? compile(bytes)) : undefined);
  };
  const routes = yield* acceptHosts(scope, config, shell, hosts.length, checked !== undefined, (at, i) => {
    const { bytes, hash, known } = hosts[i]!;
    const host = known ? known.movedTo(bytes) : accept(at, i, bytes);
    if (host) byHash.set(hash, host);
    return host;
  });
  return { routes, shell, shellBytes, byHash };
}
