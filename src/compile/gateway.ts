// What only a gateway proxy needs: a listener for each port that its Gateways open, the routes behind them, and the certificates.

import { isUnixAddress, unixPath } from "../model/endpoint.ts";
import { type GatewayPort, openedPorts } from "../model/gateway-ports.ts";
import type { Mesh } from "../model/mesh.ts";
import type { GatewayProxy, Workload, WorkloadProxy } from "../model/workload.ts";
import type { Listener } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { listenerName } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import { type Guard, guardOf } from "./authorization/guard.ts";
import { blackHoleCluster } from "./cluster-special.ts";
import { type ChainContext, httpFilter, streamFilter, streamGuards } from "./connection-manager.ts";
import { CredentialSecrets } from "./credential-secrets.ts";
import { type ChainPlan, plainRouteName, planChains, secureRouteName, takesSecureHttp } from "./gateway-chains.ts";
import { GatewayCredentials } from "./gateway-credentials.ts";
import { type GatewayRoutes, gatewayRoutes, planHosts } from "./gateway-routes.ts";
import { gatewaySocket } from "./gateway-tls.ts";
import { legPassages, passageClusters } from "./leg-passage.ts";
import { filterChain, listener, pipeAddress, proxyProtocol, socketAddress, tlsInspector } from "./listener.ts";
import type { Memo } from "./memo.ts";
import { originateAll } from "./origination.ts";
import { settingsWith } from "./own-http.ts";
import { type Compiled, type Source, wholeObject } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import type { View } from "./visibility.ts";

export interface GatewayResources {
  readonly lds: readonly Compiled[];
  readonly cds: readonly Compiled[];
  readonly rds: readonly Compiled[];
  readonly vhds: readonly Compiled[];
  readonly sds: readonly Compiled[];
}

/** One listener. Plain data: the memo compares it. */
interface ListenerPlan {
  readonly name: string;
  /** As GatewayServer's bind. */
  readonly address: string;
  readonly port: number;
  readonly inspectsTls: boolean;
  readonly chains: readonly ChainPlan[];
}

export function compileGateway(
  { mesh, memo }: { readonly mesh: Mesh; readonly memo: Memo },
  workload: Workload,
  proxy: WorkloadProxy & { readonly gateway: GatewayProxy },
  view: View,
): GatewayResources {
  const { ports } = openedPorts(mesh, workload);
  const secrets = new CredentialSecrets(mesh, workload.namespace);
  originateAll(mesh, view, secrets);
  const credentials = new GatewayCredentials(secrets, featuresOf(proxy.kind));
  const context = { mesh, view, credentials };
  const planned = ports.flatMap((port) => {
    const chains = planChains(context, port);
    return chains.length === 0 ? [] : [{ port, chains }];
  });
  // Replicas open the same ports for the same Gateways, and share what is made of them.
  const scope = `gateway/${view.key}/${JSON.stringify(workload.labels)}`;
  const routes = planned.flatMap(({ port }) => routesOf(mesh, memo, view, scope, port));
  const guard = guardOf(mesh, workload);
  const passages = ports.flatMap(({ servers }) => servers.flatMap((bound) => legPassages(mesh, view, bound)));
  const blackHole = memo.get("special/gateway", [], () => ({
    resource: encodeResource("cds", blackHoleCluster()),
    sources: [],
  }));
  return {
    lds: planned.map(({ port, chains }) => compileListener(mesh, memo, scope, view, proxy, guard, port, chains)),
    cds: [blackHole, ...passageClusters({ mesh, memo }, scope, passages)],
    rds: routes.map((made) => made.routes),
    vhds: routes.flatMap((made) => made.virtualHosts),
    sds: secrets.resources(memo),
  };
}

function sourcesOf(servers: GatewayPort["servers"]): readonly Source[] {
  return servers.map(({ gateway, server }) => ({ origin: gateway.origin, path: server.path }));
}

function routesOf(mesh: Mesh, memo: Memo, view: View, scope: string, port: GatewayPort): readonly GatewayRoutes[] {
  const { family, servers } = port;
  if (family === "http") {
    const hosts = planHosts(mesh, view, servers, "http");
    return [gatewayRoutes(memo, scope, plainRouteName(port), hosts, sourcesOf(servers))];
  }
  return servers.filter(takesSecureHttp).map((bound) => {
    const hosts = planHosts(mesh, view, [bound], "https");
    return gatewayRoutes(memo, scope, secureRouteName(bound), hosts, sourcesOf([bound]));
  });
}

function compileListener(
  mesh: Mesh,
  memo: Memo,
  scope: string,
  view: View,
  proxy: WorkloadProxy & { readonly gateway: GatewayProxy },
  guard: Guard | undefined,
  { number, bind, family, servers }: GatewayPort,
  chains: readonly ChainPlan[],
): Compiled {
  const settings = settingsWith(mesh.settings, proxy.http);
  const { telemetry } = view;
  const address = bind ?? proxy.bindAddress;
  const name = listenerName({ address, port: number });
  const plan: ListenerPlan = { name, address, port: number, inspectsTls: family === "tls", chains };
  const sources = [...sourcesOf(servers), ...(guard?.origins ?? []).map(wholeObject)];
  return memo.get(`lds/${scope}/${name}`, [plan, proxy.gateway, settings, guard, telemetry, sources], () => {
    const features = featuresOf(proxy.kind);
    const context: ChainContext = { settings, features, direction: "outbound", guard, telemetry };
    return { resource: encodeResource("lds", gatewayListener(context, proxy.gateway, plan)), sources };
  });
}

function gatewayListener(context: ChainContext, gateway: GatewayProxy, plan: ListenerPlan): Listener {
  return listener(context, "outbound", {
    name: plan.name,
    address: isUnixAddress(plan.address) ? pipeAddress(unixPath(plan.address)) : socketAddress(plan.address, plan.port),
    ...(gateway.connections?.bufferBytes === undefined
      ? {}
      : { perConnectionBufferLimitBytes: gateway.connections.bufferBytes }),
    listenerFilters: [
      ...(gateway.proxyProtocol ? [proxyProtocol()] : []),
      ...(plan.inspectsTls ? [tlsInspector()] : []),
    ],
    filterChains: plan.chains.map((chain) => {
      const { name, serverNames, socket, terminal } = chain;
      const statPrefix = `outbound_${plan.name}`;
      return filterChain(context, {
        name,
        filter:
          terminal.kind === "http"
            ? httpFilter(context, { statPrefix, port: plan.port, routes: terminal.routes, edge: gateway })
            : streamFilter(context, {
                statPrefix: terminal.clusters[0]?.name ?? statPrefix,
                clusters: terminal.clusters,
                ...(terminal.settings ? { settings: terminal.settings } : {}),
              }),
        before: terminal.kind === "http" ? [] : streamGuards(context, plan.port),
        ...(plan.inspectsTls ? { match: { serverNames: [...serverNames], transportProtocol: "tls" } } : {}),
        ...(socket ? { tls: gatewaySocket(socket, terminal.kind === "http", context.settings) } : {}),
      });
    }),
  });
}

export function isGateway(proxy: WorkloadProxy): proxy is WorkloadProxy & { readonly gateway: GatewayProxy } {
  return proxy.gateway !== undefined;
}
