// `heddle __check-routes NAME`: the other side of route-checker.ts, a process. A route configuration on standard input; on standard output
// reasons to refuse it in a line of JSON, and if there are none the names and domains of its virtual hosts, some a line: to find them among
// the routes is work that the event loop need not do again.

import { complete } from "../base/steps.ts";
import { mapSharedMemory } from "../net/shared-memory.ts";
import { type CheckedRoutes, checkRoutes } from "../table/accept/resource.ts";
import { RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import { readRouteConfiguration } from "../xds/update.ts";

const STDIN = 0;

/** To read a line takes the event loop 0.05 ms. */
const HOSTS_A_LINE = 64;

function checked(name: string, value: Uint8Array): CheckedRoutes {
  const typeUrl = `type.googleapis.com/${RouteConfigurationSchema.typeName}`;
  const resource = { $typeName: "google.protobuf.Any", typeUrl, value } as const;
  const parts = complete(readRouteConfiguration({ name, version: "", resource }));
  if (typeof parts === "string") return { rejections: [{ path: "", reason: parts }], hosts: [] };
  const result = complete(checkRoutes(parts, undefined, undefined));
  if (result.kind === "rejected") return { rejections: result.rejections, hosts: [] };
  return { rejections: [], hosts: result.table.routes.virtualHosts.all };
}

export function runRouteCheck(name: string): void {
  const { rejections, hosts } = checked(name, mapSharedMemory(STDIN));
  const lines = [JSON.stringify(rejections)];
  for (let i = 0; i < hosts.length; i += HOSTS_A_LINE)
    lines.push(JSON.stringify(hosts.slice(i, i + HOSTS_A_LINE).map(({ name, domains }) => ({ name, domains }))));
  process.stdout.write(lines.join("\n"));
}
