// Addresses of Services of manifests: a cluster gives each one, and captured bytes find their service by nothing else.

import { isObject, type JsonObject, type SourceObject, sourceObject } from "../dialect/object.ts";

/** Network benchmarks' (RFC 2544): 198.18.0.0/15, nobody's. Automatic ones (240.240.0.0/16) would mean that only the mesh's DNS tells them. */
const FIRST_OCTETS = ["198.18", "198.19"];
/** Without those that end in 0 or 255. */
const PER_BLOCK = 254;
const SLOTS = FIRST_OCTETS.length * 256 * PER_BLOCK;

/** The address follows from the name, so that a Service that comes or goes changes no other's; of two that collide the later name moves on. */
export function addressedServices(objects: readonly SourceObject[]): readonly SourceObject[] {
  const services = objects.filter(isService);
  const taken = new Set(services.flatMap(addressesOf));
  const given = new Map<SourceObject, SourceObject>();
  for (const service of services.filter(lacksAddress).sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const address = freeAddress(service.key, taken);
    if (address === undefined) break; // more than the range holds: those have their names alone
    taken.add(address);
    given.set(service, at(service, address));
  }
  return objects.map((object) => given.get(object) ?? object);
}

function isService({ origin }: SourceObject): boolean {
  return origin.group === "" && origin.kind === "Service";
}

function addressesOf({ value }: SourceObject): readonly unknown[] {
  const { clusterIP = "", clusterIPs = [] } = isObject(value.spec) ? value.spec : {};
  return [clusterIP, ...(Array.isArray(clusterIPs) ? clusterIPs : [clusterIPs])].filter((address) => address !== "");
}

/** What is wrong with a field is the dialect's to say. */
function lacksAddress(service: SourceObject): boolean {
  const { spec } = service.value;
  return isObject(spec) && spec.type !== "ExternalName" && addressesOf(service).length === 0;
}

function freeAddress(key: string, taken: ReadonlySet<unknown>): string | undefined {
  const start = Bun.hash.crc32(key) % SLOTS;
  for (let i = 0; i < SLOTS; i++) {
    const slot = (start + i) % SLOTS;
    const block = Math.floor(slot / PER_BLOCK);
    const address = `${FIRST_OCTETS[block >> 8]}.${block & 255}.${(slot % PER_BLOCK) + 1}`;
    if (!taken.has(address)) return address;
  }
  return undefined;
}

function at(service: SourceObject, clusterIP: string): SourceObject {
  const { spec } = service.value;
  const read = sourceObject({ ...service.value, spec: { ...(spec as JsonObject), clusterIP } }, service.spans);
  return read.kind === "object" ? read.object : service;
}
