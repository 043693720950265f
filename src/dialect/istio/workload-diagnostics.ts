// What can be wrong with workloads that are entered by hand, and with services outside of Kubernetes: codes HED1331, HED1332 and HED1510 to HED1539, sorted and never
// reused. The older ones of ServiceEntry are in diagnostics.ts.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

export function everyHost(): Message {
  return error("HED1331", "a ServiceEntry cannot be for every host", 'a host, or a wildcard such as "*.example.com"');
}

/** Envoy refuses a cluster of type LOGICAL_DNS with more. */
export function onlyOneEndpoint(count: number): Message {
  return error(
    "HED1332",
    `resolution DNS_ROUND_ROBIN takes one endpoint at most: there are ${count}`,
    "resolution: DNS",
  );
}

export function addressMissing(): Message {
  return error("HED1510", "a workload needs an address", "address: 10.1.2.3");
}

export function workloadAddress(address: string): Message {
  return error(
    "HED1511",
    `address of a workload must be an IP address, a host name or a Unix socket: ${quote(address)}`,
    "address: 10.1.2.3",
  );
}

export function unixPath(address: string): Message {
  return error(
    "HED1512",
    `a Unix socket is an absolute path, or a name after @: ${quote(address)}`,
    "address: unix:///run/app.sock",
  );
}

export function unixPorts(address: string): Message {
  return error("HED1513", `a Unix socket has no ports: ${quote(address)}`, "the endpoint without ports");
}

export function networkAlone(network: string): Message {
  return warning(
    "HED1514",
    `no gateway of network ${quote(network)} is known, and the workload has no address: nothing is sent to it`,
    "address: 10.1.2.3",
  );
}

export function templateAddress(): Message {
  return warning("HED1515", "address of a template has no effect: each workload has its own");
}

export function probeWithoutCheck(): Message {
  return error(
    "HED1516",
    "the probe asks nothing: every workload of the group would be healthy",
    "httpGet, tcpSocket, exec or grpc",
  );
}

export function emptyCommand(): Message {
  return error("HED1517", "a probe by exec needs a command", 'command: ["test", "-e", "/run/ready"]');
}

export function unixServicePorts(count: number): Message {
  return error(
    "HED1518",
    `a service with Unix sockets has one port, not ${count}: a socket serves all of them alike`,
    "a ServiceEntry for each port",
  );
}

export function unknownTlsMode(mode: string): Message {
  return warning(
    "HED1519",
    `security.istio.io/tlsMode ${quote(mode)} is unknown: the workload gets plaintext`,
    "istio",
  );
}

export function dynamicHost(host: string): Message {
  return error("HED1520", `resolution DYNAMIC_DNS is for wildcards: ${quote(host)}`, "resolution: DNS");
}

export function dynamicProtocol(protocol: string): Message {
  return error(
    "HED1521",
    `with resolution DYNAMIC_DNS the host of each request or server name is looked up, and protocol ${protocol} shows none`,
    "HTTP, HTTP2, GRPC, TLS or HTTPS; resolution: NONE for others",
  );
}

export function dynamicEndpoints(field: string): Message {
  return error("HED1522", `resolution DYNAMIC_DNS looks up the host of each request: it has no ${field}`);
}
