// Findings about TLS that clients originate with Secrets: HED1580 and HED1581, beside the dialect's own about DestinationRules.

import { type ClientPolicy, credentialsNamed } from "./client-policy.ts";
import { CONFIG_MAP_NAME } from "./credential.ts";
import { credentialOf, hasRoots, proxiedWorkloads } from "./lookup.ts";
import type { Mesh } from "./mesh.ts";
import type { Message } from "./message.ts";
import { visibleTo } from "./visibility.ts";

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

function nobodyMayHaveIt(): Message {
  return warning(
    "HED1580",
    "credentialName is for gateways, and the mesh has none that sees this rule: sidecars have no way to the host",
    "workloadSelector, which gives the Secret to the workloads that it selects",
  );
}

function missing(name: string, namespace: string, what: string): Message {
  if (name.startsWith(CONFIG_MAP_NAME)) return missingConfigMap(name.slice(CONFIG_MAP_NAME.length), what);
  return warning(
    "HED1581",
    `there is no Secret ${namespace}/${name} with ${what}: clients there have no way to the host`,
    `kubectl create secret generic ${name} -n ${namespace} --from-file=tls.crt --from-file=tls.key --from-file=ca.crt`,
  );
}

function missingConfigMap(key: string, what: string): Message {
  const [namespace = "", name = ""] = key.split("/");
  return warning(
    "HED1581",
    `there is no ConfigMap ${key} with ${what}: clients have no way to the host`,
    `kubectl create configmap ${name} -n ${namespace} --from-file=ca.crt`,
  );
}

/** Namespaces whose Secrets the rule's clients are given; undefined: there are no such clients. */
function namespacesOf(mesh: Mesh, { clients, namespace, visibility }: ClientPolicy): readonly string[] | undefined {
  if (clients) return [namespace];
  const gateways = proxiedWorkloads(mesh).filter(
    ({ proxy, namespace: own }) => proxy?.gateway !== undefined && visibleTo(visibility, own),
  );
  return gateways.length === 0 ? undefined : [...new Set(gateways.map((gateway) => gateway.namespace))];
}

/** What is wrong with the Secrets that the policy names; each once. Of a mesh without proxies nobody can say who has what. */
export function originationFindings(mesh: Mesh, policy: ClientPolicy): readonly Message[] {
  const named = credentialsNamed(policy);
  if (named.length === 0 || mesh.index.proxied.length === 0) return [];
  const namespaces = namespacesOf(mesh, policy);
  if (!namespaces) return [nobodyMayHaveIt()];
  const found = new Map<string, Message>();
  for (const namespace of namespaces) {
    for (const { name, rootsName = name, mutual, verifies } of named) {
      const lacking = new Map<string, string[]>();
      const lacks = (secret: string, what: string) => lacking.set(secret, [...(lacking.get(secret) ?? []), what]);
      if (mutual && !credentialOf(mesh, namespace, name)?.keyPair) lacks(name, "a certificate and its key");
      if (verifies && !hasRoots(mesh, namespace, rootsName)) lacks(rootsName, "roots (ca.crt)");
      for (const [secret, what] of lacking)
        found.set(`${namespace}/${secret}`, missing(secret, namespace, what.join(" and ")));
    }
  }
  return [...found.values()];
}
