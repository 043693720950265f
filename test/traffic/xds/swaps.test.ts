// Configuration that changes under load: listeners, clusters, routes, endpoints and certificates are replaced, and no request notices.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { CLIENT, identityOf, SERVER } from "./certificates.ts";
import type { CaseConfiguration } from "./configuration.ts";
import { httpOptions, upstreamTls } from "./message.ts";
import { type Traffic, traffic } from "./traffic.ts";

const RENEWED = identityOf("client");
/** Each changes a listener, a cluster, its endpoints, a route configuration and, over TLS, a certificate. */
const ROUNDS = 25;
const CONNECTIONS = 6;

/** Everything that a round changes differs from the round before; that the answer is one of this round's is in its header. */
function round(n: number, tls: boolean): CaseConfiguration {
  const own = n % 2 === 0 ? CLIENT : RENEWED;
  const fields = {
    connect_timeout: `${10 + n}s`,
    typed_extension_protocol_options: httpOptions(tls ? "http2" : "http1"),
    ...(tls ? { transport_socket: upstreamTls(own, SERVER, ["h2"]) } : {}),
  };
  return {
    rds: true,
    clusters: { upstream: { eds: true, endpoints: n % 2 === 0 ? ["v1", "v2"] : ["v2", "v3"], fields } },
    routeConfiguration: { response_headers_to_add: [{ header: { key: "x-round", value: String(n) } }] },
    manager: { server_name: `round-${n}` },
  };
}

async function swaps({ client, application, update, logs }: Traffic, tls: boolean): Promise<void> {
  let over = false;
  const rounds = new Set<string>();
  const bad: string[] = [];
  let served = 0;
  const load = async (): Promise<void> => {
    while (!over) {
      const outcome = await client.outcome("/", { method: "POST", body: "kept" });
      if (typeof outcome === "string" || outcome.status !== 200 || outcome.echo.body !== "kept")
        bad.push(typeof outcome === "string" ? outcome : `${outcome.status} ${outcome.text}`);
      else {
        served++;
        rounds.add(outcome.header("x-round") ?? "");
      }
    }
  };
  const clients = Array.from({ length: CONNECTIONS }, load);
  for (let n = 1; n <= ROUNDS; n++) {
    await update(round(n, tls));
    await until(`an answer of round ${n}`, () => bad.length > 0 || rounds.has(String(n)));
  }
  over = true;
  await Promise.all(clients);
  expect(bad).toEqual([]);
  // Each reached an application once, and is in the log once.
  expect(application.requests).toHaveLength(served);
  expect(new Set((await logs(served)).map(({ code, flags }) => `${code} ${flags}`))).toEqual(new Set(["200 -"]));
}

traffic(
  "100 changes under requests lose none",
  { ...round(0, false), legs: ["plaintext"], timeoutMs: 60_000 },
  (given) => swaps(given, false),
);

traffic(
  "100 changes under requests lose none, certificates among them",
  { ...round(0, true), legs: ["h2"], timeoutMs: 60_000 },
  (given) => swaps(given, true),
);
