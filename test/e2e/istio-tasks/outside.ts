// What is outside of the mesh: servers of HTTP and HTTPS that say whom they saw, and certificates of an authority that is not the mesh's.

import { createServer as createPlain, type Server, type Socket } from "node:net";
import { createServer as createSecure, type TLSSocket } from "node:tls";
import { type TestCertificate, testLeaf, testRoot } from "../../../src/pki/certificate-fixtures.ts";
import type { Identity } from "../../traffic/xds/certificates.ts";

const NOW = Date.now();

/** Of one authority, in PEM. */
export class Certificates {
  readonly #root = testRoot(NOW);

  get roots(): string {
    return this.#root.pem;
  }

  of(...dnsNames: readonly string[]): TestCertificate {
    return testLeaf(this.#root, `spiffe://outside/${dnsNames[0]}`, NOW, { dnsNames });
  }

  identity(name: string): Identity {
    const { pem, keyPem } = this.of(name);
    return { uri: `spiffe://outside/${name}`, chain: pem, key: keyPem };
  }

  /** A Secret as `kubectl create secret` makes it; with the authority beside it for whoever asks clients for certificates. */
  secret(name: string, namespace: string, host: string, authority: "with authority" | "alone"): string {
    const { pem, keyPem } = this.of(host);
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const roots = authority === "alone" ? "" : `, ca.crt: ${base64(this.roots)}`;
    return `
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: ${namespace}}
data: {tls.crt: ${base64(pem)}, tls.key: ${base64(keyPem)}${roots}}
---`;
  }
}

export interface OutsideServer {
  readonly port: number;
  stop(): void;
}

interface TlsOfServer {
  readonly certificates: Certificates;
  readonly name: string;
  readonly others?: readonly string[];
  readonly clients: "anybody" | "with a certificate";
}

/** Answers one request a connection with its name, the client's certificate and the server name that was asked for; `/delay/N` after so many seconds. */
export async function serveOutside(name: string, tls?: TlsOfServer): Promise<OutsideServer> {
  const server: Server = tls ? createSecure(optionsOf(tls), (socket) => serve(name, socket)) : createPlain();
  if (!tls) server.on("connection", (socket) => serve(name, socket));
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    stop() {
      server.close();
    },
  };
}

function serve(name: string, socket: Socket | TLSSocket): void {
  socket.on("error", () => {});
  const secure = "getPeerCertificate" in socket ? socket : undefined;
  const client = secure?.getPeerCertificate()?.subjectaltname ?? "nobody";
  const sni = (secure as { readonly servername?: string | false } | undefined)?.servername || "";
  let head = "";
  socket.on("data", (bytes) => {
    head += bytes.toString("latin1");
    if (!head.includes("\r\n\r\n")) return;
    const [, path = "/"] = head.split(" ");
    const body = JSON.stringify({ by: name, client, sni, path });
    const lines = ["HTTP/1.1 200 OK", `x-application: ${name}`, "connection: close", `content-length: ${body.length}`];
    const seconds = Number(/^\/delay\/([\d.]+)/.exec(path)?.[1] ?? 0);
    setTimeout(() => socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`), seconds * 1_000);
  });
}

function optionsOf({ certificates, name, others = [], clients }: TlsOfServer) {
  const { pem, keyPem } = certificates.of(name, ...others);
  const verified = { ca: certificates.roots, requestCert: true, rejectUnauthorized: true };
  return { cert: pem, key: keyPem, ...(clients === "anybody" ? {} : verified) };
}
