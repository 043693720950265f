// What can be wrong with a Gateway by itself: codes HED1290 to HED1299, sorted and never reused.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

export function badServerHost(host: string, problem: string): Message {
  return error(
    "HED1290",
    `${quote(host)} is no host of a server: ${problem}`,
    '"shop.example.com", or "prod/*.example.com"',
  );
}

export function tlsInPlaintext(protocol: string): Message {
  return error("HED1291", `a port of protocol ${protocol} has no TLS`, "protocol: HTTPS, or httpsRedirect: true alone");
}

export function tlsMissing(protocol: string): Message {
  return error(
    "HED1292",
    `a port of protocol ${protocol} needs tls`,
    "tls: {mode: SIMPLE, credentialName: my-certificate}",
  );
}

export function certificateMissing(mode: string): Message {
  return error(
    "HED1293",
    `mode ${mode} needs a certificate and its key`,
    "credentialName: my-certificate, or serverCertificate and privateKey",
  );
}

export function rootsMissing(mode: string): Message {
  return error(
    "HED1294",
    `mode ${mode} needs the roots of its clients' certificates`,
    "credentialName, caCertCredentialName or caCertificates",
  );
}

export function notOfThisMode(field: string, mode: string): Message {
  return error("HED1295", `${field} has no meaning with mode ${mode}`, `mode ${mode} without it`);
}

export function portNameTwice(name: string): Message {
  return error("HED1296", `two servers have a port of the name ${quote(name)}`, "a name of its own for each");
}

export function sameCertificateTwice(fields: readonly string[]): Message {
  return error("HED1297", `${fields.join(" and ")} exclude each other`, "one of them");
}

export function versionsCrossed(min: string, max: string): Message {
  return error("HED1298", `minProtocolVersion ${min} is above maxProtocolVersion ${max}`);
}

export function unknownCipherSuite(suite: string): Message {
  return warning(
    "HED1299",
    `${quote(suite)} is no cipher suite that a proxy knows: it is left out`,
    "ECDHE-RSA-AES128-GCM-SHA256",
  );
}
