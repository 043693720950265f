// Two listeners of one address: the second is refused (Envoy: ListenerManagerImpl, in its words).

import type { Listener as ListenerTable } from "../table/listener.ts";

interface Bound {
  readonly table: ListenerTable;
}

/** Those that it binds. Port 0 is another port for each. */
function addressesOf({ address, additionalAddresses, bind }: ListenerTable): readonly string[] {
  if (!bind || address.kind === "internal") return [];
  if (address.kind === "pipe") return [address.path];
  return [address, ...additionalAddresses].filter(({ port }) => port !== 0).map(({ host, port }) => `${host}:${port}`);
}

/** Undefined when `table` may be beside the others; those of its own name it replaces. */
export function duplicateAddress(table: ListenerTable, others: readonly Bound[]): string | undefined {
  const own = new Set(addressesOf(table));
  for (const { table: other } of others) {
    const shared = other.name === table.name ? undefined : addressesOf(other).find((address) => own.has(address));
    if (shared !== undefined)
      return `error adding listener: '${table.name}' has duplicate address '${shared}' as existing listener '${other.name}'`;
  }
  return undefined;
}
