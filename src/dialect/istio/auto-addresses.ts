// Addresses of services that have none, by which captured clients tell them apart: Istio's 240.240.0.0/16, which no network routes
// (RFC 1112, class E).

import { VIRTUAL_PREFIXES } from "../../base/virtual-addresses.ts";
import { byAge } from "../../model/origin.ts";
import { type Service, serviceKey } from "../../model/service.ts";

export interface Entered {
  readonly services: readonly Service[];
  /** Those of them that get an address. */
  readonly unaddressed: ReadonlySet<Service>;
}

/** 240.240.0.1 to 240.240.255.254, without those that end in 0 or 255: some stacks take them for a network's own. */
const PER_BLOCK = 254;
const SLOTS = 256 * PER_BLOCK;

/** The same service again while its address is the same, so that it is recognised in the next mesh. */
const addressed = new WeakMap<Service, Service>();

/**
 * Where a service is found depends on its name, so an address outlives the control plane; of two whose places collide the older keeps its
 * own, whatever comes later. Addresses that somebody else has taken are left out.
 */
export function withAddresses(entries: readonly Entered[]): readonly Service[] {
  const services = entries.flatMap((entry) => entry.services);
  const wanting = entries.flatMap((entry) => [...entry.unaddressed]).sort(byAge);
  if (wanting.length === 0) return services;
  const taken = new Set(services.flatMap(({ addresses }) => addresses));
  const byKey = new Map<string, string>();
  for (const service of wanting) {
    const key = serviceKey(service);
    const address = byKey.get(key) ?? freeAddress(key, taken);
    if (address === undefined) break; // more than the range holds: those go without, as before
    taken.add(address);
    byKey.set(key, address);
  }
  const isWanting = new Set(wanting);
  return services.map((service) => {
    const address = isWanting.has(service) ? byKey.get(serviceKey(service)) : undefined;
    return address === undefined ? service : at(service, address);
  });
}

function at(service: Service, address: string): Service {
  const before = addressed.get(service);
  if (before?.addresses[0] === address) return before;
  const made = { ...service, addresses: [address] };
  addressed.set(service, made);
  return made;
}

function freeAddress(key: string, taken: ReadonlySet<string>): string | undefined {
  if (taken.size >= SLOTS) return undefined;
  const hash = fnv1a(key);
  for (let i = 0; i < SLOTS; i++) {
    const slot = (hash + i) % SLOTS;
    const address = `${VIRTUAL_PREFIXES.entries}.${Math.floor(slot / PER_BLOCK)}.${(slot % PER_BLOCK) + 1}`;
    if (!taken.has(address)) return address;
  }
  return undefined;
}

/** FNV-1a, 32 bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
