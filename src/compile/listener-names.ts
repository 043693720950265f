// Names of listeners, clusters and route configurations that Istio has no counterpart for.

/** The mesh port. */
export const MESH_INBOUND = "meshInbound";
/** The application's HTTP proxy (`http_proxy`, `https_proxy`). */
export const FORWARD_PROXY = "forwardProxy";
/** Internal listener, and the cluster that leads to it: HTTP that came through CONNECT. */
export const FORWARD_PROXY_TUNNEL = "forwardProxyTunnel";
/** Any host outside of the mesh, resolved by DNS. */
export const PASSTHROUGH_DNS = "PassthroughDNS";
/** Captured connections to a port that no service has, handed to the application as they are. */
export const INBOUND_PASSTHROUGH = "InboundPassthroughCluster";

/** `upstream_9191`. */
export function upstreamListenerName(port: number): string {
  return `upstream_${port}`;
}

/** `inbound_127.0.0.1_8080`: by the application's port, whichever port stands for it. */
export function inboundListenerName(address: string, applicationPort: number): string {
  return `inbound_${address}_${applicationPort}`;
}

/** `upstream|80||golden-signal.default.svc.cluster.local`: routes of one service for those who cannot be told apart by the Host header. */
export function upstreamRouteName(host: string, port: number): string {
  return `upstream|${port}||${host}`;
}

/** `address|80|10.0.0.6|db.default.svc.cluster.local`: of one endpoint of a headless service. */
export function endpointRouteName(host: string, port: number, address: string): string {
  return `address|${port}|${address}|${host}`;
}

/** `golden-signal.default.svc.cluster.local:7000`, as Istio names the routes of a sniffed port. */
export function addressRouteName(host: string, port: number): string {
  return `${host}:${port}`;
}
