// What a handshake agreed on.

import type { Socket } from "bun";
import type { TlsSession } from "./byte-stream.ts";

/** Undefined when the socket is gone. */
export function tlsSession(socket: Socket<unknown>): TlsSession | undefined {
  const version = socket.getTLSVersion();
  const cipher: unknown = socket.getCipher();
  if (!version || typeof cipher !== "object" || cipher === null || !("name" in cipher)) return undefined;
  return { version, cipher: String(cipher.name) };
}
