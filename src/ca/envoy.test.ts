// What the authority makes, judged by Envoy's SPIFFE validator: the mesh's other data plane must accept and refuse the same.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { bundlePem } from "../pki/bundle.ts";
import { certificatePem } from "../pki/certificate.ts";
import { testLeaf } from "../pki/certificate-fixtures.ts";
import { exportPrivateKey, generateKeyPair } from "../pki/key.ts";
import { unwrap } from "../pki/parsed.ts";
import { parseSpiffeId } from "../pki/spiffe.ts";
import { createRoot, issueLeaf, type Root, selfSignedAuthority } from "./authority.ts";

const envoy = findComponent("envoy");

const SERVER = "spiffe://cluster.local/ns/default/sa/golden-signal";
const CLIENT = "spiffe://cluster.local/ns/default/sa/client";
const HOUR_MS = 3_600_000;

const now = Date.now();
const root = createRoot("cluster.local", now);
const foreign = createRoot("cluster.local", now);

interface Identity {
  readonly pem: string;
  readonly keyPem: string;
}

function identity(signer: Root, uri: string, ttlMs = HOUR_MS, nowMs = now): Identity {
  const key = generateKeyPair();
  const request = { id: unwrap(parseSpiffeId(uri)), publicKeyInfo: key.publicKeyInfo, ttlMs };
  const verdict = issueLeaf(selfSignedAuthority(signer, "cluster.local"), request, nowMs);
  if (verdict.kind === "refused") throw new Error(verdict.reason);
  return { pem: certificatePem(verdict.leaf), keyPem: exportPrivateKey(key).reveal() };
}

/** A leaf that breaks a rule, signed by the mesh's own root. */
function broken(uri: string, changes: Parameters<typeof testLeaf>[3]): Identity {
  return testLeaf({ ...root, pem: "", keyPem: "" }, uri, now, changes);
}

function bootstrap(folder: string): unknown {
  const tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
  const http = "type.googleapis.com/envoy.extensions.filters";
  const file = (name: string) => ({ filename: join(folder, name) });
  const spiffe = {
    "@type": `${tls}.SPIFFECertValidatorConfig`,
    trust_domains: [{ name: "cluster.local", trust_bundle: file("roots.pem") }],
  };
  const context = {
    tls_certificates: [{ certificate_chain: file("chain.pem"), private_key: file("key.pem") }],
    validation_context: {
      match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: CLIENT } }],
      custom_validator_config: { name: "envoy.tls.cert_validator.spiffe", typed_config: spiffe },
    },
  };
  const manager = {
    "@type": `${http}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "test",
    http_filters: [{ name: "router", typed_config: { "@type": `${http}.http.router.v3.Router` } }],
    route_config: {
      virtual_hosts: [
        { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] },
      ],
      response_headers_to_add: [{ header: { key: "x-peer", value: "%DOWNSTREAM_PEER_URI_SAN%" } }],
    },
  };
  const chain = {
    transport_socket: {
      name: "tls",
      typed_config: {
        "@type": `${tls}.DownstreamTlsContext`,
        require_client_certificate: true,
        common_tls_context: context,
      },
    },
    filters: [{ name: "http", typed_config: manager }],
  };
  const loopback = { socket_address: { address: "127.0.0.1", port_value: 0 } };
  return {
    admin: { address: loopback },
    static_resources: { listeners: [{ name: "mtls", address: loopback, filter_chains: [chain] }] },
  };
}

/** Waits for a line of Envoy's log; its end without that line is a failure with the log in it. */
async function untilLogged(stream: ReadableStream<Uint8Array>, wanted: string): Promise<void> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream() as never) as unknown as AsyncIterable<string>) {
    text += chunk;
    if (text.includes(wanted)) return;
  }
  throw new Error(`envoy ended before it logged "${wanted}":\n${text}`);
}

/** The peer that Envoy saw, or why there was no answer. */
async function call(
  port: number,
  client: Identity | undefined,
  roots: string = certificatePem(root.certificate),
): Promise<string> {
  const answer = Promise.withResolvers<string>();
  let received = "";
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    tls: {
      ca: roots,
      ...(client && { cert: client.pem, key: client.keyPem }),
      rejectUnauthorized: false,
      serverName: "outbound_.80_._.x",
    },
    socket: {
      handshake(socket, _, error) {
        const code = (error as { code?: string } | null)?.code;
        if (code !== "ERR_TLS_CERT_ALTNAME_INVALID") answer.resolve(`server: ${code}`);
        else socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
      },
      data(socket, bytes) {
        received += bytes.toString();
        if (received.includes("\r\n\r\n")) socket.terminate(); // Envoy would keep the closing connection for a second
      },
      close: () => answer.resolve(/x-peer: (\S+)/.exec(received)?.[1] ?? "refused"),
      error() {},
    },
  });
  return answer.promise;
}

describe.skipIf(envoy === undefined && process.env.CI !== "true")("envoy", () => {
  let folder = "";
  let port = 0;
  let child: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "heddle-envoy-"));
    const server = identity(root, SERVER);
    const files = {
      "chain.pem": server.pem,
      "key.pem": server.keyPem,
      "roots.pem": bundlePem(selfSignedAuthority(root, "cluster.local").bundle),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
    writeFileSync(join(folder, "envoy.json"), JSON.stringify(bootstrap(folder)));
    const args = [
      "-c",
      "envoy.json",
      "--concurrency",
      "1",
      "--disable-hot-restart",
      "--admin-address-path",
      "admin",
      "-l",
      "info",
    ];
    child = Bun.spawn([envoy!, ...args], { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    await untilLogged(child.stderr, "starting main dispatch loop");
    const admin = await Bun.file(join(folder, "admin")).text();
    const { listener_statuses: listeners } = (await (
      await fetch(`http://${admin.trim()}/listeners?format=json`)
    ).json()) as {
      listener_statuses: { local_address: { socket_address: { port_value: number } } }[];
    };
    port = listeners[0]!.local_address.socket_address.port_value;
  }, 20_000);

  afterAll(async () => {
    child?.kill();
    await child?.exited;
    rmSync(folder, { recursive: true, force: true });
  });

  test("accepts a certificate of the authority and reads its SPIFFE id", async () => {
    expect(await call(port, identity(root, CLIENT))).toBe(CLIENT);
  });

  test("is accepted as a server under the authority's root, and not under another", async () => {
    expect(await call(port, identity(root, CLIENT), certificatePem(foreign.certificate))).toBe(
      "server: UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    );
  });

  test("refuses a foreign chain with the right name, a right chain with a wrong name, an expired one and none", async () => {
    expect(await call(port, identity(foreign, CLIENT))).toBe("refused");
    expect(await call(port, identity(root, "spiffe://cluster.local/ns/default/sa/other"))).toBe("refused");
    expect(await call(port, identity(root, CLIENT, HOUR_MS, now - 2 * HOUR_MS))).toBe("refused");
    expect(await call(port, undefined)).toBe("refused");
  });

  test("refuses an authority, a signing key usage and another trust domain, as the rules of X.509-SVID say", async () => {
    expect(await call(port, broken(CLIENT, {}))).toBe(CLIENT);
    expect(await call(port, broken(CLIENT, { authority: {} }))).toBe("refused");
    expect(await call(port, broken(CLIENT, { keyUsage: 0x21 }))).toBe("refused");
    expect(await call(port, broken("spiffe://other.example/ns/default/sa/client", {}))).toBe("refused");
  });
});
