// The route configurations in force (Envoy: RouteConfigProviderManager): what RDS brought of each, with the virtual hosts that VHDS brought
// beside it.

import type { Steps } from "../base/steps.ts";
import type { ReceivedRoutes } from "../table/accept/received-routes.ts";
import type { AcceptedRoutes } from "../table/accept/route-configuration.ts";
import type { RouteConfigurationShell } from "../table/accept/virtual-host.ts";
import type { VirtualHostEntry } from "../table/deferred-virtual-host.ts";
import type { RouteConfiguration } from "../table/http.ts";
import { VirtualHosts } from "../table/virtual-hosts.ts";
import type { RouteHolder } from "./context.ts";

/** Routes of one name. */
interface Routes {
  readonly holder: RouteHolder;
  configuration: RouteConfiguration | undefined;
  shell: RouteConfigurationShell | undefined;
  /** With what the next one is compared, if it came by RDS. */
  received: ReceivedRoutes | undefined;
  readonly virtualHosts: Map<string, VirtualHostEntry>;
  /** The names that VHDS changed since the last publication, with what is in force of them. */
  readonly unpublished: Map<string, VirtualHostEntry | undefined>;
}

export class RouteManager {
  readonly #routes = new Map<string, Routes>();
  readonly #onPublished: () => void;

  /** `onPublished`: routes have come into force, be it in others' place. */
  constructor(onPublished: () => void) {
    this.#onPublished = onPublished;
  }

  #routesOf(name: string): Routes {
    let routes = this.#routes.get(name);
    if (!routes) {
      routes = {
        holder: { current: undefined },
        configuration: undefined,
        shell: undefined,
        received: undefined,
        virtualHosts: new Map(),
        unpublished: new Map(),
      };
      this.#routes.set(name, routes);
    }
    return routes;
  }

  /** For a listener to look into. */
  routes(name: string): RouteHolder {
    return this.#routesOf(name).holder;
  }

  isInForce(name: string): boolean {
    return this.#routes.get(name)?.holder.current !== undefined;
  }

  /** What VHDS's virtual hosts inherit from their route configuration; undefined before it came. */
  routeShell(name: string): RouteConfigurationShell | undefined {
    return this.#routes.get(name)?.shell;
  }

  received(name: string): ReceivedRoutes | undefined {
    return this.#routes.get(name)?.received;
  }

  /** What is, or will be, in force of a virtual host of VHDS. */
  virtualHost(route: string, name: string): VirtualHostEntry | undefined {
    return this.#routes.get(route)?.virtualHosts.get(name);
  }

  /** In force when the steps are done, and not before. */
  *setRoutes({ routes: configuration, shell }: AcceptedRoutes, received?: ReceivedRoutes): Steps<void> {
    const routes = this.#routesOf(configuration.name);
    routes.configuration = configuration;
    routes.shell = shell;
    routes.received = received;
    yield* this.#publish(routes, routes.virtualHosts.size > 0);
  }

  removeRoutes(name: string): void {
    const routes = this.#routes.get(name);
    if (!routes) return;
    routes.configuration = undefined;
    routes.received = undefined;
    routes.virtualHosts.clear();
    routes.unpublished.clear();
    routes.holder.current = undefined;
  }

  /** `undefined` removes it. Changes of one response are published together by `publishVirtualHosts`. */
  setVirtualHost(route: string, name: string, host: VirtualHostEntry | undefined): void {
    const { virtualHosts, unpublished } = this.#routesOf(route);
    if (!unpublished.has(name)) unpublished.set(name, virtualHosts.get(name));
    if (host) virtualHosts.set(name, host);
    else virtualHosts.delete(name);
  }

  *publishVirtualHosts(route: string): Steps<void> {
    const routes = this.#routesOf(route);
    const { current } = routes.holder;
    if (!current?.vhds || !routes.configuration?.vhds) {
      yield* this.#publish(routes, true);
      return;
    }
    const changed = new Map<VirtualHostEntry, VirtualHostEntry | undefined>();
    const added: VirtualHostEntry[] = [];
    for (const [name, inForce] of routes.unpublished) {
      const host = routes.virtualHosts.get(name);
      if (inForce) changed.set(inForce, host);
      else if (host) added.push(host);
    }
    routes.holder.current = { ...current, virtualHosts: current.virtualHosts.with(changed, added) };
    this.#published(routes);
  }

  /** `complete`: the server has answered for the virtual hosts, if only that there are none. */
  *#publish(routes: Routes, complete: boolean): Steps<void> {
    const { configuration, shell, virtualHosts, holder } = routes;
    if (!configuration || !shell) return;
    if (!configuration.vhds) holder.current = configuration;
    else if (complete || holder.current) {
      const all = [...configuration.virtualHosts.all, ...virtualHosts.values()];
      holder.current = { ...configuration, virtualHosts: yield* VirtualHosts.inSteps(all, shell.ignorePort) };
    }
    this.#published(routes);
  }

  #published(routes: Routes): void {
    routes.unpublished.clear();
    this.#onPublished();
  }

  /**
   * Forgets the routes that no listener asks for any more: the server sends them anew, virtual hosts included, when one asks again.
   * Listeners that drain keep the holder that they have.
   */
  keepRoutes(names: ReadonlySet<string>): void {
    for (const name of this.#routes.keys()) if (!names.has(name)) this.#routes.delete(name);
  }
}
