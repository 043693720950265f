// What was probably meant by a name or a namespace that is not there.

import { nearest } from "../base/nearest.ts";
import type { KubeClient } from "../kube/client/client.ts";
import type { ObjectName } from "../kube/object.ts";
import { type ResourceType, resource } from "../kube/resources.ts";
import { hasReason, StatusFailure } from "../kube/status.ts";

/** The same failure, with the nearest name, or with the namespace that has one so called. Whatever else went wrong is as it was. */
export async function withNearest(
  thrown: unknown,
  client: KubeClient,
  type: ResourceType,
  name: ObjectName,
): Promise<unknown> {
  if (!(thrown instanceof StatusFailure) || !hasReason(thrown, "NotFound")) return thrown;
  const hint = await nearestObject(client, type, name);
  return hint === undefined ? thrown : new StatusFailure(thrown.status, { hint, cause: thrown });
}

/** `reviews`, or `reviews in namespace shop (-n shop)`; undefined: nothing is like it. Never rejects: it is an offer. */
export async function nearestObject(
  client: KubeClient,
  type: ResourceType,
  { namespace, name }: ObjectName,
): Promise<string | undefined> {
  const list = await client.list(type).catch(() => undefined);
  const known = list?.objects.map(({ metadata }) => metadata) ?? [];
  const own = known.filter((one) => !type.namespaced || one.namespace === namespace);
  const near = nearest(
    name,
    own.map((one) => one.name),
  );
  if (near !== undefined) return near;
  const elsewhere = known.find((one) => one.name === name);
  return elsewhere && `-n ${elsewhere.namespace}, where there is one`;
}

/** What could be meant by a namespace; undefined: it is there, or nobody knows. */
export async function insteadOfNamespace(client: KubeClient, namespace: string): Promise<string | undefined> {
  const list = await client.list(resource.namespaces).catch(() => undefined);
  const names = list?.objects.map(({ metadata }) => metadata.name);
  if (!names || names.includes(namespace)) return undefined;
  return nearest(namespace, names) ?? (names.length <= 10 ? `one of ${names.join(", ")}` : "heddle get namespaces");
}
