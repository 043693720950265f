// The agent's Unix socket: secrets, and the access logs that Envoy's statistics are made of. Its folder is 0700: only this user's proxy gets in.

import { rmSync } from "node:fs";
import { type GrpcListener, listenGrpc } from "../grpc/listen.ts";
import type { GrpcService } from "../grpc/server.ts";

/** @throws Failure when the socket cannot be made (a path of over 107 bytes is one reason). */
export function serveLocally(path: string, service: GrpcService): GrpcListener {
  rmSync(path, { force: true }); // of an agent that was killed
  return listenGrpc({ kind: "unix", path }, undefined, service, () => ({ principal: "", address: "unix" }));
}
