// The virtual address of a Service. No kube-proxy answers on it: a sidecar that captures connections knows the Service by it, and name
// tables need something to answer with.

import { parseAddress } from "../../base/cidr.ts";
import { VIRTUAL_PREFIXES } from "../../base/virtual-addresses.ts";
import { type FieldError, invalid } from "../field-error.ts";
import { isJsonObject, type JsonObject, without } from "../json.ts";
import { type KubeObject, keyOf, nameOf } from "../object.ts";
import { resource } from "../resources.ts";
import type { Store } from "../store/store.ts";

/** Without the network's own address and the broadcast address of the /16. */
const COUNT = 65_534;

function specOf({ spec }: KubeObject): JsonObject {
  return isJsonObject(spec) ? spec : {};
}

/** "" where there is none; "None" is the word of a headless Service. */
function givenAddress(object: KubeObject): string {
  const { clusterIP } = specOf(object);
  return typeof clusterIP === "string" ? clusterIP : "";
}

function isName(object: KubeObject): boolean {
  return specOf(object).type === "ExternalName";
}

function addressesOf(store: Store, except: string): ReadonlySet<string> {
  const taken = new Set<string>();
  for (const service of store.each(resource.services)) {
    const address = givenAddress(service);
    if (address !== "" && address !== "None" && keyOf(nameOf(service)) !== except) taken.add(address);
  }
  return taken;
}

/** The search begins where the name says: a Service that is deleted and made again gets the address that clients remember. */
function allocate(store: Store, key: string): string {
  const taken = addressesOf(store, key);
  const start = Bun.hash.crc32(key) % COUNT;
  for (let i = 0; i < COUNT; i++) {
    const number = ((start + i) % COUNT) + 1;
    const address = `${VIRTUAL_PREFIXES.api}.${number >> 8}.${number & 255}`;
    if (!taken.has(address)) return address;
  }
  return ""; // 65,534 Services: the next one has its name alone
}

/** A Service with its address: the one it was given, the one it has, or a free one. */
export function withAddress(object: KubeObject, current: KubeObject | undefined, store: Store): KubeObject {
  const spec = specOf(object);
  if (isName(object)) return { ...object, spec: without(spec, "clusterIP", "clusterIPs") };
  const kept = givenAddress(object) || (current && !isName(current) ? givenAddress(current) : "");
  const clusterIP = kept || allocate(store, keyOf(nameOf(object)));
  if (clusterIP === "") return object;
  const { clusterIPs } = spec;
  const matches = Array.isArray(clusterIPs) && clusterIPs[0] === clusterIP;
  return { ...object, spec: { ...spec, clusterIP, clusterIPs: matches ? clusterIPs : [clusterIP] } };
}

/** What is wrong with the address that a Service asks for. */
export function checkAddress(object: KubeObject, current: KubeObject | undefined, store: Store): readonly FieldError[] {
  const wanted = givenAddress(object);
  if (wanted === "" || isName(object)) return [];
  const before = current && !isName(current) ? givenAddress(current) : "";
  if (before !== "" && before !== wanted) return [invalid("spec.clusterIP", wanted, "may not change once set")];
  if (wanted === "None") return [];
  if (!parseAddress(wanted)) return [invalid("spec.clusterIP", wanted, 'must be an IP address, "None" or empty')];
  if (!addressesOf(store, keyOf(nameOf(object))).has(wanted)) return [];
  return [invalid("spec.clusterIP", wanted, "provided IP is already allocated")];
}
