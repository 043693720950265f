// Handshakes with mutual TLS, a process: `handshake-load.ts PORT COUNT AT_ONCE SNI CERTIFICATE KEY ROOT`. Each connection ends when the
// server's SETTINGS show that it has taken the client's certificate: in TLS 1.3 a client is done before. Prints `{"done": n, "errors": n, "seconds": s}`.

import { readFileSync } from "node:fs";

/** Wire format of `h2`, for the chain of HTTP. */
const ALPN = Uint8Array.of(2, 0x68, 0x32).buffer;

/** With an empty SETTINGS frame (RFC 9113 3.4): Envoy sends its own after it. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");

const [port = 0, count = 0, atOnce = 1] = process.argv.slice(2, 5).map(Number);
const [serverName = "", certificate = "", key = "", root = ""] = process.argv.slice(5);
const [cert, privateKey, ca] = [certificate, key, root].map((path) => readFileSync(path, "utf8"));

let done = 0;
let errors = 0;
let begun = 0;

function handshake(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const options = {
    hostname: "127.0.0.1",
    port,
    // A SPIFFE name is no host name: the chain is what the server's side proves.
    tls: { cert, key: privateKey, ca, serverName, rejectUnauthorized: false, ALPNProtocols: ALPN },
    socket: {
      handshake(socket: Bun.Socket) {
        if (socket.alpnProtocol === "h2") socket.write(PREFACE);
        else socket.end();
      },
      data(socket: Bun.Socket) {
        resolve(true);
        socket.end();
      },
      close: () => resolve(false),
    },
  };
  Bun.connect(options as Bun.TCPSocketConnectOptions<undefined>).catch(() => resolve(false));
  return promise;
}

async function work(): Promise<void> {
  while (begun < count) {
    begun++;
    if (await handshake()) done++;
    else errors++;
  }
}

const startedAt = performance.now();
await Promise.all(Array.from({ length: atOnce }, work));
console.log(JSON.stringify({ done, errors, seconds: (performance.now() - startedAt) / 1_000 }));
process.exit(0);
