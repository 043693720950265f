// Fields that several kinds have.

import type { Words } from "../words.ts";

export const SHARED: Words = {
  spec: "What is wanted",
  status: "What was made of it, written by the control plane",

  // Who a policy is for
  selector: {
    says: "The workloads, of this namespace; of a root namespace, of all",
    default: "every workload of the namespace, or of the mesh in a root namespace",
  },
  "selector.matchLabels": "Labels that a workload has, all of them",
  targetRef: { says: "A Service that the object is attached to", deprecated: "targetRefs" },
  targetRefs: {
    says: "Services that the object is attached to; they are targets of waypoints, and no sidecar acts on them",
  },
  "targetRef.group": "API group of the target, empty for Kubernetes' core",
  "targetRef.kind": "Kind of the target: Service or ServiceEntry",
  "targetRef.name": "Name of the target",
  "targetRef.namespace": "Refused when it is set: targets are in the object's own namespace",
  "targetRefs.group": "API group of the target, empty for Kubernetes' core",
  "targetRefs.kind": "Kind of the target: Service or ServiceEntry",
  "targetRefs.name": "Name of the target",
  "targetRefs.namespace": "Refused when it is set: targets are in the object's own namespace",
  workloadSelector: "The workloads that the object is for",
  "workloadSelector.labels": "Labels that a workload has, all of them",
  "workloadSelector.matchLabels": "Labels that a workload has, all of them",
  exportTo: {
    says: 'Namespaces that see the object: "*" all, "." its own, "~" none, or names',
    default: "MeshConfig's default, which is all",
  },

  // Localities
  "localityLbSetting.enabled": { says: "Whether localities are looked at", default: "true" },
  "localityLbSetting.distribute": "Shares that the localities have, by where the client is",
  "distribute.from": "Where the client is: region/zone/subzone, with * for the rest",
  "distribute.to": "Percentage by locality; they add up to 100",
  "localityLbSetting.failover": "Where requests go when a region fails; needs outlierDetection",
  "failover.from": "The region that fails",
  "failover.to": "The region that takes over",
  "localityLbSetting.failoverPriority": "Labels by which endpoints like the client come first",

  // Limits on connections
  connectionPool: "Limits on connections and requests",
  "connectionPool.tcp": "Limits on connections, whatever they carry",
  "connectionPool.http": "Limits on HTTP requests",
  "tcp.maxConnections": {
    says: "Connections to the destination at a time; further requests wait or are refused",
    default: "no limit",
  },
  "tcp.connectTimeout": { says: "How long connecting may take", default: "MeshConfig's connectTimeout, 10s" },
  "tcp.tcpKeepalive": "Probes by which the kernel finds dead peers",
  "tcpKeepalive.probes": {
    says: "Unanswered probes before a connection is given up",
    default: "the system's, 9 on Linux",
  },
  "tcpKeepalive.time": { says: "Idle time before the first probe", default: "the system's, 2h on Linux" },
  "tcpKeepalive.interval": { says: "Time between probes", default: "the system's, 75s on Linux" },
  "tcp.maxConnectionDuration": { says: "Age at which a connection is ended", default: "no limit" },
  "tcp.idleTimeout": { says: "Time without bytes after which a connection is ended; 0s turns it off", default: "1h" },
  "http.http1MaxPendingRequests": { says: "Requests that may wait for a connection", default: "no limit" },
  "http.http2MaxRequests": {
    says: "Requests to the destination at a time, of either HTTP version",
    default: "no limit",
  },
  "http.maxRequestsPerConnection": {
    says: "Requests after which a connection is closed; 1 turns keep-alive off",
    default: "no limit",
  },
  "http.maxRetries": { says: "Retries to the destination at a time", default: "no limit" },
  "http.idleTimeout": {
    says: "Time without requests after which a connection is closed; 0s turns it off",
    default: "1h",
  },
  "http.h2UpgradePolicy": {
    says: "Whether HTTP/1.1 requests are sent on as HTTP/2: DEFAULT asks MeshConfig",
    default: "DEFAULT",
  },
  "http.useClientProtocol": {
    says: "Whether a request is sent on in the HTTP version that it came in",
    default: "false",
  },
  "http.maxConcurrentStreams": { says: "Streams of one HTTP/2 connection at a time", default: "the proxy's" },
  "http.http2KeepAlive": "HTTP/2 pings by which dead peers are found",
  "http2KeepAlive.interval": "Time between pings",
  "http2KeepAlive.timeout": { says: "How long an answer to a ping may take", default: "10s" },

  // TLS of servers: Gateway's, and a Sidecar's ingress
  "tls.httpsRedirect": { says: "Whether plain HTTP is answered with a redirect (301) to https", default: "false" },
  "tls.mode":
    "What a server asks of its clients: SIMPLE ends TLS, MUTUAL asks for a certificate, OPTIONAL_MUTUAL takes one, ISTIO_MUTUAL is the mesh's, PASSTHROUGH and AUTO_PASSTHROUGH leave TLS to whoever the SNI names",
  "tls.serverCertificate": "File of the certificate chain, in PEM",
  "tls.privateKey": "File of the private key, in PEM",
  "tls.caCertificates": "File of the roots that clients' certificates are verified by",
  "tls.caCrl": "File of revoked certificates",
  "tls.credentialName": "Secret of the gateway's namespace with the certificate and key",
  "tls.credentialNames": "Several such Secrets, as of an RSA and an ECDSA certificate",
  "tls.caCertCredentialName":
    "Secret with the roots for clients' certificates, or configmap://NAMESPACE/NAME of the Gateway's namespace",
  "tls.tlsCertificates": "Several certificates from files",
  "tlsCertificates.serverCertificate": "File of the certificate chain, in PEM",
  "tlsCertificates.privateKey": "File of the private key, in PEM",
  "tlsCertificates.caCertificates": "File of the roots that clients' certificates are verified by",
  "tls.subjectAltNames": "Names of which a client's certificate must have one",
  "tls.verifyCertificateSpki": "Base64 of SHA-256 of public keys, of which a client's certificate must have one",
  "tls.verifyCertificateHash": "SHA-256 of certificates, of which the client's must be one",
  "tls.minProtocolVersion": { says: "The lowest version of TLS", default: "TLSV1_2" },
  "tls.maxProtocolVersion": { says: "The highest version of TLS", default: "TLSV1_3" },
  "tls.cipherSuites": { says: "Cipher suites of TLS 1.2, in BoringSSL's names", default: "the proxy's" },
  "tls.alpnProtocols": {
    says: "Protocols that are offered in the handshake, the favourite first",
    default: "h2 and http/1.1 where the port speaks HTTP",
  },
  "tls.ecdhCurves": {
    says: "Curves of the key exchange (X25519MLKEM768, X25519, P-256, P-384, P-521), the favourite first",
    default: "the proxy's",
  },
  "tls.insecureSkipVerify": "Lets clients in whose certificate is not valid",

  // What a workload is
  ports: "Ports by name, where they differ from the service's",
  labels: "Labels, which selectors and subsets look at",
  network: { says: "The network that the address is in", default: "the mesh's only one" },
  locality: { says: "Where it runs: region/zone/subzone", default: "nowhere in particular" },
  weight: { says: "Share of the requests, among its siblings", default: "1" },
  serviceAccount: { says: "The service account that it runs as", default: "default" },

  // Header matches and the like
  exact: "The whole text",
  prefix: "What the text begins with",
  regex: "A regular expression (RE2) for the whole text, at most 1024 characters",
};
