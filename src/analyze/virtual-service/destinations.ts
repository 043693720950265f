// Destinations that are nowhere: hosts, subsets, ports that nobody chose.

import { MESH_GATEWAY, resolveGateway } from "../../dialect/istio/names.ts";
import { clientPolicyFor, serviceFor } from "../../model/lookup.ts";
import { type Service, serviceKey } from "../../model/service.ts";
import { settledHost } from "../../model/service-alias.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type VirtualServiceValue } from "../kinds.ts";
import type { World } from "../world.ts";
import { gatewaysByName } from "./gateways.ts";
import { destinationsOf, type PlacedDestination } from "./routes.ts";

export const destinations: MeshAnalyzer = {
  name: "virtualservice.DestinationHostAnalyzer",
  about: "hosts, subsets and ports of destinations exist",
  codes: ["IST0101", "IST0112"],
  scope: "mesh",
  analyze(world, report) {
    const gateways = gatewaysByName(world);
    const subsets = new Subsets(world);
    for (const { object, namespace, value } of world.views(kinds.virtualService)) {
      const tell: Tell = (path, message) => report(object, path, message);
      const called = once(() => calledPorts(value.spec, namespace, gateways, world));
      for (const placed of destinationsOf(value.spec))
        checkDestination(placed, namespace, called, subsets, world, tell);
    }
  },
};

/** Ports that clients are known to call: those of the hosts' services, and those that its gateways listen on. */
function calledPorts(
  spec: VirtualServiceValue["spec"],
  namespace: string,
  gateways: ReturnType<typeof gatewaysByName>,
  world: World,
): ReadonlySet<number> {
  const { hosts = [], gateways: bound = [MESH_GATEWAY] } = spec;
  const isForSidecars = bound.includes(MESH_GATEWAY);
  const services = isForSidecars ? hosts.map((host) => world.service(world.host(host, namespace), namespace)) : [];
  const servers = bound.flatMap((name) => gateways.get(resolveGateway(name, namespace))?.value.spec?.servers ?? []);
  return new Set([
    ...services.flatMap((service) => service?.ports.map(({ number }) => number) ?? []),
    ...servers.flatMap(({ port }) => port?.number ?? []),
  ]);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

type Tell = (path: string, message: Parameters<Report>[2]) => void;

function checkDestination(
  { destination, path }: PlacedDestination,
  namespace: string,
  called: () => ReadonlySet<number>,
  subsets: Subsets,
  world: World,
  tell: Tell,
): void {
  const host = settledHost(world.mesh.index.aliases, world.host(destination.host, namespace));
  // A host under a wildcard is in the registry, and still has no cluster that a route could name.
  const service = serviceFor(world.mesh, host, namespace);
  if (!service) {
    const unread = world.unreadHost(host);
    const near = unread ? undefined : world.nearestHost(host);
    tell(
      `${path}.host`,
      finding(
        "IST0101",
        `Referenced host not found: ${JSON.stringify(destination.host)}`,
        unread ?? (near ? `host: ${near}` : "a Service or ServiceEntry of that host, or its full name"),
      ),
    );
    return;
  }
  checkPort({ destination, path }, service, called, tell);
  if (destination.subset !== undefined)
    checkSubset(destination.subset, `${path}.subset`, service, namespace, subsets, world, tell);
}

/** Longer lists of ports are cut. */
const MAX_NUMBERS = 10;

/** Without a port the one that the client called is used: an error where it is known that the service has none of those. */
function checkPort(
  { destination, path }: PlacedDestination,
  { host, ports }: Service,
  called: () => ReadonlySet<number>,
  tell: Tell,
): void {
  if (destination.port !== undefined || ports.length < 2) return;
  const isServed = called().size === 0 || ports.some(({ number }) => called().has(number));
  const numbers = ports.slice(0, MAX_NUMBERS).map(({ number }) => number);
  const text = `${numbers.join(" ")}${ports.length > MAX_NUMBERS ? " …" : ""}`;
  const message = finding(
    "IST0112",
    `This VirtualService routes to a service ${JSON.stringify(host)} that exposes multiple ports [${text}]. Specifying a port in the destination is required to disambiguate`,
    `port: {number: ${numbers[0]}}`,
  );
  tell(path, isServed ? { ...message, severity: "warning" } : message);
}

function checkSubset(
  subset: string,
  path: string,
  service: Service,
  namespace: string,
  subsets: Subsets,
  world: World,
  tell: Tell,
): void {
  const known = subsets.seenBy(service, namespace);
  if (known.has(subset)) return;
  const near = world.nearest(subset, known);
  tell(
    path,
    finding(
      "IST0101",
      `Referenced host+subset in destinationrule not found: ${JSON.stringify(`${service.host}+${subset}`)}`,
      near ? `subset: ${near}` : `a DestinationRule for ${service.host} with the subset ${subset}`,
    ),
  );
}

/** Names of subsets that clients of a namespace may use, those of rules for chosen clients included. */
class Subsets {
  readonly #world: World;
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(world: World) {
    this.#world = world;
  }

  seenBy(service: Service, namespace: string): ReadonlySet<string> {
    const key = `${namespace} ${serviceKey(service)}`;
    const known = this.#known.get(key) ?? this.#look(service, namespace);
    this.#known.set(key, known);
    return known;
  }

  #look(service: Service, namespace: string): ReadonlySet<string> {
    const { mesh } = this.#world;
    const policy = clientPolicyFor(mesh, service, { namespace, labels: {} });
    const ofHost = mesh.index.clientPolicies.get(namespace)?.get(service.host);
    const selecting = ofHost?.filter(({ clients }) => clients) ?? [];
    return new Set([policy, ...selecting].flatMap((each) => each?.subsets.map(({ name }) => name) ?? []));
  }
}
