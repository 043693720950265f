import type { KindWords } from "../words.ts";

export const GATEWAY: KindWords = {
  about: "Ports that a proxy at the edge of the mesh opens, for which hosts, and with which certificates",
  proxies: "The proxies that the selector names act on it (`heddle gateway`), Heddle's proxy and Envoy alike.",
  fields: {
    "spec.selector": { says: "Labels of the proxies, all of them, in whatever namespace", default: "every gateway" },
    "spec.servers": "The ports",
    "servers.port": "A port and what is spoken there",
    "port.number": "Number of the port; 0 of a Unix socket",
    "port.protocol": "HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, TCP or MONGO, in either case",
    "port.name": "Name of the port, unique among those of a Gateway",
    "port.targetPort": { says: "Port behind it", deprecated: "Istio reads it nowhere" },
    "servers.bind": {
      says: "Address that is listened at, or unix:///path (unix://@name) with port 0",
      default: "all addresses",
    },
    "servers.hosts": "Hosts that are served, as host or namespace/host: VirtualServices of that namespace alone",
    "servers.tls": "TLS of the port",
    "servers.defaultEndpoint": "Where requests go that no route takes",
    "servers.name": "Name of the server, for logs",
  },
  example: `apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: public
  namespace: shop
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, protocol: HTTP, name: http}
    hosts: [shop.example.com]
    tls: {httpsRedirect: true}
  - port: {number: 443, protocol: HTTPS, name: https}
    hosts: [shop.example.com]
    tls: {mode: SIMPLE, credentialName: shop-certificate}
`,
};
