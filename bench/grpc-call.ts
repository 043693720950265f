// One unary call, to prove that trailers pass a proxy: a load generator looks at nothing but the status of HTTP.

import { ClientCall } from "../src/grpc/client.ts";
import type { GrpcStatus } from "../src/grpc/status.ts";
import { Http2ClientConnection } from "../src/http/h2/client-connection.ts";
import { DEFAULT_LIMITS } from "../src/http/limits.ts";
import type { ClientConnection } from "../src/http/stream.ts";
import { connect } from "../src/net/connect.ts";

const TIMEOUT_MS = 5_000;

export interface Reply {
  readonly status: GrpcStatus;
  readonly message: string | undefined;
}

function connectionTo(port: number): Promise<ClientConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientConnection>();
  connect({ kind: "tcp", host: "127.0.0.1", port }, undefined, TIMEOUT_MS, {
    onConnected(transport) {
      const listener = { onAvailable() {}, onDraining() {}, onClosed() {} };
      const connection = new Http2ClientConnection(transport, listener, DEFAULT_LIMITS);
      transport.listener = connection;
      resolve(connection);
    },
    onConnectFailure: (detail) => reject(new Error(detail)),
  });
  return promise;
}

/** Calls `path` with `message`, and closes the connection. @throws Error when nobody listens. */
export async function callOnce(port: number, path: string, message: string): Promise<Reply> {
  const connection = await connectionTo(port);
  const { promise, resolve } = Promise.withResolvers<Reply>();
  let received: string | undefined;
  const call = new ClientCall(
    connection,
    path,
    { authority: "golden-signal", timeoutMs: TIMEOUT_MS },
    {
      onMessage: (bytes) => {
        received = bytes.toString("utf8");
      },
      onWritable() {},
      onStatus: (status) => resolve({ status, message: received }),
    },
  );
  call.send(Buffer.from(message));
  call.end();
  const reply = await promise;
  connection.shutdown();
  return reply;
}
