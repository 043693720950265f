// What can be wrong with a Sidecar or a ProxyConfig by itself: codes HED1450 to HED1479, sorted and never reused.

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
    "egressProxy takes what is let through to where it was going, and this outboundTrafficPolicy lets nothing go there",
    "mode: ALLOW_ANY",
  );
}

export function egressProxyPort(): Message {
  return error("HED1460", "egressProxy needs a port", "port: {number: 443}");
}

export function everythingAndMore(): Message {
  return warning("HED1461", '"*/*" is every host there is: the others of the list add nothing', '["*/*"] alone');
}

export function nothingButExceptions(): Message {
  return warning(
    "HED1463",
    "every host of the listener takes something away, and none brings any: nothing can be called",
    '"*/*" beside them',
  );
}

/** As in Istio, whose ValidateSidecar refuses credentialName and credentialNames of an ingress listener. */
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

export function boundNowhere(): Message {
  return warning(
    "HED1468",
    "bind has no effect: the proxy listens on a port of its own with captureMode NONE alone",
    "captureMode: NONE",
  );
}

export function badIngressBind(bind: string): Message {
  return error("HED1469", `${quote(bind)} is no address to listen on`, "127.0.0.1, 0.0.0.0, or another IP address");
}

export function socketNotCaptured(): Message {
  return error("HED1470", "nothing is captured on its way to a Unix socket", "captureMode: NONE");
}

export function boundWhereApplicationIs(port: number): Message {
  return warning(
    "HED1471",
    `the proxy and the application cannot both listen on port ${port}: whoever comes second is refused`,
    "a bind of one address, or a defaultEndpoint on another port",
  );
}

export function badVariable(name: string): Message {
  return error(
    "HED1472",
    `${quote(name)} is no name of an environment variable`,
    "letters, digits, underscores, dots and dashes",
  );
}
