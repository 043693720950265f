// Endpoints as clients get them, of services that have them in common: what is made of one list is made once for all that reach it alike, and
// encoded once. As many services of as many Pods, each of all of them, would otherwise make the square of that.

import { toBinary } from "@bufbuild/protobuf";
import type { Endpoint } from "../model/endpoint.ts";
import type { LocalityPreference } from "../model/locality-preference.ts";
import type { Mesh } from "../model/mesh.ts";
import { canonical } from "../xds/canonical.ts";
import { ClusterLoadAssignmentSchema } from "../xds/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import { type Resource, resourceOfBytes } from "../xds/resource.ts";
import { type LocalityGroup, loadAssignment, type Target, targetOf } from "./endpoint.ts";
import type { Reach } from "./leg.ts";
import { localityGroups } from "./locality-groups.ts";
import type { Place } from "./place.ts";

interface Made {
  readonly mesh: Mesh;
  readonly reaches: readonly Reach[];
  readonly machineAddress: string | undefined;
  readonly targets: readonly Target[];
}

/** What was made of a list last. */
const lately = new WeakMap<readonly Endpoint[], Made>();

/**
 * `reaches`: of each endpoint. What is not ready is left out, as Istio does: sent as unhealthy it would only make every flap of readiness
 * longer. An endpoint that leaves keeps its requests and streams; nobody begins a new one.
 */
export function targetsOf(
  mesh: Mesh,
  endpoints: readonly Endpoint[],
  reaches: readonly Reach[],
  machineAddress: string | undefined,
): readonly Target[] {
  const last = lately.get(endpoints);
  if (last?.mesh === mesh && last.machineAddress === machineAddress && reaches.every((is, i) => is === last.reaches[i]))
    return last.targets;
  const targets = endpoints.flatMap((endpoint, i) => {
    const reach = reaches[i]!;
    return endpoint.health === "healthy" && reach !== "withheld"
      ? [targetOf(mesh, endpoint, reach, machineAddress)]
      : [];
  });
  lately.set(endpoints, { mesh, reaches, machineAddress, targets });
  return targets;
}

const withoutPreference = new WeakMap<readonly Target[], readonly LocalityGroup[]>();

/** `localityGroups`, which asks for no place where nothing is preferred. */
export function groupsOf(
  targets: readonly Target[],
  preference: LocalityPreference,
  place: Place,
): readonly LocalityGroup[] {
  if (preference.kind !== "none") return localityGroups(targets, preference, place);
  const groups = withoutPreference.get(targets) ?? localityGroups(targets, preference, place);
  withoutPreference.set(targets, groups);
  return groups;
}

const encoded = new WeakMap<readonly LocalityGroup[], Uint8Array>();

function encodeAssignment(name: string, groups: readonly LocalityGroup[]): Uint8Array {
  return toBinary(ClusterLoadAssignmentSchema, canonical(loadAssignment(name, groups)));
}

/** As `encodeResource` does: a message's bytes are those of its fields, one behind the other, and the name is the first. */
export function endpointsResource(name: string, groups: readonly LocalityGroup[]): Resource {
  const nameless = encoded.get(groups) ?? encodeAssignment("", groups);
  encoded.set(groups, nameless);
  return resourceOfBytes("eds", name, Buffer.concat([encodeAssignment(name, []), nameless]));
}
