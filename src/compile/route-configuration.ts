// Route configurations: the shell that virtual hosts travel into one by one, and the small ones that hold a single service.

import { create } from "@bufbuild/protobuf";
import { ApiVersion } from "../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import type { VirtualHost } from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { type RouteConfiguration, RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import type { Outside } from "./outside.ts";
import { anyOtherHost } from "./virtual-host.ts";

/**
 * The services of it come by VHDS: one changed route must not resend those of a thousand others. The host for everything else is inside,
 * so that a mesh without services has one. `port` listeners know the port already, a `proxy` tells ports apart by the Host.
 */
export function sharedRoutes(name: string, kind: "port" | "proxy", outside: Outside): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [anyOtherHost(kind, outside)],
    vhds: { configSource: { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 } },
    // A route may name a cluster that does not exist: its share is answered 503 and the rest goes on.
    validateClusters: false,
    ignorePortInHostMatching: kind === "port",
  });
}

/** Of requests to ports of which no service is known. */
export function unknownRoutes(name: string, outside: Outside): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [anyOtherHost("port", outside)],
    validateClusters: false,
  });
}

/** Routes of one service. */
export function serviceRoutes(name: string, host: VirtualHost): RouteConfiguration {
  return create(RouteConfigurationSchema, { name, virtualHosts: [host], validateClusters: false });
}
