// What can be wrong with a Sidecar by itself: codes HED1450 to HED1479, sorted and never reused.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

export function badEgressHost(host: string, problem: string): Message {
  return error(
    "HED1450",
    `${quote(host)} is no host of a Sidecar: ${problem}`,
    '"./*", "prod/reviews.prod.svc.cluster.local", "*/*.example.com", or "~/*" for none',
  );
}

export function catchAllNotLast(): Message {
  return error(
    "HED1451",
    "an egress listener without a port stands for all ports that are left: nothing may come after it",
    "the listener at the end",
  );
}

export function noEgressHosts(): Message {
  return error("HED1452", "an egress listener needs at least one host", '["./*"], or ["~/*"] for none');
}

export function egressPortTwice(port: number): Message {
  return error("HED1453", `two egress listeners have port ${port}`, "the hosts of both in one listener");
}

export function emptySidecar(): Message {
  return error(
    "HED1454",
    "Sidecar says nothing about its workloads: neither egress nor ingress nor a policy",
    'egress: [{hosts: ["./*"]}]',
  );
}

export function boundWithoutPort(): Message {
  return error(
    "HED1455",
    "captureMode NONE needs a port that the proxy listens on",
    "port: {number: 9080, protocol: HTTP, name: http}",
  );
}

export function badDefaultEndpoint(written: string): Message {
  return error(
    "HED1456",
    `${quote(written)} is no defaultEndpoint`,
    "127.0.0.1:8080, [::1]:8080, 0.0.0.0:8080 for the workload's address, or unix:///path",
  );
}

export function ingressPortTwice(port: number): Message {
  return error("HED1457", `two ingress listeners have port ${port}`, "one of them");
}

export function ingressTlsMode(mode: string): Message {
  return error("HED1458", `an ingress listener ends TLS in mode SIMPLE or MUTUAL, not ${mode}`, "mode: SIMPLE");
}

export function egressProxyNeedsAllowAny(): Message {
  return error(
    "HED1459",
    "egressProxy takes what is let through, and this outboundTrafficPolicy lets nothing through",
    "mode: ALLOW_ANY",
  );
}

export function egressProxyPort(): Message {
  return error("HED1460", "egressProxy needs a port", "port: {number: 443}");
}

export function everythingAndMore(): Message {
  return warning("HED1461", '"*/*" is every host there is: the others of the list add nothing', '["*/*"] alone');
}

export function socketNotOpened(bind: string): Message {
  return warning(
    "HED1462",
    `the proxy does not listen on Unix sockets yet: ${quote(bind)} is not opened`,
    "bind: 127.0.0.1 and a port",
  );
}

export function nothingButExceptions(): Message {
  return warning(
    "HED1463",
    "every host of the listener takes something away, and none brings any: nothing can be called",
    '"*/*" beside them',
  );
}

export function ingressNotBound(): Message {
  return warning(
    "HED1464",
    "captureMode NONE of an ingress listener is not supported yet: the port is served where the workload's others are",
  );
}

export function ingressTlsFiles(): Message {
  return error(
    "HED1465",
    "an ingress listener has its certificate in files of the proxy: Secrets go to gateways",
    "serverCertificate and privateKey",
  );
}

export function badBind(bind: string): Message {
  return error("HED1466", `${quote(bind)} is no address to listen on`, "127.0.0.1, or unix:///path with port 0");
}

export function plainPortWithTls(protocol: string): Message {
  return error("HED1467", `a port of protocol ${protocol} has no TLS`, "protocol: HTTPS");
}
