// The tables of one proxy, made from its snapshot as the proxy makes them, each when it is asked for.

import { Failure } from "../base/failure.ts";
import type { Source } from "../compile/provenance.ts";
import { sourcesOf as compiledSources, type ProxySnapshot } from "../compile/proxy-snapshot.ts";
import {
  type Accepted,
  checkCluster,
  checkEndpoints,
  checkListener,
  checkRouteConfiguration,
  checkVirtualHost,
  describeRejections,
} from "../table/accept/resource.ts";
import type { Cluster } from "../table/cluster.ts";
import { type EndpointSet, NO_ENDPOINTS } from "../table/endpoint.ts";
import type { RouteConfiguration } from "../table/http.ts";
import type { Listener } from "../table/listener.ts";
import { VirtualHosts } from "../table/virtual-hosts.ts";
import { decodeResource } from "../xds/resource.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import type { ResourceKind, ResourceMessage } from "../xds/type-urls.ts";
import { virtualHostsOf } from "../xds/virtual-host-lookup.ts";
import { withoutEnvoysOwn } from "./envoy-listener.ts";

export class ProxyTables {
  readonly #snapshot: ProxySnapshot;
  /** With what Heddle's tables cannot judge. */
  readonly #patched: ProxySnapshot | undefined;
  readonly #isEnvoy: boolean;
  /** Tables that were asked for, by kind and name. */
  readonly #made = new Map<string, unknown>();

  constructor(snapshot: ProxySnapshot, proxy: "heddle" | "envoy") {
    this.#snapshot = snapshot.unpatched ?? snapshot;
    this.#patched = snapshot.unpatched && snapshot;
    this.#isEnvoy = proxy === "envoy";
  }

  #message<Kind extends ResourceKind>(kind: Kind, name: string): ResourceMessage<Kind> | undefined {
    const resource = resourcesOf(this.#snapshot, kind).get(name);
    return resource && decodeResource(kind, resource.bytes);
  }

  #once<T>(kind: ResourceKind, name: string, make: () => T): T {
    const key = `${kind} ${name}`;
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key) as T;
  }

  listenerNames(): readonly string[] {
    return [...resourcesOf(this.#snapshot, "lds").keys()];
  }

  listener(name: string): Listener | undefined {
    return this.#once("lds", name, () => this.#listener(name));
  }

  #listener(name: string): Listener | undefined {
    const message = this.#message("lds", name);
    if (!message) return undefined;
    const { value } = taken(name, checkListener(this.#isEnvoy ? withoutEnvoysOwn(message) : message));
    return value.protocol === "tcp" ? value : undefined;
  }

  /** With the virtual hosts that VHDS brings beside it. */
  routes(name: string): RouteConfiguration | undefined {
    return this.#once("rds", name, () => this.#routes(name));
  }

  #routes(name: string): RouteConfiguration | undefined {
    const message = this.#message("rds", name);
    if (!message) return undefined;
    const { routes, shell } = taken(name, checkRouteConfiguration(message));
    if (!routes.vhds) return routes;
    const beside = virtualHostsOf(resourcesOf(this.#snapshot, "vhds"), name).map((host) =>
      taken(host, checkVirtualHost(this.#message("vhds", host)!, shell)),
    );
    const all = [...routes.virtualHosts.all, ...beside];
    return { ...routes, virtualHosts: new VirtualHosts(all, shell.ignorePort) };
  }

  /** Whether the port in a Host header says nothing to a route configuration. */
  ignoresPort(routes: string): boolean {
    return this.#message("rds", routes)?.ignorePortInHostMatching ?? false;
  }

  cluster(name: string): Cluster | undefined {
    return this.#once("cds", name, () => {
      const message = this.#message("cds", name);
      return message && taken(name, checkCluster(message)).value;
    });
  }

  endpoints({ discovery }: Pick<Cluster, "discovery">): EndpointSet {
    if (discovery.kind === "static" || discovery.kind === "dns") return discovery.endpoints;
    if (discovery.kind !== "eds") return NO_ENDPOINTS;
    return this.#once("eds", discovery.serviceName, () => {
      const message = this.#message("eds", discovery.serviceName);
      return message ? taken(message.clusterName, checkEndpoints(message)) : NO_ENDPOINTS;
    });
  }

  /** The places of the patches that change a resource. */
  patchedBy(kind: ResourceKind, name: string): readonly Source[] {
    if (!this.#patched) return [];
    const own = this.sources(kind, name);
    return compiledSources(this.#patched, kind, name).slice(own.length);
  }

  isTakenAway(kind: ResourceKind, name: string): boolean {
    if (!this.#patched || !resourcesOf(this.#snapshot, kind).has(name)) return false;
    return !resourcesOf(this.#patched, kind).has(name);
  }

  sources(kind: ResourceKind, name: string): readonly Source[] {
    return compiledSources(this.#snapshot, kind, name);
  }
}

/** What the compiler makes the tables take: goldens hold it to that. */
function taken<T>(name: string, accepted: Accepted<T>): T {
  if (accepted.kind === "accepted") return accepted.table;
  throw new Failure(`the proxy refuses ${JSON.stringify(name)}: ${describeRejections(accepted.rejections)}`);
}
