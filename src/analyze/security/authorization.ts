// AuthorizationPolicies: rules for callers and hosts that are nowhere, or that nothing can prove.

import type { SourceObject } from "../../dialect/object.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { heldView } from "../held.ts";
import { kinds } from "../kinds.ts";
import { namespaceNotRead } from "../namespace/unread.ts";
import { TextPatterns } from "../text-patterns.ts";
import { nameOf, type ViewOf } from "../view.ts";
import type { World } from "../world.ts";
import { PeerModes, type PeerPolicy } from "./peer-mode.ts";
import { Principals } from "./principals.ts";
import { identitiesOf, operationsOf, type Rule, sourcesOf } from "./rules.ts";

type Policy = ViewOf<typeof kinds.authorizationPolicy>;

export const authorization: MeshAnalyzer = {
  name: "authorizationpolicy.SourceAnalyzer",
  about: "callers and hosts of rules exist, and mutual TLS proves who calls",
  codes: ["IST0101", "KIA0104", "KIA0105", "KIA0106", "KIA0108", "HED1640"],
  scope: "mesh",
  analyze(world, report) {
    const principals = new Principals(world);
    const namespaces = new TextPatterns(world.namespaces);
    const modes = new PeerModes(world);
    const told = new Set<PeerPolicy>();
    const routed = routedHosts(world);
    for (const policy of world.views(kinds.authorizationPolicy)) {
      const rules = policy.value.spec?.rules ?? [];
      checkNamespaces(policy, rules, namespaces, world, report);
      for (const { text, path } of sourcesOf(rules, "principals", "notPrincipals"))
        for (const problem of principals.problemsOf(text)) report(policy.object, path, problem);
      checkHosts(policy, rules, routed, world, report);
      checkMutualTls(policy, rules, modes, told, report);
    }
  },
};

function checkNamespaces(
  { object }: Policy,
  rules: readonly Rule[],
  namespaces: TextPatterns,
  world: World,
  report: Report,
): void {
  for (const { text, path } of sourcesOf(rules, "namespaces", "notNamespaces")) {
    if (world.unread(text) !== undefined) report(object, path, namespaceNotRead(text, world));
    if (namespaces.fits(text)) continue;
    const message = `Referenced namespace not found: ${JSON.stringify(text)}`;
    report(object, path, finding("IST0101", message, world.nearest(text, world.namespaces)));
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
