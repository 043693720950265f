// Objects of other kinds whose words may contradict a written one's. All that play a part, so that nothing is called wrong which one of them
// makes right; and few others, because thousands are there.

import { resolveGateway, resolveHost } from "../dialect/istio/names.ts";
import type { SourceObject } from "../dialect/object.ts";
import { hostMatches } from "../model/hosts.ts";
import { LabelIndex } from "../model/label-index.ts";
import { labelsMatch } from "../model/workload.ts";
import { plaintextLevels } from "./destination-rule/mutual-tls.ts";
import { credentialsOf } from "./gateway/credentials.ts";
import { heldView, hostsOf, type There } from "./held.ts";
import { type Kind, kinds } from "./kinds.ts";
import { isInReach, SELECTABLE } from "./rivals.ts";
import { asksForIdentity } from "./security/authorization.ts";
import { isOfKind } from "./view.ts";
import { destinationsOf, gatewaysOf } from "./virtual-service/routes.ts";

type Labels = Readonly<Record<string, string>>;

interface Contradictable {
  readonly kind: Kind;
  /** Of which an object may contradict one of `kind`; workloads, which nobody writes together with policies, are not among them. */
  readonly by: readonly Kind[];
  around(written: SourceObject, there: There): readonly SourceObject[];
}

const CONTRADICTABLE: readonly Contradictable[] = [
  { kind: kinds.virtualService, by: [kinds.service, kinds.serviceEntry, kinds.gateway], around: calledServices },
  { kind: kinds.gateway, by: [kinds.secret], around: namedSecrets },
  { kind: kinds.destinationRule, by: [kinds.peerAuthentication], around: plaintextServers },
  { kind: kinds.peerAuthentication, by: [kinds.destinationRule, kinds.authorizationPolicy], around: judgedClients },
  { kind: kinds.authorizationPolicy, by: [kinds.peerAuthentication, kinds.authorizationPolicy], around: judgedCallers },
  { kind: kinds.pod, by: [kinds.namespace], around: injectingNamespace },
];

/** Kinds of what may contradict an object. */
export function contradictedBy(object: SourceObject): readonly Kind[] {
  return CONTRADICTABLE.find(({ kind }) => isOfKind(object, kind))?.by ?? [];
}

export function contradicting(written: SourceObject, there: There): readonly SourceObject[] {
  return CONTRADICTABLE.find(({ kind }) => isOfKind(written, kind))?.around(written, there) ?? [];
}

/** A destination without a port has the one that the client called: at a gateway its own, else the service's that the route is for. */
function calledServices(written: SourceObject, there: There): readonly SourceObject[] {
  const spec = heldView(kinds.virtualService, written)?.value.spec;
  const open = spec ? destinationsOf(spec).filter(({ destination }) => destination.port === undefined) : [];
  if (!spec || open.length === 0) return [];
  const { namespace } = written.origin;
  const hosts = [
    ...hostsOf(written, there.settings),
    ...open.map(({ destination }) => resolveHost(destination.host, namespace, there.settings.clusterDomain)),
  ];
  const names = new Set(gatewaysOf(spec).map(({ gateway }) => resolveGateway(gateway, namespace)));
  const gateways = [...there.held(kinds.gateway)].filter(({ origin }) =>
    names.has(`${origin.namespace}/${origin.name}`),
  );
  return [...servicesOf(hosts, there), ...gateways];
}

/** Services and ServiceEntries that define one of the hosts; wildcards among them stand for all under them. */
function servicesOf(hosts: readonly string[], there: There): readonly SourceObject[] {
  const exact = new Set(hosts);
  const patterns = [...exact].filter((host) => host.startsWith("*"));
  const isMeant = (host: string): boolean => exact.has(host) || patterns.some((pattern) => hostMatches(pattern, host));
  return [kinds.service, kinds.serviceEntry].flatMap((kind) =>
    [...there.held(kind)].filter((object) => hostsOf(object, there.settings).some(isMeant)),
  );
}

function namedSecrets(written: SourceObject, { held }: There): readonly SourceObject[] {
  const view = heldView(kinds.gateway, written);
  const names = new Set(view ? credentialsOf(view).map(({ name }) => name) : []);
  if (!view || names.size === 0) return [];
  const selector = view.value.spec?.selector ?? {};
  return [
    ...[...held(kinds.secret)].filter(({ origin }) => names.has(origin.name)),
    ...SELECTABLE.flatMap((kind) => [...held(kind)]).filter((object) => labelsMatch(selector, labelsOf(object))),
  ];
}

/** Of what runs or will run, wherever its kind has them: more rather than fewer, analyzers look again. */
function labelsOf({ labels, value }: SourceObject): Labels {
  const spec = value.spec as
    | {
        labels?: Labels;
        metadata?: { labels?: Labels };
        template?: { labels?: Labels; metadata?: { labels?: Labels } };
      }
    | undefined;
  const { template } = spec ?? {};
  return { ...labels, ...spec?.labels, ...spec?.metadata?.labels, ...template?.labels, ...template?.metadata?.labels };
}

