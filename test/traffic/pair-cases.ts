// Every case on both proxies, on either side of the leg: Heddle to Heddle, Envoy to Envoy, and mixed. One expectation for all.
// The cases of a pair share one mesh: `-t "envoy → heddle > gRPC"` runs those of one pair and subject.

import { afterAll, beforeAll, describe, setDefaultTimeout } from "bun:test";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { authorizationCases } from "./cases/authorization.ts";
import { authorizerCases } from "./cases/authorizers.ts";
import { countingCases } from "./cases/counting.ts";
import { destinationCases } from "./cases/destinations.ts";
import { egressCases } from "./cases/egress.ts";
import { externalNameCases } from "./cases/external-names.ts";
import { forwardProxyCases } from "./cases/forward-proxy.ts";
import { gatewayCases } from "./cases/gateway.ts";
import { gatewaySocketCases } from "./cases/gateway-sockets.ts";
import { grpcCases } from "./cases/grpc.ts";
import { http1Cases } from "./cases/http1.ts";
import { http2Cases } from "./cases/http2.ts";
import { identityCases } from "./cases/identity.ts";
import { leavingCases } from "./cases/leaving.ts";
import { meshSettingsCases } from "./cases/mesh-settings.ts";
import { orderCases } from "./cases/order.ts";
import { originationCases } from "./cases/origination.ts";
import { patchCases } from "./cases/patches.ts";
import { routeFeatureCases } from "./cases/route-features.ts";
import { routingCases } from "./cases/routing.ts";
import { scopingCases } from "./cases/scoping.ts";
import { sniffedEgressCases } from "./cases/sniffed-egress.ts";
import { spanCases } from "./cases/spans.ts";
import { tcpCases } from "./cases/tcp.ts";
import { telemetryCases } from "./cases/telemetry.ts";
import { trapCases } from "./cases/traps.ts";
import { undeclaredCases } from "./cases/undeclared.ts";
import { webSocketCases } from "./cases/websocket.ts";
import { workloadCases } from "./cases/workloads.ts";
import { PAIRS, Pair } from "./pair.ts";

// Envoy starts in seconds on a busy machine, and a request that is retried takes its time.
const TIMEOUT_MS = 30_000;

/** Declares the cases of the pairs that are alike, or of those that are not: a file for either, so that they run side by side. */
export function pairCases(alike: boolean): void {
  setDefaultTimeout(TIMEOUT_MS);
  for (const [clientProxy, serverProxy] of PAIRS) {
    if ((clientProxy === serverProxy) !== alike) continue;
    declare(clientProxy, serverProxy);
  }
}

function declare(clientProxy: ProxyKind, serverProxy: ProxyKind): void {
  describe(`${clientProxy} → ${serverProxy}`, () => {
    const pair = new Pair(clientProxy, serverProxy);
    beforeAll(() => pair.start(), 60_000);
    afterAll(() => pair.stop(), 30_000);

    describe("routing", () => routingCases(pair));
    describe("route features", () => routeFeatureCases(pair));
    describe("identity", () => identityCases(pair));
    describe("HTTP/1.1", () => http1Cases(pair));
    describe("HTTP/2", () => http2Cases(pair));
    describe("gRPC", () => grpcCases(pair));
    describe("WebSocket", () => webSocketCases(pair));
    describe("TCP", () => tcpCases(pair));
    describe("undeclared", () => undeclaredCases(pair));
    describe("forward proxy", () => forwardProxyCases(pair));
    describe("external names", () => externalNameCases(pair));
    describe("gateway", () => gatewayCases(pair, clientProxy));
    describe("sniffed egress", () => sniffedEgressCases(pair));
    describe("gateway on Unix sockets", () => gatewaySocketCases(pair, clientProxy));
    describe("counted on both sides:", () => countingCases(pair));
    describe("authorization", () => authorizationCases(pair));
    describe("asked authorizers:", () => authorizerCases(pair, clientProxy));
    describe("mesh settings", () => meshSettingsCases(pair));
    describe("workloads", () => workloadCases(pair));
    describe("scoping", () => scopingCases(pair, clientProxy));
    describe("telemetry", () => telemetryCases(pair, clientProxy));
    describe("spans", () => spanCases(pair));
    describe("patches", () => patchCases(pair, clientProxy));
    describe("order", () => orderCases(pair));
    describe("destinations", () => destinationCases(pair));
    describe("origination", () => originationCases(pair, clientProxy));
    describe("egress", () => egressCases(pair, serverProxy));
    describe("traps", () => trapCases(pair, clientProxy));
    describe("leaving", () => leavingCases(pair));
  });
}
