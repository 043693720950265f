// The legs of the mesh as both of their ends count them: who called whom, as whom, and whether under mutual TLS.

import { parseSeries, readExposition } from "../../../src/stats/parse.ts";
import type { Member } from "./mesh.ts";

export interface Leg {
  readonly from: string;
  readonly to: string;
  /** Both ends saw each other's identity, they saw the same two, and the server no request outside of mutual TLS. */
  readonly mtls: boolean;
  /** SPIFFE ids. */
  readonly client: string;
  readonly server: string;
}

/** A leg, and how many requests each end has counted. */
export interface CountedLeg {
  readonly leg: Leg;
  readonly sent: number;
  readonly received: number;
}

/** One series of istio_requests_total. */
interface Requests {
  readonly labels: ReadonlyMap<string, string>;
  readonly count: number;
}

async function requestsOf({ metricsUrl }: Member): Promise<readonly Requests[]> {
  const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(2_000) });
  const found: Requests[] = [];
  for (const line of readExposition(await response.text())) {
    if (line.kind !== "sample" || !line.series.startsWith("istio_requests_total{")) continue;
    const series = parseSeries(line.series);
    if (series) found.push({ labels: series.labels, count: line.value });
  }
  return found;
}

function count(requests: readonly Requests[]): number {
  return requests.reduce((sum, one) => sum + one.count, 0);
}

/** The one value that a label has in all series; "" when they differ or there is none. */
function only(requests: readonly Requests[], label: string): string {
  const values = new Set(requests.map(({ labels }) => labels.get(label) ?? ""));
  return values.size === 1 ? [...values][0]! : "";
}

/** `sent` by the client's word, `received` by the server's. */
function legOf(from: string, to: string, sent: readonly Requests[], received: readonly Requests[]): Leg {
  const client = only(sent, "source_principal");
  const server = only(received, "destination_principal");
  const isProven =
    client.startsWith("spiffe://") &&
    server.startsWith("spiffe://") &&
    only(sent, "destination_principal") === server &&
    only(received, "source_principal") === client;
  const mtls = isProven && only(received, "connection_security_policy") === "mutual_tls";
  return { from, to, mtls, client, server };
}

/** The legs from a client to each of the servers that it called or that was called. Rejects when one of them gives no metrics. */
export async function legsBetween(client: Member, servers: readonly Member[]): Promise<readonly CountedLeg[]> {
  const sent = (await requestsOf(client)).filter(({ labels }) => labels.get("reporter") === "source");
  const legs = await Promise.all(
    servers.map(async (server) => {
      const received = (await requestsOf(server)).filter(({ labels }) => labels.get("reporter") === "destination");
      const there = sent.filter(({ labels }) => labels.get("destination_workload") === server.workload);
      if (there.length === 0 && received.length === 0) return [];
      return [
        { leg: legOf(client.app, server.workload, there, received), sent: count(there), received: count(received) },
      ];
    }),
  );
  return legs.flat();
}

/** Envoy's sidecar counts what its access log tells, which comes a second late. */
const SETTLE_MS = 5_000;
const POLL_MS = 100;

/**
 * The legs once both ends have counted all `requests` between them. A leg whose ends still differ after a while is not proven:
 * some of its requests may have gone another way.
 */
export async function settledLegs(
  client: Member,
  servers: readonly Member[],
  requests: number,
): Promise<readonly Leg[]> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const legs = await legsBetween(client, servers);
    const isSettled = legs.every(({ sent, received }) => sent === received);
    const total = legs.reduce((sum, { sent }) => sum + sent, 0);
    if (isSettled && total >= requests) return legs.map(({ leg }) => leg);
    if (performance.now() > deadline) {
      return legs.map(({ leg, sent, received }) => ({
        ...leg,
        mtls: leg.mtls && sent === received && total >= requests,
      }));
    }
    await Bun.sleep(POLL_MS);
  }
}
