import type { KindWords } from "../words.ts";

export const WORKLOAD_ENTRY: KindWords = {
  about: "One workload off Kubernetes: an address behind the services whose selectors find it",
  proxies: "Clients' sidecars and gateways act on it, Heddle's proxy and Envoy alike.",
  fields: {
    "spec.address": "An IP address, a host name, or unix:///path",
    "spec.ports": "Ports of the workload by the names of the service's ports",
    "status.conditions": "What is known of it, such as its health",
    "conditions.type": "What the condition is about",
    "conditions.status": "True, False or Unknown",
  },
  example: `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: legacy-1
  namespace: shop
spec:
  address: 10.20.0.7
  labels: {app: legacy}
  ports: {http: 8080}
  serviceAccount: legacy
`,
};

export const WORKLOAD_GROUP: KindWords = {
  about: "What the workloads have in common that register themselves from off Kubernetes",
  proxies: "The control plane writes a WorkloadEntry for each that registers; `heddle run` asks the probe.",
  fields: {
    "spec.metadata": "What each WorkloadEntry of the group gets",
    "metadata.labels": "Its labels",
    "metadata.annotations": "Its annotations",
    "spec.template": "What each WorkloadEntry of the group says",
    "template.address": { says: "Without effect: each workload has its own", default: "the workload's" },
    "template.ports": "Ports of the workloads by the names of the service's ports",
    "spec.probe": {
      says: "How it is found out whether a workload is healthy",
      default: "it is, as long as it is connected",
    },
    "probe.initialDelaySeconds": { says: "Seconds before the first question", default: "0" },
    "probe.timeoutSeconds": { says: "Seconds that an answer may take", default: "1" },
    "probe.periodSeconds": { says: "Seconds between questions", default: "10" },
    "probe.successThreshold": { says: "Good answers in a row that make it healthy", default: "1" },
    "probe.failureThreshold": { says: "Bad answers in a row that make it unhealthy", default: "3" },
    "probe.httpGet": "Asks by HTTP: a status from 200 to 399 is good",
    "httpGet.path": { says: "The path", default: "/" },
    "httpGet.port": "The port",
    "httpGet.host": { says: "Where it is asked", default: "at the workload itself" },
    "httpGet.scheme": { says: "HTTP or HTTPS", default: "HTTP" },
    "httpGet.httpHeaders": "Headers of the question",
    "httpHeaders.name": "Name of the header",
    "httpHeaders.value": "Its value",
    "probe.tcpSocket": "Asks by connecting",
    "tcpSocket.host": { says: "Where it is asked", default: "at the workload itself" },
    "tcpSocket.port": "The port",
    "probe.exec": "Asks by running a program: exit code 0 is good",
    "exec.command": "The program and its arguments",
    "probe.grpc": "Asks by gRPC's health service",
    "grpc.port": "The port",
    "grpc.service": { says: "Service that is asked about", default: "the server as a whole" },
  },
  example: `apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata:
  name: legacy
  namespace: shop
spec:
  metadata:
    labels: {app: legacy}
  template:
    ports: {http: 8080}
    serviceAccount: legacy
  probe:
    periodSeconds: 5
    httpGet: {path: /healthz, port: 8080}
`,
};
