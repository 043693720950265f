// The packet filter of a captured workload's network namespace, as iptables-restore reads it: what Istio's istio-iptables sets up, less
// what a namespace of one's own makes unnecessary.

/** Istio's sidecars run as this user and group. What a process of this group sends is not captured: it is the proxy. */
export const PROXY_GROUP = 1337;

/** Where connections, and queries of DNS, are redirected to. */
export const CAPTURE_PORTS = { outbound: 15_001, inbound: 15_006, dns: 15_053 } as const;

/** Where the DNS proxy listens: the workload's proxy is answered apart, with what those outside know. */
export const DNS_ADDRESSES = { application: "127.0.0.1", proxy: "127.0.0.2" } as const;

const DNS_PORT = 53;
const TRANSPORTS = ["udp", "tcp"] as const;

export interface CaptureRules {
  /** Ports that others reach as they are: the mesh's, the agent's. */
  readonly open: readonly number[];
  /** The one of the namespace's resolv.conf. */
  readonly nameserver: string;
}

/** Of programs every query, whomever they ask; of the proxy what it asks the resolver: the rest may be traffic that it passes on. */
function dnsRules(nameserver: string): readonly string[] {
  return TRANSPORTS.flatMap((transport) => {
    const query = `-p ${transport} --dport ${DNS_PORT} -m owner`;
    return [
      `-A OUTPUT -d ${nameserver} ${query} --gid-owner ${PROXY_GROUP} -j DNAT --to-destination ${DNS_ADDRESSES.proxy}:${CAPTURE_PORTS.dns}`,
      `-A OUTPUT ${query} ! --gid-owner ${PROXY_GROUP} -j REDIRECT --to-ports ${CAPTURE_PORTS.dns}`,
    ];
  });
}

export function captureRules({ open, nameserver }: CaptureRules): string {
  const { outbound, inbound } = CAPTURE_PORTS;
  return [
    "*nat",
    ...open.map((port) => `-A PREROUTING -p tcp --dport ${port} -j RETURN`),
    `-A PREROUTING -p tcp -j REDIRECT --to-ports ${inbound}`,
    ...dnsRules(nameserver),
    // To itself: the proxy to its application, the application to its own address.
    "-A OUTPUT -o lo -j RETURN",
    `-A OUTPUT -p tcp -m owner --gid-owner ${PROXY_GROUP} -j RETURN`,
    `-A OUTPUT -p tcp -j REDIRECT --to-ports ${outbound}`,
    "COMMIT",
    "*filter",
    // Who addresses the redirection's own ports is not redirected, and the proxy would pass the connection on to itself for ever.
    ...[outbound, inbound].map(
      (port) => `-A INPUT -p tcp --dport ${port} -m conntrack ! --ctstate DNAT -j REJECT --reject-with tcp-reset`,
    ),
    "COMMIT",
    "",
  ].join("\n");
}
