// What can be wrong with settings of proxies, of whom they see and whom they trust: codes HED1370 to HED1379, sorted and never reused.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

/** Of a variable that the agent reads itself. */
export function badAgentVariable(name: string, value: string, what: string, suggestion: string): Message {
  return {
    code: "HED1370",
    severity: "warning",
    message: `${quote(value)} is not ${what}: ${name} has no effect`,
    suggestion,
  };
}

/** Of what a proxy is started with. */
export function secretsOfNobody(field: string): Message {
  return {
    code: "HED1371",
    severity: "error",
    message: `${field}: a proxy has no Secrets when it starts`,
    suggestion: "files of the proxy, or ISTIO_MUTUAL",
  };
}

export function visibilityOfAmbient(): Message {
  return {
    code: "HED1372",
    severity: "warning",
    message:
      "serviceEntryVisibility has no effect: without applyToSidecars it is for ambient meshes, and exportTo alone counts",
    suggestion: "applyToSidecars: true",
  };
}

export function badStatsdAddress(address: string): Message {
  return {
    code: "HED1374",
    severity: "error",
    message: `statsdUdpAddress is no port of an IP address: ${quote(address)}`,
    suggestion: "10.75.241.127:9125",
  };
}

/** Istio asks its environment alone (VERIFY_CERTIFICATE_AT_CLIENT), which verifies unless it says otherwise. */
export function verifiedAllTheSame(): Message {
  return {
    code: "HED1375",
    severity: "warning",
    message:
      "verifyCertificateAtClient: false has no effect: servers are verified, by the operating system's roots where a rule names none",
    suggestion: "insecureSkipVerify: true in the DestinationRule of a server that is not to be verified",
  };
}

export function tlsOfDynamicDns(mode: string): Message {
  return {
    code: "HED1376",
    severity: "warning",
    message: `tls has no effect with mode ${mode}: what is let through goes out as its client made it`,
    suggestion: "mode: ALLOW_ANY_DYNAMIC_DNS",
  };
}

/** Of the mesh's settings. */
export function secretOfNoNamespace(field: string): Message {
  return {
    code: "HED1377",
    severity: "error",
    message: `${field}: the mesh's settings are of no namespace whose Secrets proxies are given`,
    suggestion: "caCertificates, clientCertificate and privateKey: files of the proxies",
  };
}
