// ServiceEntries: what a TCP port needs, what a wildcard opens, and who else defines the host.

import { file } from "../../model/label-index.ts";
import { byAge } from "../../model/origin.ts";
import type { MeshAnalyzer, ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { withPlaces } from "../rival-places.ts";
import { nameOf, type ViewOf, viewAs } from "../view.ts";

type Entry = ViewOf<typeof kinds.serviceEntry>;

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

export const entryConflicts: MeshAnalyzer = {
  name: "serviceentry.ConflictAnalyzer",
  about: "each host and port is defined once, with one protocol",
  codes: ["KIA1211", "IST0177"],
  scope: "mesh",
  analyze(world, report) {
    const claims = new Map<string, { readonly entry: Entry; readonly path: string; readonly protocol: string }[]>();
    for (const entry of world.views(kinds.serviceEntry)) {
      const { hosts, ports = [], exportTo = ["*"] } = entry.value.spec;
      const visible = exportTo.map((to) => (to === "." ? entry.namespace : to)).sort();
      for (const host of new Set(hosts.map((each) => world.host(each, entry.namespace))))
        for (const [i, { number, protocol = "" }] of ports.entries())
          file(claims, JSON.stringify([host, number, visible]), {
            entry,
            path: `spec.ports[${i}]`,
            protocol: protocol.toUpperCase() || "TCP",
          });
    }
    for (const [key, sharing] of claims) {
      const [host, number] = JSON.parse(key) as [string, number];
      const sorted = [...sharing].sort((a, b) => byAge(a.entry.object, b.entry.object));
      const [first, second] = [sorted[0]!, sorted.find(({ entry }) => entry !== sorted[0]!.entry)];
      if (!second) continue;
      const protocols = [...new Set(sorted.map(({ protocol }) => protocol))];
      for (const { entry, path } of sorted) {
        const rival = entry === first.entry ? second : first;
        const other = rival.entry;
        const message =
          protocols.length > 1
            ? finding(
                "IST0177",
                `${nameOf(other.object)} gives port ${number} of host ${host} another protocol: ${protocols.join(", ")}`,
                "one protocol in both",
              )
            : finding(
                "KIA1211",
                `${nameOf(other.object)} defines port ${number} of host ${host} as well`,
                "one of the two",
              );
        const place = { object: other.object, path: rival.path };
        report(entry.object, path, withPlaces(message, entry.object, [place]));
      }
    }
  },
};
