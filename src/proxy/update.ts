// One delta response, made tables and put in force, in steps. A resource that is refused leaves what was there.

import type { Steps } from "../base/steps.ts";
import type { ReceivedRoutes } from "../table/accept/received-routes.ts";
import {
  type Accepted,
  checkCluster,
  checkEndpoints,
  checkListener,
  checkRoutes,
  checkSecret,
  checkVirtualHost,
} from "../table/accept/resource.ts";
import { Scope } from "../table/accept/scope.ts";
import type { SecretContent } from "../table/accept/secret.ts";
import { NO_SHELL, virtualHostCompiler } from "../table/accept/virtual-host.ts";
import { DeferredVirtualHost, isInUse, type VirtualHostEntry } from "../table/deferred-virtual-host.ts";
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
import { ownBytes } from "./held-resources.ts";
import { missingCluster, missingClusterOfListener } from "./missing-cluster.ts";
import type { RouteChecker } from "./route-checker.ts";

/** Why resources were not taken. */
type Refusals = Steps<readonly Rejection[]>;

const NO_BYTES = new Uint8Array();

function refusal(name: string, reason: string): Rejection {
  return { name, path: "", reason };
}

/** Reads, checks and applies a resource a step; collects why some were not taken. `apply` may still refuse. */
function* each<Kind extends ResourceKind, T>(
  kind: Kind,
  { resources }: Update,
  check: (message: ResourceMessage<Kind>, name: string) => Accepted<T>,
  apply: (table: T, name: string, bytes: Uint8Array) => string | undefined,
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
      const reason = apply(result.table, name, resource.resource?.value ?? NO_BYTES);
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
function* applyRoutes(update: Update, { clusterManager, routeManager, routeChecker }: Configuration): Refusals {
  yield* removing(update, (name) => routeManager.removeRoutes(name));
  const refusals: Rejection[] = [];
  for (const resource of update.resources) {
    const { name } = resource;
    const result = yield* acceptRoutes(resource, routeManager.received(name), routeChecker);
    if (typeof result === "string") refusals.push(refusal(name, result));
    else if (result.kind === "rejected")
      for (const rejection of result.rejections) refusals.push({ name, ...rejection });
    else {
      const { routes } = result.table;
      const reason = routes.validateClusters ? missingCluster(routes, clusterManager) : undefined;
      if (reason === undefined) yield* routeManager.setRoutes(result.table, result.table);
      else refusals.push(refusal(name, reason));
    }
    yield;
  }
  return refusals;
}

function* acceptRoutes(
  resource: ReceivedResource,
  before: ReceivedRoutes | undefined,
  checker: RouteChecker | undefined,
): Steps<Accepted<ReceivedRoutes> | string> {
  const parts = yield* readRouteConfiguration(resource);
  if (typeof parts === "string") return parts;
  const bytes = resource.resource?.value ?? NO_BYTES;
  return yield* checkRoutes(parts, before, checker && (() => checker.check(resource.name, bytes)));
}

/** Each with bytes of its own: views would keep the whole response for as long as one virtual host of it is in force. */
function* withOwnBytes(update: Update): Steps<Update> {
  const resources: ReceivedResource[] = [];
  for (const { name, version, resource } of update.resources) {
    resources.push({ name, version, resource: resource && { ...resource, value: ownBytes(resource.value) } });
    yield;
  }
  return { ...update, resources };
}

function* applyVirtualHosts(update: Update, { routeManager }: Configuration): Refusals {
  const touched = new Set<string>();
  // The removal of `<route configuration>/` says that it has no virtual hosts: there are none to wait for.
  const set = (resource: string, host: VirtualHostEntry | undefined) => {
    const route = parseVirtualHostName(resource)?.route;
    if (route === undefined) return `name is not "<route configuration>/<virtual host>"`;
    routeManager.setVirtualHost(route, resource, host);
    touched.add(route);
    return undefined;
  };
  yield* removing(update, (name) => set(name, undefined));
  const shellOf = (name: string) => routeManager.routeShell(parseVirtualHostName(name)?.route ?? "") ?? NO_SHELL;
  const refusals = yield* each(
    "vhds",
    update,
    (message, name) => checkVirtualHost(message, shellOf(name), name),
    (table, name, bytes) => {
      const compile = virtualHostCompiler(Scope.root(name), shellOf(name));
      const isUsed = isInUse(routeManager.virtualHost(parseVirtualHostName(name)?.route ?? "", name));
      return set(name, new DeferredVirtualHost(table, bytes, compile, isUsed ? compile(bytes) : undefined));
    },
  );
  for (const route of touched) yield* routeManager.publishVirtualHosts(route);
  return refusals;
}

/** In steps, each of them a resource or less. @returns why what of it was refused. */
export function* applyUpdate(received: Update, configuration: Configuration): Refusals {
  const update = received.kind === "vhds" ? yield* withOwnBytes(received) : received;
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
