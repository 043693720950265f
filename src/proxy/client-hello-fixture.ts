// What a TLS client says first, for tests that look at it.

import tls from "node:tls";

/** A real ClientHello, as OpenSSL writes it. */
export async function clientHello(serverName: string, protocols: readonly string[]): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, chunk) {
        resolve(Buffer.from(chunk));
        socket.end();
      },
    },
  });
  const socket = tls.connect({
    host: "127.0.0.1",
    port: server.port,
    servername: serverName,
    ALPNProtocols: [...protocols],
    rejectUnauthorized: false,
  });
  socket.on("error", () => {});
  const bytes = await promise;
  server.stop(true);
  socket.destroy();
  return bytes;
}
