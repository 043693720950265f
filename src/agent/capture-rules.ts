// The packet filter of a captured workload's network namespace, as iptables-restore reads it: what Istio's istio-iptables sets up, less
// what a namespace of one's own makes unnecessary.

/** Istio's sidecars run as this user and group. What a process of this group sends is not captured: it is the proxy. */
export const PROXY_GROUP = 1337;

/** Where connections are redirected to. */
export const CAPTURE_PORTS = { outbound: 15_001, inbound: 15_006 } as const;

/** `open`: ports that others reach as they are: the mesh's, the agent's. */
export function captureRules(open: readonly number[]): string {
  const { outbound, inbound } = CAPTURE_PORTS;
  return [
    "*nat",
    ...open.map((port) => `-A PREROUTING -p tcp --dport ${port} -j RETURN`),
    `-A PREROUTING -p tcp -j REDIRECT --to-ports ${inbound}`,
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
