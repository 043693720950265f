// `heddle __check-routes NAME`: the other side of route-checker.ts, a process. A route configuration on standard input, reasons to refuse it
// in JSON on standard output.

import { complete } from "../base/steps.ts";
import { mapSharedMemory } from "../net/shared-memory.ts";
import { checkRoutes } from "../table/accept/resource.ts";
import type { Rejection } from "../table/accept/scope.ts";
import { RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import { readRouteConfiguration } from "../xds/update.ts";

const STDIN = 0;

function rejectionsOf(name: string, value: Uint8Array): readonly Rejection[] {
  const typeUrl = `type.googleapis.com/${RouteConfigurationSchema.typeName}`;
  const resource = { $typeName: "google.protobuf.Any", typeUrl, value } as const;
  const parts = complete(readRouteConfiguration({ name, version: "", resource }));
  if (typeof parts === "string") return [{ path: "", reason: parts }];
  const result = complete(checkRoutes(parts, undefined, undefined));
  return result.kind === "rejected" ? result.rejections : [];
}

export function runRouteCheck(name: string): void {
  process.stdout.write(JSON.stringify(rejectionsOf(name, mapSharedMemory(STDIN))));
}
