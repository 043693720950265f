import type { KindWords } from "../words.ts";

export const ENVOY_FILTER: KindWords = {
  about: "Patches of what an Envoy is told, for what no other kind says",
  proxies:
    "Envoys act on it, beside workloads and as gateways. Heddle's proxy takes none of it: HED1560 names the workloads ([envoyfilter.md](../envoyfilter.md)).",
  fields: {
    "spec.priority": { says: "Order among objects: the lowest is applied first", default: "0" },
    "spec.configPatches": "The patches, in their order",
    "configPatches.applyTo": "What is patched",
    "configPatches.match": { says: "Which of them", default: "all" },
    "configPatches.patch": "How",
    "match.context": { says: "Sidecars' inbound or outbound side, gateways, or anywhere", default: "ANY" },
    "match.proxy": "Which proxies",
    "proxy.proxyVersion": "Regular expression for the version",
    "proxy.metadata": "Metadata that the proxy has, all of it",
    "match.listener": "Which listeners, chains and filters",
    "match.routeConfiguration": "Which route configurations, virtual hosts and routes",
    "match.cluster": "Which clusters",
    "match.waypoint": "Which waypoints: there are none",
    "waypoint.filter": "Which of its filters",
    "waypoint.route": "Which of its routes",
    portNumber: "Number of the port",
    portName: { says: "Name of the port", deprecated: "Istio reads it nowhere" },
    "listener.name": "Name of the listener",
    "listener.listenerFilter": "Name of a listener filter",
    "listener.filterChain": "Which of its chains",
    "filterChain.name": "Name of the chain",
    "filterChain.sni": "Server name that the chain is for",
    "filterChain.transportProtocol": "raw_buffer or tls",
    "filterChain.applicationProtocols": "Protocols (ALPN) that the chain is for, by commas",
    "filterChain.destinationPort": "Port that the chain is for",
    "filterChain.filter": "Which of its filters",
    "filter.name": "Name of the filter, as in envoy.filters.network.http_connection_manager",
    "filter.subFilter": "Which filter inside it",
    "subFilter.name": "Name of the filter, as in envoy.filters.http.router",
    "routeConfiguration.gateway": "Gateway that the configuration is for, as namespace/name",
    "routeConfiguration.name": "Name of the route configuration",
    "routeConfiguration.vhost": "Which virtual host",
    "vhost.name": "Name of the virtual host, as in reviews.shop.svc.cluster.local:80",
    "vhost.domainName": "A domain of the virtual host",
    "vhost.route": "Which of its routes",
    "route.name": "Name of the route",
    "route.action": { says: "What the route does", default: "ANY" },
    "cluster.service": "Host of the service",
    "cluster.subset": "Name of the subset",
    "cluster.name": "Name of the cluster",
    "patch.operation": "What is done with the value",
    "patch.value": "A part of Envoy's configuration, by its own field names",
    "patch.filterClass": { says: "Where an added filter stands among the mesh's own", default: "by the operation" },
  },
  example: `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: buffer
  namespace: shop
spec:
  workloadSelector:
    labels: {app: web}
  configPatches:
  - applyTo: HTTP_FILTER
    match:
      context: SIDECAR_INBOUND
      listener:
        filterChain:
          filter:
            name: envoy.filters.network.http_connection_manager
            subFilter: {name: envoy.filters.http.router}
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.buffer
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer
          max_request_bytes: 65536
`,
};
