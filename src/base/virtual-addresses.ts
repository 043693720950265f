// Addresses that stand for services and that no network routes: class E (RFC 1112, section 4), of which Istio has the first /16. Who gives
// addresses knows nothing of those that others give, so that each has a /16 of its own.

/** All of them. */
export const VIRTUAL_ADDRESSES = "240.240.0.0/14";

/** The first two octets of addresses, by who gives them. */
export const VIRTUAL_PREFIXES = {
  /** To ServiceEntries without an address: Istio's. */
  entries: "240.240",
  /** To Services of files in the folder that the control plane watches. */
  files: "240.241",
  /** To Services of the embedded API. */
  api: "240.242",
} as const;

const PREFIXES = Object.values(VIRTUAL_PREFIXES);

/** Whether only who asks the mesh for the name can come by the address. */
export function isVirtual(address: string): boolean {
  return PREFIXES.some((prefix) => address.startsWith(`${prefix}.`));
}
