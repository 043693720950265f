// Connections of the agent to the control plane: TLS 1.3, its SPIFFE id proven, ours shown once we have one.

import { CLIENT_LIMITS } from "../grpc/client-limits.ts";
import { DEFAULT_KEEPALIVE } from "../grpc/listen.ts";
import { Http2ClientConnection } from "../http/h2/client-connection.ts";
import type { ClientConnection } from "../http/stream.ts";
import { type ClientTls, connect } from "../net/connect.ts";
import { createTlsContext, encodeAlpn } from "../net/tls-context.ts";
import { peerIdentity } from "../pki/svid.ts";
import type { HeldIdentity } from "./identity.ts";
import type { ControlPlane } from "./sidecar.ts";

const CONNECT_TIMEOUT_MS = 5_000;

function clientTls({ roots, identity }: ControlPlane, own: HeldIdentity | undefined): ClientTls {
  return {
    context: createTlsContext(
      { certificate: own?.chain, key: own?.key.reveal(), roots: own?.roots ?? roots },
      "TLSv1.3",
    ),
    serverName: "heddle.heddle-system.svc",
    alpn: encodeAlpn(["h2"]),
    verifyChain: true,
    verifyName(certificate) {
      const proven = certificate && peerIdentity(certificate);
      if (proven?.kind !== "parsed") return proven ? proven.reason : "no certificate was presented";
      return proven.value.uri === identity ? undefined : `certificate is of ${proven.value.uri}, expected ${identity}`;
    },
  };
}

/** Rejects with the reason. `onClosed` once, when the connection is gone. */
export function connectControlPlane(
  controlPlane: ControlPlane,
  own: HeldIdentity | undefined,
  onClosed: () => void,
): Promise<ClientConnection> {
  return new Promise((resolve, reject) => {
    connect(
      { kind: "tcp", host: controlPlane.host, port: controlPlane.port },
      clientTls(controlPlane, own),
      CONNECT_TIMEOUT_MS,
      {
        onConnected(transport) {
          const connection = new Http2ClientConnection(
            transport,
            { onAvailable() {}, onDraining() {}, onClosed },
            { ...CLIENT_LIMITS, ...DEFAULT_KEEPALIVE },
          );
          transport.listener = connection;
          resolve(connection);
        },
        onConnectFailure: (detail) => reject(new Error(detail)),
      },
    );
  });
}
