// The packet filter of a captured workload's network namespace, as iptables-restore reads it: what Istio's istio-iptables sets up, less
// what a namespace of one's own makes unnecessary.

import { parseCidr } from "../base/cidr.ts";

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
  /** Undefined: everything is captured. */
  readonly scope?: CaptureScope | undefined;
}

/** What istio-iptables takes of the annotations traffic.sidecar.istio.io/…. Ranges are of IPv4, as the rules are. */
export interface CaptureScope {
  /** Undefined: to everywhere. */
  readonly outboundRanges: readonly string[] | undefined;
  readonly excludedOutboundRanges: readonly string[];
  /** Captured wherever they lead, but for the excluded ranges. */
  readonly outboundPorts: readonly number[];
  readonly excludedOutboundPorts: readonly number[];
  /** Undefined: all of them. */
  readonly inboundPorts: readonly number[] | undefined;
  readonly excludedInboundPorts: readonly number[];
}

const EVERYTHING: CaptureScope = {
  outboundRanges: undefined,
  excludedOutboundRanges: [],
  outboundPorts: [],
  excludedOutboundPorts: [],
  inboundPorts: undefined,
  excludedInboundPorts: [],
};

/** Lines are root's: what is no port and no range is left out. */
function ofPorts(ports: readonly number[], line: (to: string) => string): readonly string[] {
  return ports
    .filter((port) => Number.isInteger(port) && port > 0 && port < 65_536)
    .map((port) => line(`--dport ${port}`));
}

function ofRanges(ranges: readonly string[], line: (to: string) => string): readonly string[] {
  const isOfIpv4 = (range: string) => /^[\d.]+(?:\/\d{1,2})?$/.test(range) && parseCidr(range) !== undefined;
  return ranges.filter(isOfIpv4).map((range) => line(`-d ${range}`));
}

function inboundRules({ inboundPorts, excludedInboundPorts }: CaptureScope): readonly string[] {
  const redirected = (to: string) => `-A PREROUTING -p tcp ${to} -j REDIRECT --to-ports ${CAPTURE_PORTS.inbound}`;
  return [
    ...ofPorts(excludedInboundPorts, (to) => `-A PREROUTING -p tcp ${to} -j RETURN`),
    ...(inboundPorts ? ofPorts(inboundPorts, redirected) : [redirected("").replace("  ", " ")]),
  ];
}

/** In istio-iptables' order: ports that are left out, ranges that are, ports that are taken wherever they lead, ranges. */
function outboundRules(scope: CaptureScope): readonly string[] {
  const redirected = (to: string) => `-A OUTPUT -p tcp ${to} -j REDIRECT --to-ports ${CAPTURE_PORTS.outbound}`;
  const left = (to: string) => `-A OUTPUT -p tcp ${to} -j RETURN`;
  return [
    ...ofPorts(scope.excludedOutboundPorts, left),
    ...ofRanges(scope.excludedOutboundRanges, left),
    ...ofPorts(scope.outboundPorts, redirected),
    ...(scope.outboundRanges ? ofRanges(scope.outboundRanges, redirected) : [redirected("").replace("  ", " ")]),
  ];
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

/** For chains with rules or without. */
export function captureRules({ open, nameserver, scope = EVERYTHING }: CaptureRules): string {
  const { outbound, inbound } = CAPTURE_PORTS;
  return [
    "*nat",
    "-F PREROUTING",
    "-F OUTPUT",
    ...open.map((port) => `-A PREROUTING -p tcp --dport ${port} -j RETURN`),
    ...inboundRules(scope),
    ...dnsRules(nameserver),
    // To itself: the proxy to its application, the application to its own address.
    "-A OUTPUT -o lo -j RETURN",
    `-A OUTPUT -p tcp -m owner --gid-owner ${PROXY_GROUP} -j RETURN`,
    ...outboundRules(scope),
    "COMMIT",
    "*filter",
    "-F INPUT",
    // Who addresses the redirection's own ports is not redirected, and the proxy would pass the connection on to itself for ever.
    ...[outbound, inbound].map(
      (port) => `-A INPUT -p tcp --dport ${port} -m conntrack ! --ctstate DNAT -j REJECT --reject-with tcp-reset`,
    ),
    "COMMIT",
    "",
  ].join("\n");
}
