// Addresses of Services that stand in files: an API server gives each one, and captured bytes find their service by nothing else.

import { VIRTUAL_PREFIXES } from "../../base/virtual-addresses.ts";
import { isObject, type JsonObject, type SourceObject, sourceObject } from "../object.ts";

/** The first two octets of its addresses. */
export type AddressRange = readonly string[];

/** Of a cluster that is not there: network benchmarks' (RFC 2544), nobody's. Automatic ones would mean that only the mesh's DNS tells them. */
export const STAND_IN: AddressRange = ["198.18", "198.19"];
/** Of a folder that the control plane watches: the mesh's DNS is who tells them. Apart from those that the API and ServiceEntries get. */
export const WATCHED: AddressRange = [VIRTUAL_PREFIXES.files];

/** Without those that end in 0 or 255. */
const PER_BLOCK = 254;
const SLOTS_OF_ONE = 256 * PER_BLOCK;

/** The same object again while its address is the same, so that it is recognised. */
const addressed = new WeakMap<SourceObject, { readonly clusterIP: string; readonly object: SourceObject }>();

/** The address follows from the name, so that a Service that comes or goes changes no other's; of two that collide the later name moves on. */
export function addressedServices(objects: readonly SourceObject[], range: AddressRange): readonly SourceObject[] {
  const services = objects.filter(isService);
  const taken = new Set(services.flatMap(addressesOf));
  const given = new Map<SourceObject, SourceObject>();
  const byKey = new Map<string, string>(); // of two of one name one counts, whichever
  for (const service of services.filter(lacksAddress).sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const address = byKey.get(service.key) ?? freeAddress(service.key, range, taken);
    if (address === undefined) break; // more than the range holds: those have their names alone
    taken.add(address);
    byKey.set(service.key, address);
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

function freeAddress(key: string, range: AddressRange, taken: ReadonlySet<unknown>): string | undefined {
  const slots = range.length * SLOTS_OF_ONE;
  const start = Bun.hash.crc32(key) % slots;
  for (let i = 0; i < slots; i++) {
    const slot = (start + i) % slots;
    const block = Math.floor(slot / PER_BLOCK);
    const address = `${range[block >> 8]}.${block & 255}.${(slot % PER_BLOCK) + 1}`;
    if (!taken.has(address)) return address;
  }
  return undefined;
}

function at(service: SourceObject, clusterIP: string): SourceObject {
  const before = addressed.get(service);
  if (before?.clusterIP === clusterIP) return before.object;
  const { spec } = service.value;
  const read = sourceObject({ ...service.value, spec: { ...(spec as JsonObject), clusterIP } }, service.spans);
  const object = read.kind === "object" ? read.object : service;
  addressed.set(service, { clusterIP, object });
  return object;
}
