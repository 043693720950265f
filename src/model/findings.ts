// What can be wrong between objects that are each fine: one function a message, codes HED2000 to HED2999, sorted and never reused.

import type { Message } from "./message.ts";
import type { Origin } from "./origin.ts";

export function unknownHost(host: string, near: string | undefined): Message {
  return {
    code: "HED2001",
    severity: "error",
    message: `destination host is no service that this namespace can see: "${host}"; its share is answered 503`,
    suggestion: near
      ? `host: ${near}`
      : "a Service or ServiceEntry of that host, or its full name (name.namespace.svc.cluster.local)",
  };
}

/** Of thousands of names the first few: nobody reads on. */
const MAX_NAMES = 10;

function listed(names: Iterable<string | number>): string {
  const some: (string | number)[] = [];
  for (const name of names) {
    if (some.push(name) > MAX_NAMES) return `${some.slice(0, MAX_NAMES).join(", ")}, …`;
  }
  return some.join(", ");
}

export function unknownSubset(
  subset: string,
  host: string,
  subsets: ReadonlySet<string>,
  near: string | undefined,
): Message {
  const known = subsets.size > 0 ? `it has ${listed(subsets)}` : "no DestinationRule defines any";
  return {
    code: "HED2002",
    severity: "error",
    message: `"${host}" has no subset "${subset}" (${known}); its share is answered 503`,
    suggestion: near ? `subset: ${near}` : `a DestinationRule for ${host} with the subset ${subset}`,
  };
}

export function unknownPort(port: number, host: string, ports: ReadonlySet<number>): Message {
  return {
    code: "HED2003",
    severity: "error",
    message: `"${host}" has no port ${port}; its share is answered 503`,
    suggestion: ports.size > 0 ? `one of the service's ports: ${listed(ports)}` : undefined,
  };
}

export function ambiguousPort(host: string, ports: ReadonlySet<number>): Message {
  return {
    code: "HED2004",
    severity: "warning",
    message: `"${host}" has several ports (${listed(ports)}) and the destination names none: the port that the client called is used, if the service has it`,
    suggestion: `port: {number: ${ports.values().next().value}}`,
  };
}

export function shadowedRoute(host: string, winner: Origin): Message {
  return {
    code: "HED2005",
    severity: "warning",
    message: `host "${host}" is ruled by ${winner.kind} ${winner.namespace}/${winner.name} already: routes of one host are not merged, this one has no effect for it`,
    suggestion: "one object for the host, or hosts that differ",
  };
}

export function duplicateService(host: string, winner: Origin): Message {
  return {
    code: "HED2006",
    severity: "warning",
    message: `service "${host}" is defined by ${winner.kind} ${winner.namespace}/${winner.name} already, which is older: this one is ignored`,
  };
}

export function policyWithoutService(host: string, near: string | undefined): Message {
  return {
    code: "HED2007",
    severity: "warning",
    message: `no service has the host "${host}": the policy has no effect`,
    suggestion: near ? `host: ${near}` : undefined,
  };
}

export function emptySubset(name: string, host: string, labels: Readonly<Record<string, string>>): Message {
  const text = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return {
    code: "HED2008",
    severity: "warning",
    message: `subset "${name}" selects none of the endpoints of "${host}" (${text.join(", ")}): requests to it are answered 503`,
  };
}

export function shadowedServerPolicy(winner: Origin): Message {
  return {
    code: "HED2009",
    severity: "warning",
    message: `${winner.kind} ${winner.namespace}/${winner.name} has the same scope and is older: this one has no effect`,
  };
}

export function plaintextToStrict(host: string): Message {
  return {
    code: "HED2010",
    severity: "warning",
    message: `the policy sends plaintext to "${host}", whose workloads take only mutual TLS: every request will fail`,
    suggestion: "no tls block (mutual TLS is then used wherever it can be), or mode ISTIO_MUTUAL",
  };
}

export function portNotServed(port: number, served: readonly number[], isServicePort: boolean): Message {
  const confused = isServicePort ? `: ${port} is the service's port, the container listens on ${listed(served)}` : "";
  return {
    code: "HED2011",
    severity: "warning",
    message: `no selected workload serves port ${port}${confused}`,
    suggestion: served.length > 0 ? `the container's port: ${listed(served)}` : undefined,
  };
}

export function routeOutsideRegistry(host: string): Message {
  return {
    code: "HED2012",
    severity: "warning",
    message: `no service has the host "${host}": the route holds only for HTTP requests on port 80`,
    suggestion: "a ServiceEntry of that host, for its other ports",
  };
}

/** The other side of `shadowedRoute`: nothing is wrong with the winner, but its author should know of the rival. */
export function shadowsRoute(host: string, loser: Origin): Message {
  return {
    code: "HED2013",
    severity: "info",
    message: `host "${host}" is claimed by ${loser.kind} ${loser.namespace}/${loser.name} as well, which has no effect for it`,
    suggestion: "one object for the host, or hosts that differ",
  };
}

export function shadowsServerPolicy(loser: Origin): Message {
  return {
    code: "HED2014",
    severity: "info",
    message: `${loser.kind} ${loser.namespace}/${loser.name} has the same scope and is younger: it has no effect`,
  };
}

export function authorizerNotAsked(proxy: string): Message {
  return {
    code: "HED2030",
    severity: "warning",
    message: `Heddle's proxy beside ${proxy} cannot ask an external authorizer yet: it refuses every request that the policy would ask about`,
    suggestion: "Envoy beside the workload (heddle.dev/proxy: envoy)",
  };
}

export function unknownAuthorizer(name: string, near: string | undefined): Message {
  return {
    code: "HED2031",
    severity: "error",
    message: `the mesh has no authorizer "${name}": every request that the policy would ask about is refused`,
    suggestion: near ? `name: ${near}` : "an entry of that name among the mesh's extensionProviders",
  };
}

export function severalAuthorizers(workload: string, names: readonly string[]): Message {
  return {
    code: "HED2032",
    severity: "error",
    message: `several authorizers are to be asked about ${workload} (${listed(names)}): none is, and the requests are refused`,
    suggestion: "one provider for all policies of a workload",
  };
}

export function tokensNotVerified(proxy: string): Message {
  return {
    code: "HED2033",
    severity: "warning",
    message: `Heddle's proxy beside ${proxy} cannot verify tokens yet: it refuses every request that carries one`,
    suggestion: "Envoy beside the workload (heddle.dev/proxy: envoy)",
  };
}

export function spansLost(provider: string, service: string, proxy: string): Message {
  return {
    code: "HED2035",
    severity: "warning",
    message: `spans for provider "${provider}" go nowhere: ${proxy} sees no service ${service}, so that nothing is traced there`,
    suggestion: "a Service or ServiceEntry with that host and port",
  };
}

export function logsLost(provider: string, service: string, proxy: string): Message {
  return {
    code: "HED2037",
    severity: "warning",
    message: `access logs for provider "${provider}" go nowhere: ${proxy} sees no service ${service}`,
    suggestion: "a Service or ServiceEntry with that host and port",
  };
}

export function metricsNotOverridden(proxy: string): Message {
  return {
    code: "HED2038",
    severity: "warning",
    message: `metrics of ${proxy} are not adapted: its requests are counted from Envoy's log, by the standard metrics`,
    suggestion:
      "Heddle's proxy beside the workload (heddle.dev/proxy: heddle), or relabelling where metrics are scraped",
  };
}
