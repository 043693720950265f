// What Istio refuses or warns of though each field by itself is right: codes HED1660 to HED1679 and HED1700 to HED1720, sorted and never reused.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

/** Of a block that is there and empty. */
export function saysNothing(block: string, suggestion: string): Message {
  return error("HED1660", `${block} says nothing`, suggestion);
}

export function redirectScheme(scheme: string): Message {
  return error("HED1661", `a redirect leads to http or https: ${quote(scheme)}`, "scheme: https");
}

export function faultOfRedirect(): Message {
  return error("HED1662", "a fault is for requests that go on, and a redirect answers", "one of the two");
}

export function shareTooSmall(percent: number): Message {
  return error("HED1663", `the smallest share is 0.0001 %: ${percent}`, "value: 0.0001, or 0");
}

export function retriesOfNone(field: string): Message {
  return error("HED1664", `${field} has no effect without attempts: 0 is their default`, "attempts: 2");
}

export function authorityTwice(): Message {
  return error("HED1665", "the authority is set already", "one of rewrite.authority, set and add");
}

export function hostOfMessage(name: string, what: "removed" | "set in a response"): Message {
  return error("HED1666", `${name} cannot be ${what}`, what === "removed" ? "rewrite: {authority: …}" : undefined);
}

export function gatewayName(gateway: string): Message {
  return error("HED1667", `${quote(gateway)} is no name of a Gateway`, "namespace/name, or name, or mesh");
}

export function hostsOverlap(host: string, other: string): Message {
  return error("HED1668", `${quote(other)} already has the requests for ${quote(host)}`, "one of the two");
}

export function corsMethod(method: string, known: readonly string[]): Message {
  return error("HED1669", `${quote(method)} is no method: ${known.join(", ")}`);
}

/** Longer lists of hosts are cut. */
const MAX_HOSTS = 8;

export function sniOutside(sniHost: string, hosts: readonly string[]): Message {
  const named = `${hosts.slice(0, MAX_HOSTS).join(", ")}${hosts.length > MAX_HOSTS ? ", …" : ""}`;
  return error("HED1670", `${quote(sniHost)} is within none of the hosts ${named}`, "the host in hosts, too");
}

export function addressAsSni(address: string): Message {
  return warning("HED1671", `clients send names in SNI, and no address (RFC 6066 3): ${quote(address)}`);
}

export function exportTwice(name: string): Message {
  return error("HED1672", `${quote(name)} stands in exportTo already`, "each namespace once");
}

export function exportToEverybodyAndOthers(name: "*" | "~"): Message {
  const who = name === "*" ? "everybody" : "nobody";
  return error("HED1673", `${quote(name)} (${who}) stands beside others in exportTo`, `exportTo: ["${name}"]`);
}

export function badNamespaceOfExport(name: string): Message {
  return error("HED1674", `${quote(name)} in exportTo is no namespace`, 'a namespace, "." or "*"');
}

export function largeBody(bytes: number): Message {
  return warning("HED1675", `a body of ${bytes} bytes is sent to every proxy, and kept by each`);
}

export function bodyTooLarge(bytes: number): Message {
  return error("HED1676", `a body has at most 1 MiB: ${bytes} bytes`);
}

export function regexOfDelegate(field: string): Message {
  return error(
    "HED1677",
    `${field}: a regex cannot be joined with the match of the route that delegates`,
    "exact or prefix",
  );
}

export function selectorWithoutLabels(): Message {
  return warning("HED1678", "a selector without labels selects every workload", "no selector, to say so");
}

export function exportOfSelection(): Message {
  return error(
    "HED1679",
    "a rule for chosen workloads holds in its own namespace alone",
    'exportTo: ["."], or no workloadSelector',
  );
}

export function targetPortOfServer(of: string): Message {
  return error("HED1700", `targetPort has no effect on ${of}`, "the number alone");
}

export function tlsOfBytes(protocol: string): Message {
  return error("HED1701", `a port of protocol ${protocol} has no TLS`, "protocol: TLS");
}

export function redirectOfTls(): Message {
  return warning("HED1702", "httpsRedirect is for HTTP: nobody is redirected here", "a server of port 80 with it");
}

export function cipherSuiteTwice(suite: string): Message {
  return warning("HED1703", `${quote(suite)} stands twice: once is enough`);
}

export function oldVersionWithoutCiphers(version: string): Message {
  return warning(
    "HED1704",
    `the usual cipher suites are not for ${version}: no client of it can connect`,
    "cipherSuites: [ECDHE-RSA-AES128-SHA]",
  );
}

export function revocationList(why: "of a credential" | "of SIMPLE"): Message {
  return why === "of SIMPLE"
    ? error("HED1705", "caCrl is for clients' certificates, and SIMPLE asks for none", "mode: MUTUAL")
    : error("HED1705", "beside credentialName the revocation list is a key of the Secret", "ca.crl in the Secret");
}

export function tunnelBesideProxyProtocol(): Message {
  return error("HED1706", "tunnel and proxyProtocol exclude each other", "one of the two");
}

export function targetOfGateways(kind: string): Message {
  return warning(
    "HED1708",
    `no ${kind} of the Gateway API is served yet: nothing applies this`,
    "selector: {matchLabels: …}, with the labels of the gateway's proxies",
  );
}

export function hostsOfBytes(port: string): Message {
  return error(
    "HED1710",
    `several hosts cannot be told apart on port ${port}, which is neither HTTP nor TLS`,
    "a ServiceEntry for each, or resolution: NONE",
  );
}

export function halfWildcard(host: string): Message {
  return warning("HED1711", `${quote(host)}: names are matched by whole labels`, "*.example.com");
}

export function selectorOfNone(): Message {
  return warning("HED1712", "resolution NONE goes to the address that was asked for: workloadSelector has no effect");
}

export function httpLimitsOfBytes(protocol: string): Message {
  return warning("HED1713", `limits of HTTP have no effect on a port of protocol ${protocol}`, "tcp");
}

export function egressHostTwice(host: string): Message {
  return warning("HED1714", `${quote(host)} is among the hosts before it`, "each once");
}

export function bytesDeniedToo(): Message {
  return warning(
    "HED1715",
    "this DENY asks for properties of HTTP alone: on ports of bytes it refuses every connection",
    "ports beside them",
  );
}

export function severalTracings(): Message {
  return warning("HED1716", "the first of several tracing entries counts", "one entry");
}

export function envTwice(name: string): Message {
  return error("HED1717", `${quote(name)} stands twice`, "one of the two");
}

export function valueOfHost(): Message {
  return error("HED1718", "value is for valueFrom: INLINE alone", "valueFrom: INLINE, or no value");
}

export function badSocket(bind: string, number: number): Message {
  return error(
    "HED1720",
    number === 0
      ? `a Unix socket has an absolute path: ${quote(bind)}`
      : `a Unix socket has no port: number must be 0, not ${number}`,
    "bind: unix:///var/run/gateway.sock, number: 0",
  );
}
