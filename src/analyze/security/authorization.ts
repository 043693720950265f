// AuthorizationPolicies: rules for callers and hosts that are nowhere, or that nothing can prove.

import type { SourceObject } from "../../dialect/object.ts";
import type { MeshAnalyzer, ObjectAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { heldView } from "../held.ts";
import { kinds } from "../kinds.ts";
import { namespaceNotRead } from "../namespace/unread.ts";
import { nameOf, type ViewOf, viewAs } from "../view.ts";
import type { World } from "../world.ts";
import { PeerModes, type PeerPolicy } from "./peer-mode.ts";

type Policy = ViewOf<typeof kinds.authorizationPolicy>;
type Rule = NonNullable<NonNullable<Policy["value"]["spec"]>["rules"]>[number];

interface Placed {
  readonly text: string;
  readonly path: string;
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

export const authorizationMethods: ObjectAnalyzer = {
  name: "authorizationpolicy.MethodAnalyzer",
  about: "methods are HTTP's, or the paths of gRPC methods",
  codes: ["KIA0102"],
  scope: "object",
  analyze(object, report) {
    const rules = viewAs(kinds.authorizationPolicy, object)?.value.spec?.rules ?? [];
    for (const { text, path } of operationsOf(rules, "methods")) {
      if (text.includes("*") || METHODS.includes(text) || /^\/[\w.]+\/\w+$/.test(text)) continue;
      const upper = text.toUpperCase();
      report(
        object,
        path,
        finding(
          "KIA0102",
          `neither a method of HTTP nor the path of a gRPC method: ${JSON.stringify(text)}`,
          METHODS.includes(upper) ? upper : "GET, or /package.Service/Method in paths",
        ),
      );
    }
  },
};

export const authorization: MeshAnalyzer = {
  name: "authorizationpolicy.SourceAnalyzer",
  about: "callers and hosts of rules exist, and mutual TLS proves who calls",
  codes: ["IST0101", "KIA0104", "KIA0105", "KIA0106", "HED1640"],
  scope: "mesh",
  analyze(world, report) {
    const accounts = accountsOf(world);
    const modes = new PeerModes(world);
    const told = new Set<PeerPolicy>();
    const routed = routedHosts(world);
    for (const policy of world.views(kinds.authorizationPolicy)) {
      const rules = policy.value.spec?.rules ?? [];
      checkNamespaces(policy, rules, world, report);
      checkPrincipals(policy, rules, accounts, world, report);
      checkHosts(policy, rules, routed, world, report);
      checkMutualTls(policy, rules, modes, told, report);
    }
  },
};

function sourcesOf(
  rules: readonly Rule[],
  ...fields: ("principals" | "notPrincipals" | "namespaces" | "notNamespaces")[]
): readonly Placed[] {
  return rules.flatMap(({ from = [] }, i) =>
    from.flatMap(({ source }, j) =>
      fields.flatMap((field) =>
        (source?.[field] ?? []).map((text, k) => ({ text, path: `spec.rules[${i}].from[${j}].source.${field}[${k}]` })),
      ),
    ),
  );
}

function operationsOf(rules: readonly Rule[], field: "hosts" | "methods"): readonly Placed[] {
  return rules.flatMap(({ to = [] }, i) =>
    to.flatMap(({ operation }, j) =>
      (operation?.[field] ?? []).map((text, k) => ({
        text,
        path: `spec.rules[${i}].to[${j}].operation.${field}[${k}]`,
      })),
    ),
  );
}

function checkNamespaces({ object }: Policy, rules: readonly Rule[], world: World, report: Report): void {
  for (const { text, path } of sourcesOf(rules, "namespaces", "notNamespaces")) {
    if (world.unread(text) !== undefined) report(object, path, namespaceNotRead(text, world));
    if (namesNamespace(text, world.namespaces)) continue;
    const message = `Referenced namespace not found: ${JSON.stringify(text)}`;
    report(object, path, finding("IST0101", message, world.nearest(text, world.namespaces)));
  }
}

/** Patterns have their `*` at one end (namespaceMatch of Istio's analyzer). */
function namesNamespace(pattern: string, namespaces: ReadonlySet<string>): boolean {
  if (!pattern.startsWith("*") && !pattern.endsWith("*")) return namespaces.has(pattern);
  const [start, end] = pattern.startsWith("*") ? ["", pattern.slice(1)] : [pattern.slice(0, -1), ""];
  for (const name of namespaces) if (name.startsWith(start) && name.endsWith(end)) return true;
  return false;
}

/** `ns/sa` of every service account that is written down or that something runs as. */
function accountsOf(world: World): ReadonlySet<string> {
  return new Set([
    ...world.views(kinds.serviceAccount).map(({ namespace, name }) => `${namespace}/${name}`),
    ...world.runnables.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`),
    ...[...world.namespaces].map((namespace) => `${namespace}/default`),
  ]);
}

function checkPrincipals(
  { object }: Policy,
  rules: readonly Rule[],
  accounts: ReadonlySet<string>,
  world: World,
  report: Report,
): void {
  for (const { text, path } of sourcesOf(rules, "principals", "notPrincipals")) {
    const [, domain, namespace, account] = /^([^/*]+)\/ns\/([^/*]+)\/sa\/([^/*]+)$/.exec(text) ?? [];
    // Of another trust domain nothing is known.
    if (account === undefined || (domain !== world.settings.trustDomain && domain !== "cluster.local")) continue;
    if (world.unread(namespace ?? "") !== undefined) {
      report(object, path, namespaceNotRead(namespace ?? "", world));
      continue;
    }
    if (accounts.has(`${namespace}/${account}`)) continue;
    const near = world.nearest(`${namespace}/${account}`, accounts)?.split("/");
    report(
      object,
      path,
      finding(
        "KIA0106",
        `no service account has this identity: ${JSON.stringify(text)}`,
        near ? `${domain}/ns/${near[0]}/sa/${near[1]}` : undefined,
      ),
    );
  }
}

function checkHosts(
  { object, namespace }: Policy,
  rules: readonly Rule[],
  routed: ReadonlySet<string>,
  world: World,
  report: Report,
): void {
  for (const { text, path } of operationsOf(rules, "hosts")) {
    const written = text.replace(/:(?:\d+|\*)$/, "");
    if (written.includes("*") || world.knowsHost(world.host(written, namespace), namespace)) continue;
    const parts = written.split(".");
    // Short forms that clients may send, as they stand in the Host header.
    if (parts.length === 2 && world.knowsHost(world.host(parts[0]!, parts[1]!), namespace)) continue;
    if (parts.length === 3 && parts[2] === "svc" && world.knowsHost(world.host(parts[0]!, parts[1]!), namespace))
      continue;
    if (routed.has(written) || routed.has(world.host(written, namespace))) continue;
    report(
      object,
      path,
      finding("KIA0104", `no service has this host: ${JSON.stringify(text)}`, world.nearestHost(written)),
    );
  }
}

/** Hosts of VirtualServices, as they are written and in full. */
function routedHosts(world: World): ReadonlySet<string> {
  return new Set(
    world
      .views(kinds.virtualService)
      .flatMap(({ value, namespace }) =>
        (value.spec.hosts ?? []).flatMap((host) => [host, world.host(host, namespace)]),
      ),
  );
}

/** Whether a rule asks who calls: that needs mutual TLS. */
export function asksForIdentity(object: SourceObject): boolean {
  const view = heldView(kinds.authorizationPolicy, object);
  return identitiesOf(view?.value.spec?.rules ?? []).length > 0;
}

function identitiesOf(rules: readonly Rule[]): readonly Placed[] {
  return sourcesOf(rules, "principals", "notPrincipals", "namespaces", "notNamespaces");
}

/** Without mutual TLS nobody has an identity: a rule that asks for one never holds. Both are told, of the policies the first of many. */
function checkMutualTls(
  policy: Policy,
  rules: readonly Rule[],
  modes: PeerModes,
  told: Set<PeerPolicy>,
  report: Report,
): void {
  const asking = identitiesOf(rules);
  if (asking.length === 0) return;
  const labels = policy.value.spec?.selector?.matchLabels ?? {};
  const peers = modes.of(policy.namespace, labels);
  if (peers?.mode !== "DISABLE") return;
  for (const { path } of asking)
    report(
      policy.object,
      path,
      finding(
        "KIA0105",
        "this field needs mutual TLS, which a PeerAuthentication turns off for these workloads: the rule never holds",
        "mtls: {mode: STRICT} for the workloads",
      ),
    );
  if (told.has(peers)) return;
  told.add(peers);
  report(
    peers.object,
    "spec.mtls",
    finding(
      "KIA0105",
      `mutual TLS is off for the workloads of ${nameOf(policy.object)}, whose rules ask who calls: they never hold`,
      "mtls: {mode: STRICT} for the workloads",
    ),
  );
}
