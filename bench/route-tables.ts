// The routes of a large mesh: virtual hosts as the control plane sends them, each with as many routes, of which the last takes every path.

import { create, fromJson } from "@bufbuild/protobuf";
import { ConfigSourceSchema } from "../src/xds/gen/envoy/config/core/v3/config_source_pb.ts";
import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from "../src/xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { RouteConfigurationSchema } from "../src/xds/gen/envoy/config/route/v3/route_pb.ts";
import { virtualHostName } from "../src/xds/names.ts";
import { encodeResource, type Resource } from "../src/xds/resource.ts";
import { BACKEND_CLUSTER, ROUTES } from "./configuration/discovered.ts";

export interface Size {
  readonly hosts: number;
  readonly routes: number;
}

export const LARGE: Size = { hosts: 5_000, routes: 20 };

export function domainOf(host: number): string {
  return `service-${host}.default.svc.cluster.local`;
}

/** What Istio writes beside a route, in length too: 100,000 of them are 36 MB. */
function routeOf(host: number, index: number, last: boolean, answer?: string): Route {
  const forward = {
    cluster: BACKEND_CLUSTER,
    timeout: "0s",
    max_stream_duration: { max_stream_duration: "0s", grpc_timeout_header_max: "0s" },
    retry_policy: {
      retry_on: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
      num_retries: 2,
      host_selection_retry_max_attempts: 5,
    },
  };
  const action =
    answer === undefined ? { route: forward } : { direct_response: { status: 200, body: { inline_string: answer } } };
  return fromJson(RouteSchema, {
    name: `route-${index}`,
    match: { prefix: last ? "/" : `/api/v1/service-${host}/resource-${index}` },
    metadata: {
      filter_metadata: {
        istio: { config: `/apis/networking.istio.io/v1/namespaces/default/virtual-service/service-${host}` },
      },
    },
    decorator: { operation: `service-${host}.default.svc.cluster.local:80/*` },
    ...action,
  });
}

/** `answer`: the last route answers with this text instead of the application. */
function hostOf(name: string, host: number, routes: number, answer?: string): VirtualHost {
  return create(VirtualHostSchema, {
    name,
    domains: [domainOf(host), `${domainOf(host)}:80`, `service-${host}`, `service-${host}.default.svc`],
    routes: Array.from({ length: routes }, (_, i) => {
      const last = i === routes - 1;
      return routeOf(host, i, last, last ? answer : undefined);
    }),
  });
}

const OVER_ADS = fromJson(ConfigSourceSchema, { ads: {}, resource_api_version: "V3" });

/** One virtual host, one route. */
export function oneRoute(): readonly Resource[] {
  const virtualHosts = [create(VirtualHostSchema, { name: "one", domains: ["*"], routes: [routeOf(0, 0, true)] })];
  return [encodeResource("rds", create(RouteConfigurationSchema, { name: ROUTES, virtualHosts }))];
}

/** The virtual host on its own, as VHDS carries it. */
export function hostResource(host: number, routes: number, answer?: string): Resource {
  return encodeResource(
    "vhds",
    hostOf(virtualHostName({ route: ROUTES, host: `service-${host}` }), host, routes, answer),
  );
}

/** The virtual hosts by VHDS. */
export function discoveredHosts({ hosts, routes }: Size): readonly Resource[] {
  const shell = create(RouteConfigurationSchema, { name: ROUTES, vhds: { configSource: OVER_ADS } });
  const resources = Array.from({ length: hosts }, (_, host) => hostResource(host, routes));
  return [encodeResource("rds", shell), ...resources];
}

/** The same in one RouteConfiguration, and a host for who names none of them. */
export function fullRoutes({ hosts, routes }: Size): readonly Resource[] {
  const others = create(VirtualHostSchema, { name: "others", domains: ["*"], routes: [routeOf(0, 0, true)] });
  const virtualHosts = Array.from({ length: hosts }, (_, host) => hostOf(`service-${host}`, host, routes)).concat(
    others,
  );
  return [encodeResource("rds", create(RouteConfigurationSchema, { name: ROUTES, virtualHosts }))];
}
