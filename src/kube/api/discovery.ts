// What this server serves, in the forms that clients ask: one list of everything (aggregated discovery, kubectl 1.26 and newer)
// and the older lists of groups, and of the resources of a group. https://kubernetes.io/docs/concepts/overview/kubernetes-api/

import type { JsonObject } from "../json.ts";
import { joinApiVersion } from "../object.ts";
import { groupVersions, RESOURCES, type ResourceType } from "../resources.ts";

function servedIn(group: string, version: string): readonly ResourceType[] {
  return RESOURCES.filter((type) => type.group === group && type.versions.includes(version)).sort((a, b) =>
    a.plural < b.plural ? -1 : 1,
  );
}

function versionsOf(group: string): readonly string[] {
  return groupVersions()
    .filter((pair) => pair.group === group)
    .map(({ version }) => version);
}

/** The named groups, each once. */
function namedGroups(): readonly string[] {
  return [...new Set(groupVersions().map(({ group }) => group))].filter((group) => group !== "");
}

const STATUS_VERBS = ["get", "patch", "update"];

function aggregatedResource(type: ResourceType, version: string): JsonObject {
  const responseKind = { group: type.group, version, kind: type.kind };
  const { plural, singular, shortNames, categories } = type;
  return {
    resource: plural,
    responseKind,
    scope: type.namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs: [...type.verbs],
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(type.status ? { subresources: [{ subresource: "status", responseKind, verbs: STATUS_VERBS }] } : {}),
  };
}

function aggregatedGroup(group: string): JsonObject {
  return {
    metadata: group === "" ? {} : { name: group },
    versions: versionsOf(group).map((version) => ({
      version,
      resources: servedIn(group, version).map((type) => aggregatedResource(type, version)),
      freshness: "Current",
    })),
  };
}

/** `apiVersion` is the version of apidiscovery.k8s.io that was asked for: v2 or v2beta1. */
export function aggregatedDiscovery(root: "/api" | "/apis", version: string): JsonObject {
  const groups = root === "/api" ? [""] : namedGroups();
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(aggregatedGroup),
  };
}

function groupDocument(group: string): JsonObject {
  const versions = versionsOf(group).map((version) => ({ groupVersion: joinApiVersion(group, version), version }));
  return { name: group, versions, preferredVersion: versions[0]! };
}

function resourceList(group: string, version: string): JsonObject {
  const resources = servedIn(group, version).flatMap((type) => {
    const { plural, singular, namespaced, kind, verbs, shortNames, categories } = type;
    const own = {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs: [...verbs],
      ...(shortNames.length > 0 ? { shortNames } : {}),
      ...(categories.length > 0 ? { categories } : {}),
    };
    const status = { name: `${plural}/status`, singularName: "", namespaced, kind, verbs: STATUS_VERBS };
    return type.status ? [own, status] : [own];
  });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: joinApiVersion(group, version), resources };
}

/** The document at a discovery path without its trailing slash, or undefined. `host` is where the client reached the server. */
export function discoveryDocument(path: string, host: string): JsonObject | undefined {
  const [root, group, version, ...beyond] = path.split("/").slice(1);
  if (beyond.length > 0) return undefined;
  if (root === "api" && version === undefined) {
    if (group !== undefined) return group === "v1" ? resourceList("", "v1") : undefined;
    const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress: host }];
    return { kind: "APIVersions", versions: versionsOf(""), serverAddressByClientCIDRs };
  }
  if (root !== "apis") return undefined;
  if (group === undefined) return { kind: "APIGroupList", apiVersion: "v1", groups: namedGroups().map(groupDocument) };
  if (!namedGroups().includes(group)) return undefined;
  if (version === undefined) return { kind: "APIGroup", apiVersion: "v1", ...groupDocument(group) };
  return versionsOf(group).includes(version) ? resourceList(group, version) : undefined;
}
