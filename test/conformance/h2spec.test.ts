// The conformance suite for HTTP/2 servers, https://github.com/summerwind/h2spec, in strict mode, on ports of the running proxy: HTTP/2
// in the clear, TLS with ALPN, and the one that finds out for itself what is spoken.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import { testLeaf, testRoot } from "../../src/pki/certificate-fixtures.ts";
import { httpFilter, listener, type Message, routeTo, staticCluster } from "../../src/proxy/proxy-fixture.ts";
import { ProxyProcess } from "./proxy-process.ts";

const h2spec = findComponent("h2spec");
if (h2spec === undefined && process.env.CI === "true") throw new Error("the conformance suite needs h2spec");
const skipped = h2spec === undefined ? " (skipped: h2spec is not installed, which takes Go)" : "";

const TLS_CONTEXT = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
const TIMEOUT_MS = 120_000;

const WHOLE = ["generic", "http2", "hpack"];
/** All of it but "3.5 2: sends invalid connection preface", which on a port that speaks HTTP/1.1 too gets an HTTP/1.1 400. */
const WITHOUT_BAD_PREFACE = [
  "generic",
  "http2/3.5/1",
  ...["4", "5", "6", "7", "8"].map((part) => `http2/${part}`),
  "hpack",
];

const PORTS = [
  { name: "plaintext", sections: WHOLE, options: [], cases: 146 },
  { name: "tls", sections: WHOLE, options: ["--tls", "--insecure"], cases: 146 },
  { name: "auto", sections: WITHOUT_BAD_PREFACE, options: [], cases: 145 },
] as const;

/** Few enough for the suite to pass them in a burst. */
const STREAMS = { http2_protocol_options: { max_concurrent_streams: 50 } };

/**
 * Answers once no other request has come for a while: the suite's case for too many streams needs those that it began to be open, and
 * an answer at once would end them.
 */
class PatientUpstream {
  #waiting: (() => void)[] = [];
  #timer: Timer | undefined;
  readonly server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      await request.arrayBuffer();
      await this.#quiet();
      return new Response("hello\n");
    },
  });

  #quiet(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      for (const answer of this.#waiting.splice(0)) answer();
    }, 50);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function tlsSocket(): Message {
  const now = Date.now();
  const root = testRoot(now);
  const leaf = testLeaf(root, "spiffe://cluster.local/ns/default/sa/server", now);
  const certificate = {
    certificate_chain: { inline_string: leaf.pem },
    private_key: { inline_string: leaf.keyPem },
  };
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": TLS_CONTEXT,
      common_tls_context: { alpn_protocols: ["h2", "http/1.1"], tls_certificates: [certificate] },
    },
  };
}

describe.skipIf(h2spec === undefined)("h2spec", () => {
  let upstream: PatientUpstream;
  let proxy: ProxyProcess;

  beforeAll(async () => {
    upstream = new PatientUpstream();
    const routes = [routeTo("upstream")];
    const auto = httpFilter({ name: "http", routes, settings: STREAMS });
    const secure = {
      name: "tls",
      address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
      filter_chains: [{ filters: [auto], transport_socket: tlsSocket() }],
    };
    const plaintext = httpFilter({ name: "http", routes, settings: { ...STREAMS, codec_type: "HTTP2" } });
    proxy = await ProxyProcess.start({
      listeners: [listener("plaintext", plaintext), listener("auto", auto), secure],
      clusters: [staticCluster("upstream", [upstream.server.port ?? 0])],
    });
  });
  afterAll(async () => {
    await proxy?.stop();
    await upstream?.server.stop(true);
  });

  for (const { name, sections, options, cases } of PORTS) {
    test(
      `${cases} cases pass in strict mode on the port ${name}${skipped}`,
      async () => {
        const target = ["--host", "127.0.0.1", "--port", String(proxy.port(name)), ...options];
        const command = [h2spec ?? "", ...sections, "--strict", "--timeout", "5", ...target];
        const run = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
        const output = await new Response(run.stdout).text();
        const verdict = /Failures: [\s\S]*|\d+ tests, .*/.exec(output)?.[0].trim();
        expect(verdict).toBe(`${cases} tests, ${cases} passed, 0 skipped, 0 failed`);
        expect(await run.exited).toBe(0);
      },
      TIMEOUT_MS,
    );
  }
});
