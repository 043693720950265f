// Destinations that are nowhere: hosts, subsets, ports that nobody chose.

import { clientPolicyFor, serviceFor } from "../../model/lookup.ts";
import type { Service } from "../../model/service.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import type { World } from "../world.ts";
import { destinationsOf, type PlacedDestination } from "./routes.ts";

export const destinations: MeshAnalyzer = {
  name: "virtualservice.DestinationHostAnalyzer",
  about: "hosts, subsets and ports of destinations exist",
  codes: ["IST0101", "IST0112"],
  scope: "mesh",
  analyze(world, report) {
    for (const { object, namespace, value } of world.views(kinds.virtualService)) {
      const tell: Tell = (path, message) => report(object, path, message);
      for (const placed of destinationsOf(value.spec)) checkDestination(placed, namespace, world, tell);
    }
  },
};

type Tell = (path: string, message: Parameters<Report>[2]) => void;

function checkDestination({ destination, path }: PlacedDestination, namespace: string, world: World, tell: Tell): void {
  const host = world.host(destination.host, namespace);
  // A host under a wildcard is in the registry, and still has no cluster that a route could name.
  const service = serviceFor(world.mesh, host, namespace);
  if (!service) {
    const near = world.nearestHost(host);
    tell(
      `${path}.host`,
      finding(
        "IST0101",
        `Referenced host not found: ${JSON.stringify(destination.host)}`,
        near ? `host: ${near}` : "a Service or ServiceEntry of that host, or its full name",
      ),
    );
    return;
  }
  checkPort({ destination, path }, service, tell);
  if (destination.subset !== undefined)
    checkSubset(destination.subset, `${path}.subset`, service, namespace, world, tell);
}

function checkPort({ destination, path }: PlacedDestination, { host, ports }: Service, tell: Tell): void {
  if (destination.port !== undefined || ports.length < 2) return;
  const numbers = ports.map(({ number }) => number);
  tell(
    path,
    finding(
      "IST0112",
      `This VirtualService routes to a service ${JSON.stringify(host)} that exposes multiple ports [${numbers.join(" ")}]. Specifying a port in the destination is required to disambiguate`,
      `port: {number: ${numbers[0]}}`,
    ),
  );
}

function checkSubset(
  subset: string,
  path: string,
  service: Service,
  namespace: string,
  world: World,
  tell: Tell,
): void {
  const policy = clientPolicyFor(world.mesh, service, { namespace, labels: {} });
  const selecting = world.mesh.index.clientPolicies
    .get(namespace)
    ?.get(service.host)
    ?.filter(({ clients }) => clients);
  const known = [policy, ...(selecting ?? [])].flatMap((each) => each?.subsets.map(({ name }) => name) ?? []);
  if (known.includes(subset)) return;
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
