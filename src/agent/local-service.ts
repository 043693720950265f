// The agent's Unix socket: secrets, and the access logs that Envoy's statistics are made of. Its folder is 0700: only this user's proxy gets in.

import { rmSync } from "node:fs";
import type { GrpcService } from "../grpc/server.ts";
import { Http2ServerConnection } from "../http/h2/server-connection.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import { type ListeningSocket, listen } from "../net/listen.ts";

/** @throws Failure when the socket cannot be made (a path of over 107 bytes is one reason). */
export function serveLocally(path: string, service: GrpcService): ListeningSocket {
  rmSync(path, { force: true }); // of an agent that was killed
  return listen({ kind: "unix", path }, undefined, (transport) => {
    transport.listener = new Http2ServerConnection(
      transport,
      service.listener({ principal: "", address: "unix" }, () => {}),
      { ...DEFAULT_LIMITS, idleTimeoutMs: 0 },
      "http",
    );
  });
}
