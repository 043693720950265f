// One delta response, made tables and put in force, in steps. A resource that is refused leaves what was there.

import type { Steps } from "../base/steps.ts";
import {
  type Accepted,
  checkCluster,
  checkEndpoints,
  checkListener,
  checkRoutes,
  checkSecret,
  checkVirtualHost,
} from "../table/accept/resource.ts";
import type { AcceptedRoutes } from "../table/accept/route-configuration.ts";
import type { SecretContent } from "../table/accept/secret.ts";
import { NO_SHELL } from "../table/accept/virtual-host.ts";
import type { VirtualHost } from "../table/route.ts";
import { parseVirtualHostName } from "../xds/names.ts";
import type { ResourceKind, ResourceMessage } from "../xds/type-urls.ts";
import {
  type ReceivedResource,
  type Rejection,
  readResource,
  readRouteConfiguration,
  type Update,
} from "../xds/update.ts";
import type { Configuration } from "./configuration.ts";
import { missingCluster, missingClusterOfListener } from "./missing-cluster.ts";

/** Why resources were not taken. */
type Refusals = Steps<readonly Rejection[]>;

function refusal(name: string, reason: string): Rejection {
  return { name, path: "", reason };
}

/** Reads, checks and applies a resource a step; collects why some were not taken. `apply` may still refuse. */
function* each<Kind extends ResourceKind, T>(
  kind: Kind,
  { resources }: Update,
  check: (message: ResourceMessage<Kind>, name: string) => Accepted<T>,
  apply: (table: T, name: string) => string | undefined,
): Refusals {
  const refusals: Rejection[] = [];
  for (const resource of resources) {
    const { name } = resource;
    const message = readResource(kind, resource);
    const result = typeof message === "string" ? message : check(message, name);
    if (typeof result === "string") refusals.push(refusal(name, result));
    else if (result.kind === "rejected")
      for (const rejection of result.rejections) refusals.push({ name, ...rejection });
    else {
      const reason = apply(result.table, name);
      if (reason !== undefined) refusals.push(refusal(name, reason));
    }
    yield;
  }
  return refusals;
}

function* removing({ removed }: Update, remove: (name: string) => void): Steps<void> {
  for (const name of removed) {
    remove(name);
    yield;
  }
}

/** Those that stand in the resource itself. @returns why it is refused, when OpenSSL does not take one. */
function setSecrets(secrets: ReadonlyMap<string, SecretContent>, configuration: Configuration): string | undefined {
  for (const [name, content] of secrets) {
    const reason = configuration.setSecret(name, content);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function* applyClusters(update: Update, configuration: Configuration): Refusals {
  const { clusterManager } = configuration;
  yield* removing(update, (name) => clusterManager.removeCluster(name));
  return yield* each("cds", update, checkCluster, ({ value, secrets }) => {
    const reason = setSecrets(secrets, configuration);
    return reason ?? clusterManager.setCluster(value);
  });
}

function* applyEndpoints(update: Update, { clusterManager }: Configuration): Refusals {
  yield* removing(update, (name) => clusterManager.removeEndpoints(name));
  return yield* each("eds", update, checkEndpoints, (set, name) => {
    clusterManager.setEndpoints(name, set);
    return undefined;
  });
}

function* applyListeners(update: Update, configuration: Configuration): Refusals {
  const { clusterManager, listenerManager } = configuration;
  yield* removing(update, (name) => listenerManager.removeListener(name));
  return yield* each("lds", update, checkListener, ({ value, secrets }) => {
    const reason =
      (value.protocol === "tcp" ? missingClusterOfListener(value, clusterManager) : undefined) ??
      listenerManager.refusalOf(value) ??
      setSecrets(secrets, configuration);
    return reason ?? listenerManager.setListener(value);
  });
}

/** One of 36 MB is one resource: its virtual hosts are the steps, and it is in force when the last of them is done. */
function* applyRoutes(update: Update, { clusterManager, routeManager }: Configuration): Refusals {
  yield* removing(update, (name) => routeManager.removeRoutes(name));
  const refusals: Rejection[] = [];
  for (const resource of update.resources) {
    const { name } = resource;
    const result = yield* acceptRoutes(resource);
    if (typeof result === "string") refusals.push(refusal(name, result));
    else if (result.kind === "rejected")
      for (const rejection of result.rejections) refusals.push({ name, ...rejection });
    else {
      const { routes, shell } = result.table;
      const reason = routes.validateClusters ? missingCluster(routes, clusterManager) : undefined;
      if (reason === undefined) yield* routeManager.setRoutes(routes, shell);
      else refusals.push(refusal(name, reason));
    }
    yield;
  }
  return refusals;
}

function* acceptRoutes(resource: ReceivedResource): Steps<Accepted<AcceptedRoutes> | string> {
  const parts = yield* readRouteConfiguration(resource);
  if (typeof parts === "string") return parts;
  const result = yield* checkRoutes(parts.config, parts.virtualHosts);
  return parts.virtualHosts.fault ?? result;
}

function* applyVirtualHosts(update: Update, { routeManager }: Configuration): Refusals {
  const touched = new Set<string>();
  // The removal of `<route configuration>/` says that it has no virtual hosts: there are none to wait for.
  const set = (resource: string, host: VirtualHost | undefined) => {
    const route = parseVirtualHostName(resource)?.route;
    if (route === undefined) return `name is not "<route configuration>/<virtual host>"`;
    routeManager.setVirtualHost(route, resource, host);
    touched.add(route);
    return undefined;
  };
  yield* removing(update, (name) => set(name, undefined));
  const refusals = yield* each(
    "vhds",
    update,
    (message, name) =>
      checkVirtualHost(message, routeManager.routeShell(parseVirtualHostName(name)?.route ?? "") ?? NO_SHELL, name),
    (host, name) => set(name, host),
  );
  for (const route of touched) yield* routeManager.publishVirtualHosts(route);
  return refusals;
}

/** In steps, each of them a resource or less. @returns why what of it was refused. */
export function* applyUpdate(update: Update, configuration: Configuration): Refusals {
  const refusals = yield* apply(update, configuration);
  const { clusterManager, listenerManager, held } = configuration;
  held.record(update, refusals, { cds: clusterManager.warming, lds: listenerManager.warmingNames });
  return refusals;
}

function* apply(update: Update, configuration: Configuration): Refusals {
  switch (update.kind) {
    case "cds":
      return yield* applyClusters(update, configuration);
    case "eds":
      return yield* applyEndpoints(update, configuration);
    case "lds":
      return yield* applyListeners(update, configuration);
    case "rds":
      return yield* applyRoutes(update, configuration);
    case "vhds":
      return yield* applyVirtualHosts(update, configuration);
    case "sds":
      // A removed secret stays until another replaces it: a certificate that expires is better than none at all.
      return yield* each(
        "sds",
        update,
        checkSecret,
        (content, name) => content && configuration.setSecret(name, content),
      );
    case "nds":
      return []; // the agent's
  }
}
