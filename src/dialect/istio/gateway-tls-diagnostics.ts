// What can be wrong with what a server of a Gateway offers in a handshake: codes HED1330, HED1582 to HED1584 and HED1589,
// sorted and never reused.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

/** Istio lets it pass, for those who have it from before. */
export function ignoredInThisMode(field: string, mode: string): Message {
  return warning(
    "HED1330",
    `${field} has no effect with mode ${mode}: TLS is not ended here`,
    `mode ${mode} without it`,
  );
}

export function badAlpnProtocol(protocol: string): Message {
  return error(
    "HED1582",
    `${quote(protocol.slice(0, 40))} is no name of a protocol: 1 to 255 visible ASCII characters are`,
    '["h2", "http/1.1"]',
  );
}

export function alpnWithoutEffect(mode: string): Message {
  const why =
    mode === "ISTIO_MUTUAL" ? "clients of the mesh find the mesh's protocols" : "the server behind answers the hello";
  return warning("HED1583", `alpnProtocols has no effect in mode ${mode}: ${why}`, "mode: SIMPLE");
}

export function unknownCurve(curve: string): Message {
  return warning(
    "HED1584",
    `${quote(curve)} is no curve that a proxy knows: it is left out`,
    "X25519MLKEM768, X25519, P-256, P-384 or P-521",
  );
}

export function alwaysVerified(mode: string): Message {
  return error(
    "HED1589",
    `insecureSkipVerify is for mode OPTIONAL_MUTUAL: in ${mode} there is nothing that it could leave out`,
    "mode: OPTIONAL_MUTUAL",
  );
}
