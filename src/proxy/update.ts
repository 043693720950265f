// One delta response, made tables and put in force. A resource that is refused leaves what was there.

import {
  type Accepted,
  checkCluster,
  checkEndpoints,
  checkListener,
  checkRouteConfiguration,
  checkSecret,
  checkVirtualHost,
} from "../table/accept/resource.ts";
import { NO_SHELL } from "../table/accept/virtual-host.ts";
import { parseVirtualHostName } from "../xds/names.ts";
import type { Rejection, Update } from "../xds/update.ts";
import type { Configuration } from "./configuration.ts";

type UpdateOf<Kind extends Update["kind"]> = Extract<Update, { readonly kind: Kind }>;

/** Gives each accepted table to `apply`; collects why others were not. `apply` may still refuse. */
function each<R extends { readonly name: string }, T>(
  resources: readonly R[],
  check: (resource: R) => Accepted<T>,
  apply: (table: T, name: string) => string | undefined,
): Rejection[] {
  return resources.flatMap((resource): Rejection[] => {
    const result = check(resource);
    if (result.kind === "rejected")
      return result.rejections.map((rejection) => ({ name: resource.name, ...rejection }));
    const refusal = apply(result.table, resource.name);
    return refusal === undefined ? [] : [{ name: resource.name, path: "", reason: refusal }];
  });
}

function applyClusters({ resources, removed }: UpdateOf<"cds">, configuration: Configuration): Rejection[] {
  for (const name of removed) configuration.removeCluster(name);
  return each(
    resources,
    ({ message }) => checkCluster(message),
    ({ value, secrets }) => {
      for (const [name, content] of secrets) configuration.setSecret(name, content);
      configuration.setCluster(value);
      return undefined;
    },
  );
}

function applyListeners({ resources, removed }: UpdateOf<"lds">, configuration: Configuration): Rejection[] {
  for (const name of removed) configuration.removeListener(name);
  return each(
    resources,
    ({ message }) => checkListener(message),
    ({ value, secrets }) => {
      for (const [name, content] of secrets) configuration.setSecret(name, content);
      configuration.setListener(value);
      return undefined;
    },
  );
}

function applyVirtualHosts({ resources, removed }: UpdateOf<"vhds">, configuration: Configuration): Rejection[] {
  const touched = new Set<string>();
  // The removal of `<route configuration>/` says that it has no virtual hosts: there are none to wait for.
  const set = (resource: string, host: Parameters<Configuration["setVirtualHost"]>[2]) => {
    const route = parseVirtualHostName(resource)?.route;
    if (route === undefined) return `name is not "<route configuration>/<virtual host>"`;
    configuration.setVirtualHost(route, resource, host);
    touched.add(route);
    return undefined;
  };
  for (const name of removed) set(name, undefined);
  const rejections = each(
    resources,
    ({ name, message }) =>
      checkVirtualHost(message, configuration.routeShell(parseVirtualHostName(name)?.route ?? "") ?? NO_SHELL),
    (host, name) => set(name, host),
  );
  for (const route of touched) configuration.publishVirtualHosts(route);
  return rejections;
}

/** @returns why what of it was refused. */
export function applyUpdate(update: Update, configuration: Configuration): readonly Rejection[] {
  switch (update.kind) {
    case "cds":
      return applyClusters(update, configuration);
    case "eds":
      for (const name of update.removed) configuration.removeEndpoints(name);
      return each(
        update.resources,
        ({ message }) => checkEndpoints(message),
        (set, name) => {
          configuration.setEndpoints(name, set);
          return undefined;
        },
      );
    case "lds":
      return applyListeners(update, configuration);
    case "rds":
      for (const name of update.removed) configuration.removeRoutes(name);
      return each(
        update.resources,
        ({ message }) => checkRouteConfiguration(message),
        ({ routes, shell }) => {
          configuration.setRoutes(routes, shell);
          return undefined;
        },
      );
    case "vhds":
      return applyVirtualHosts(update, configuration);
    case "sds":
      // A removed secret stays until another replaces it: a certificate that expires is better than none at all.
      return each(
        update.resources,
        ({ message }) => checkSecret(message),
        (content, name) => content && configuration.setSecret(name, content),
      );
    case "nds":
      return []; // the agent's
  }
}