function plaintextServers(written: SourceObject, there: There): readonly SourceObject[] {
  const services = plaintextServices([written], there);
  if (services.length === 0) return [];
  const workloads = workloadsOf(services, there);
  const namespaces = new Set(workloads.map(({ origin }) => origin.namespace));
  const policies = [...there.held(kinds.peerAuthentication)].filter(
    ({ origin: { namespace } }) => namespaces.has(namespace) || there.settings.rootNamespaces.includes(namespace),
  );
  return [...services, ...workloads, ...policies];
}

/** What DestinationRules send plaintext to. */
function plaintextServices(rules: readonly SourceObject[], there: There): readonly SourceObject[] {
  const hosts = rules.flatMap((rule) => {
    const spec = heldView(kinds.destinationRule, rule)?.value.spec;
    if (!spec || plaintextLevels(spec).length === 0) return [];
    return [resolveHost(spec.host, rule.origin.namespace, there.settings.clusterDomain)];
  });
  return hosts.length === 0 ? [] : servicesOf(hosts, there);
}

/** The workloads of services, and what else says where they are. */
function workloadsOf(services: readonly SourceObject[], { held }: There): readonly SourceObject[] {
  const byNamespace = Map.groupBy(services, ({ origin }) => origin.namespace);
  const within = (kind: Kind) => [...held(kind)].filter(({ origin }) => byNamespace.has(origin.namespace));
  const pods = Map.groupBy(within(kinds.pod), ({ origin }) => origin.namespace);
  const selected = [...byNamespace].flatMap(([namespace, members]) => {
    const index = new LabelIndex(pods.get(namespace) ?? []);
    return members.flatMap((service) => {
      const selector = selectorOf(service);
      return selector ? index.select(selector) : [];
    });
  });
  return [...new Set(selected), ...within(kinds.workloadEntry), ...within(kinds.endpointSlice)];
}

function selectorOf({ value, origin }: SourceObject): Labels | undefined {
  const { selector, workloadSelector } = (value.spec ?? {}) as {
    readonly selector?: Labels;
    readonly workloadSelector?: { readonly labels?: Labels };
  };
  return origin.kind === "Service" ? selector : workloadSelector?.labels;
}

/** Clients and callers that a PeerAuthentication has a say about: who sends plaintext, and who is asked for an identity. */
function judgedClients(written: SourceObject, there: There): readonly SourceObject[] {
  const near = (object: SourceObject): boolean => isInReach(written, object, there.settings);
  const rules = [...there.held(kinds.destinationRule)];
  const services = plaintextServices(rules, there).filter(near);
  const hosts = new Set(services.flatMap((service) => hostsOf(service, there.settings)));
  const clients = rules.filter((rule) => {
    const spec = heldView(kinds.destinationRule, rule)?.value.spec;
    if (!spec || plaintextLevels(spec).length === 0) return false;
    const host = resolveHost(spec.host, rule.origin.namespace, there.settings.clusterDomain);
    return hosts.has(host) || (host.startsWith("*") && [...hosts].some((each) => hostMatches(host, each)));
  });
  const callers = [...there.held(kinds.authorizationPolicy)].filter(
    (policy) => near(policy) && asksForIdentity(policy),
  );
  const policies = [...there.held(kinds.peerAuthentication)].filter(near);
  if (clients.length === 0 && callers.length === 0) return [];
  return [...clients, ...services, ...workloadsOf(services, there), ...callers, ...policies];
}

/** What takes a policy's callers their identity, and who else is asked about requests to its workloads. */
function judgedCallers(written: SourceObject, there: There): readonly SourceObject[] {
  const near = (object: SourceObject): boolean => isInReach(written, object, there.settings);
  const policies = asksForIdentity(written) ? [...there.held(kinds.peerAuthentication)].filter(near) : [];
  const delegating = isDelegating(written)
    ? [...there.held(kinds.authorizationPolicy)].filter((other) => near(other) && isDelegating(other))
    : [];
  if (delegating.length === 0) return policies;
  const selector = heldView(kinds.authorizationPolicy, written)?.value.spec?.selector?.matchLabels ?? {};
  const workloads = [kinds.pod, kinds.workloadEntry].flatMap((kind) =>
    [...there.held(kind)].filter((object) => near(object) && labelsMatch(selector, labelsOf(object))),
  );
  return [...policies, ...delegating, ...workloads];
}

function isDelegating({ value }: SourceObject): boolean {
  return (value.spec as { readonly action?: unknown } | undefined)?.action === "CUSTOM";
}

function injectingNamespace(written: SourceObject, { held }: There): readonly SourceObject[] {
  const containers = heldView(kinds.pod, written)?.value.spec?.containers ?? [];
  if (!containers.some(({ image }) => image === "auto")) return [];
  return [...held(kinds.namespace)].filter(({ origin }) => origin.name === written.origin.namespace);
}
