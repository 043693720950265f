// ServiceEntries: what a TCP port needs, and what a wildcard opens.

import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { viewAs } from "../view.ts";

/** Told apart by a name in the request or the handshake; everything else by its address alone. */
const NAMED: ReadonlySet<string> = new Set(["HTTP", "HTTP2", "HTTPS", "GRPC", "GRPC-WEB", "TLS"]);

export const entryAddresses: ObjectAnalyzer = {
  name: "serviceentry.ProtocolAddressesAnalyzer",
  about: "a TCP port has an address to be told by, and no wildcard opens everything",
  codes: ["IST0134", "HED1321"],
  scope: "object",
  analyze(object, report) {
    const spec = viewAs(kinds.serviceEntry, object)?.value.spec;
    if (!spec) return;
    const { hosts, addresses = [], ports = [], resolution = "NONE" } = spec;
    const bytes = ports.flatMap(({ protocol = "" }, i) => (NAMED.has(protocol.toUpperCase()) ? [] : [i]));
    if (addresses.length > 0) return;
    // A service with an address of its own, given or not, is told by it.
    const isAutomatic = resolution !== "NONE" && hosts.every((host) => !host.startsWith("*"));
    const optedOut = object.labels["networking.istio.io/enable-autoallocate-ip"] === "false";
    for (const i of isAutomatic && !optedOut ? [] : bytes)
      report(
        object,
        `spec.ports[${i}]`,
        finding(
          "IST0134",
          "ServiceEntry addresses are required for this protocol",
          "addresses: [240.240.1.1], or the protocol HTTP or TLS",
        ),
      );
    const wildcard = hosts.findIndex((host) => host.startsWith("*"));
    if (wildcard >= 0 && resolution === "NONE" && bytes.length > 0)
      report(
        object,
        `spec.hosts[${wildcard}]`,
        finding(
          "HED1321",
          `${JSON.stringify(hosts[wildcard])} without addresses and resolution lets every connection to port ${ports[bytes[0]!]?.number} out, whatever its host`,
          "the protocol TLS or HTTP, which name the host, or addresses",
        ),
      );
  },
};
