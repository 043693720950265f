// All of a service: its ports and endpoints, what clients follow, and the doors that lead to it.

import { settingsAt } from "../../compile/client-settings.ts";
import { reachOf } from "../../compile/leg.ts";
import { preferencePath } from "../../dialect/traffic-distribution.ts";
import type { ClientTls } from "../../model/client-policy.ts";
import type { Endpoint } from "../../model/endpoint.ts";
import { type Client, clientPolicyFor, endpointsOf } from "../../model/lookup.ts";
import { originKey } from "../../model/origin.ts";
import type { Service, ServicePort } from "../../model/service.ts";
import { labelsMatch, type Workload } from "../../model/workload.ts";
import { chosenRulesOf, clientOf, destinationRuleOf, elsewhereOf, routedFrom, routesOf } from "./client-side.ts";
import type {
  DestinationRuleFacts,
  EndpointFacts,
  ServiceDescription,
  ServicePortFacts,
  SubsetFacts,
} from "./description.ts";
import { exposuresOf } from "./exposure.ts";
import { protocolOf } from "./protocol.ts";
import { at, type Subject } from "./subject.ts";
import { serviceWarnings } from "./warnings.ts";

/** As clients of `namespace` have it; `workload` is one of its endpoints that is described, if one is. */
export function describeService(
  subject: Subject,
  service: Service,
  namespace: string,
  workload?: Workload,
): ServiceDescription {
  const client = clientOf(namespace);
  const rule = destinationRuleOf(subject, service, client, workload);
  const facts = {
    kind: "service",
    namespace: service.namespace,
    name: service.name,
    host: service.host,
    by: at(subject, service.origin),
    addresses: service.addresses,
    aliases: (service.aliases ?? []).map((alias) => ({ host: alias.host, by: at(subject, alias.origin, alias.path) })),
    ports: service.ports.map((port) => portFacts(subject, service, port, client, rule)),
    preference: preferenceOf(subject, service, client),
    clients: namespace,
    destinationRule: rule,
    chosenRules: chosenRulesOf(subject, service, client, workload),
    routes: routesOf(subject, service, client, workload),
    routedFrom: routedFrom(subject, service),
    elsewhere: elsewhereOf(subject, service, namespace),
    exposures: exposuresOf(subject, service, workload),
  } as const;
  return { ...facts, warnings: serviceWarnings(facts, service) };
}

function preferenceOf(subject: Subject, service: Service, client: Client): ServiceDescription["preference"] {
  const { prefers, origin } = service;
  if (!prefers) return undefined;
  const written = subject.objects.get(originKey(origin));
  const policy = clientPolicyFor(subject.mesh, service, client);
  return {
    prefers,
    by: at(subject, origin, preferencePath(written?.annotations ?? {})),
    overruledBy: policy?.settings.loadBalancing?.locality && at(subject, policy.origin),
  };
}

function portFacts(
  subject: Subject,
  service: Service,
  port: ServicePort,
  client: Client,
  rule: DestinationRuleFacts | undefined,
): ServicePortFacts {
  const { number, name, target = number } = port;
  const { mesh } = subject;
  const policy = clientPolicyFor(mesh, service, client);
  const { tls } = settingsAt(mesh.settings.defaults.client, policy, undefined, number);
  const factsOf = (endpoint: Endpoint): EndpointFacts => {
    const transport = transportOf(subject, service, port, endpoint, tls);
    return endpointFacts(subject, endpoint, transport, rule?.subsets ?? []);
  };
  return {
    number,
    name,
    target,
    ...protocolOf(subject, service, port),
    endpoints: endpointsOf(mesh, service, number).map(factsOf),
  };
}

/** As if every server had acknowledged all that it is to have. */
function transportOf(
  { mesh }: Subject,
  service: Service,
  { number, protocol }: ServicePort,
  endpoint: Endpoint,
  tls: ClientTls | undefined,
): EndpointFacts["transport"] {
  if (protocol === "udp") return "plaintext";
  if (tls?.kind === "simple") return "TLS";
  const reach = reachOf(mesh, new Map(), service, number, endpoint, tls);
  return reach === "leg" || reach === "istio" || reach === "server" ? "mutual TLS" : reach;
}

function endpointFacts(
  { mesh }: Subject,
  endpoint: Endpoint,
  reached: EndpointFacts["transport"],
  subsets: readonly SubsetFacts[],
): EndpointFacts {
  const { address, port, transport, health, labels } = endpoint;
  const workload = endpoint.workload === undefined ? undefined : mesh.index.workloads.get(endpoint.workload);
  return {
    address: `${address}:${reached === "mutual TLS" && transport.kind === "leg" ? transport.port : port}`,
    workload: workload && `${workload.namespace}/${workload.name}`,
    health,
    transport: reached,
    subsets: subsets.filter((subset) => labelsMatch(subset.labels, labels)).map(({ name }) => name),
  };
}
