// Where listeners are: Envoy's lines, and envoy.admin.v3.Listeners.

import { type Address, formatAddress } from "../../table/endpoint.ts";
import type { ListenerManager } from "../listener-manager.ts";
import { json, text } from "./answer.ts";
import type { AdminState } from "./state.ts";

interface Status {
  readonly name: string;
  /** With the ports that the system gave where none was asked for; none of a listener inside of the proxy. */
  readonly addresses: readonly Exclude<Address, { readonly kind: "internal" }>[];
}

function statuses({ listeners, udpListeners }: ListenerManager): readonly Status[] {
  const streams = [...listeners].map(([name, { table, ports }]): Status => {
    const { address, additionalAddresses } = table;
    if (address.kind === "internal") return { name, addresses: [] };
    const addresses = [address, ...additionalAddresses].map((one, i) =>
      one.kind === "pipe" ? one : { ...one, port: ports[i] ?? one.port },
    );
    return { name, addresses };
  });
  const datagrams = [...udpListeners].map(
    ([name, { table, port }]): Status => ({ name, addresses: [{ kind: "socket", host: table.address.host, port }] }),
  );
  return [...streams, ...datagrams];
}

function statusJson({ name, addresses }: Status): object {
  const [first, ...others] = addresses.map((address) =>
    address.kind === "pipe"
      ? { pipe: { path: address.path } }
      : { socket_address: { address: address.host, port_value: address.port } },
  );
  return {
    name,
    local_address: first ?? { envoy_internal_address: { server_listener_name: name } },
    ...(others.length > 0 ? { additional_local_addresses: others } : {}),
  };
}

function statusLines({ name, addresses }: Status): string {
  if (addresses.length === 0) return `${name}::envoy://${name}/\n`;
  return addresses.map((address) => `${name}::${formatAddress(address)}\n`).join("");
}

export function listeners({ configuration }: AdminState, query: URLSearchParams): Response {
  const all = statuses(configuration.listenerManager);
  if (query.get("format") === "json") return json({ listener_statuses: all.map(statusJson) });
  return text(all.map(statusLines).join(""));
}
