import type { KindWords } from "../words.ts";

export const SIDECAR: KindWords = {
  about: "What the proxies beside workloads know of the mesh, and which ports they open for them",
  proxies:
    "The proxies beside the workloads that it selects act on it, Heddle's proxy and Envoy alike; gateways ignore it.",
  fields: {
    "spec.workloadSelector": {
      says: "Workloads of the namespace that it is for",
      default: "all of the namespace, or of the mesh in a root namespace",
    },
    "spec.ingress": { says: "Ports that are served for the workload", default: "those of its services" },
    "spec.egress": { says: "What the workload may reach", default: "all that is exported to its namespace" },
    "spec.inboundConnectionPool": "Limits on the connections to the workload",
    "inboundConnectionPool.tcp": "Limits on connections, whatever they carry",
    "inboundConnectionPool.http": "Limits on HTTP requests",
    "spec.outboundTrafficPolicy": {
      says: "What happens to requests for hosts that are unknown",
      default: "MeshConfig's",
    },
    "outboundTrafficPolicy.mode": { says: "REGISTRY_ONLY refuses them", default: "REGISTRY_ONLY" },
    "outboundTrafficPolicy.egressProxy": "A service that they are sent to",
    "egressProxy.host": "Name of the service",
    "egressProxy.subset": "Name of a subset in its DestinationRule",
    "egressProxy.port": "Port of the service",
    "egressProxy.port.number": "Its number",
    "egress.port": { says: "A port that is opened for these hosts", default: "the ports of the hosts" },
    "egress.bind": {
      says: "Address that the port is opened at, or unix:///path",
      default: "the services' own, or 127.0.0.1",
    },
    captureMode: {
      says: "Whether connections are captured or made to the port itself (NONE)",
      default: "as the workload's are",
    },
    "egress.hosts": "Hosts as namespace/name; the namespace may be *, . (its own) or ~ (none), the name *",
    "ingress.port": "The port that is served",
    "ingress.bind": "Address that the port is opened at",
    "ingress.defaultEndpoint": {
      says: "Where requests go: 127.0.0.1:PORT, 0.0.0.0:PORT or unix:///path",
      default: "the same port of the workload",
    },
    "ingress.tls": "TLS that the port ends in the place of the mesh's",
    "ingress.connectionPool": "Limits on the connections to the port",
    "port.number": "Number of the port",
    "port.protocol": "HTTP, HTTP2, GRPC, TLS, TCP, …, in either case",
    "port.name": "Name of the port",
    "port.targetPort": { says: "Port behind it", deprecated: "Istio reads it nowhere" },
  },
  example: `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata:
  name: default
  namespace: shop
spec:
  egress:
  - hosts: ["./*", "istio-system/*"]
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
`,
};
