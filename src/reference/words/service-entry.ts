import type { KindWords } from "../words.ts";

export const SERVICE_ENTRY: KindWords = {
  about: "A service that Kubernetes does not know: outside the mesh, or of machines",
  proxies: "Clients' sidecars and gateways act on it, Heddle's proxy and Envoy alike.",
  fields: {
    "spec.hosts": "Names of the service, *.example.com too",
    "spec.addresses": {
      says: "Addresses or ranges (CIDR) that clients reach it at",
      default: "one that the control plane gives, unless resolution is NONE",
    },
    "spec.ports": "Ports of the service",
    "ports.number": "Number of the port",
    "ports.name": "Name of the port, unique in the service",
    "ports.protocol": {
      says: "What is spoken there: HTTP, HTTP2, GRPC, TLS, TCP, MONGO, …",
      default: "found out by the first bytes",
    },
    "ports.targetPort": { says: "Port of the endpoints", default: "the same number" },
    "spec.location": {
      says: "Whether its endpoints are of the mesh, and take its mutual TLS",
      default: "MESH_EXTERNAL",
    },
    "spec.resolution": {
      says: "How endpoints are found: NONE goes where the client wanted, STATIC lists them, DNS and DNS_ROUND_ROBIN ask, DYNAMIC_DNS asks for the host of each request",
      default: "NONE",
    },
    "spec.endpoints": { says: "The endpoints", default: "the hosts themselves, with DNS" },
    "endpoints.address": "An IP address, with DNS a host name, or unix:///path",
    "endpoints.ports": "Ports of the endpoint by the names of the service's ports",
    "endpoints.labels": "Labels, which subsets look at",
    "endpoints.network": { says: "The network that the address is in", default: "the mesh's only one" },
    "endpoints.locality": { says: "Where it runs: region/zone/subzone", default: "nowhere in particular" },
    "endpoints.weight": { says: "Share of the requests, among the endpoints", default: "1" },
    "endpoints.serviceAccount": "The service account that it runs as; clients demand its certificate",
    "spec.workloadSelector": "Pods and WorkloadEntries of the namespace that are the endpoints",
    "spec.subjectAltNames": {
      says: "Names of which the server's certificate must have one",
      default: "none is asked for",
    },
    "status.addresses": "Addresses that were given to the hosts",
    "addresses.value": "The address",
    "addresses.host": "The host that it was given to",
  },
  example: `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: payments
  namespace: shop
spec:
  hosts: [api.payments.example]
  location: MESH_EXTERNAL
  resolution: DNS
  ports:
  - {number: 443, name: tls, protocol: TLS}
`,
};
