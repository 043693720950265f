// Branch by branch of Istio's validation of the mesh's settings (pkg/config/validation/agent/validation.go): ValidateMeshConfig with ProxyConfig, ValidateMeshNetworks.

import { judge, type Spec } from "./verdict-fixture.ts";

function proxy(defaultConfig: Spec): Spec {
  return { defaultConfig };
}

function tracing(fields: Spec): Spec {
  return proxy({ tracing: fields });
}

function locality(localityLbSetting: Spec): Spec {
  return { localityLbSetting };
}

function shares(...to: readonly Spec[]): Spec {
  return locality({ distribute: to.map((each, i) => ({ from: `region${i}`, to: each })) });
}

const NOT_READ = ["warning", "it is not acted on, which is told"] as const;

judge("MeshConfig", [
  { name: "nothing", spec: {}, istio: "ok" },
  { name: "port 0 of the listener", spec: { proxyListenPort: 0 }, istio: "error" },
  { name: "a connect time-out", spec: { connectTimeout: "10s" }, istio: "ok" },
  { name: "a connect time-out of 0", spec: { connectTimeout: "0s" }, istio: "error" },
  { name: "a connect time-out of half milliseconds", spec: { connectTimeout: "1.5ms" }, istio: "error" },
  { name: "a connect time-out of an hour", spec: { connectTimeout: "1h" }, istio: "ok" },
  { name: "a connect time-out above an hour", spec: { connectTimeout: "3601s" }, istio: "error" },
  { name: "no detection of protocols", spec: { protocolDetectionTimeout: "0s" }, istio: "ok" },
  { name: "detection for half milliseconds", spec: { protocolDetectionTimeout: "1.5ms" }, istio: "error" },
  { name: "no path of the configuration", spec: proxy({ configPath: "" }), istio: "error", here: NOT_READ },
  { name: "no program", spec: proxy({ binaryPath: "" }), istio: "error", here: NOT_READ },
  { name: "no cluster", spec: proxy({ serviceCluster: "" }), istio: "error", here: NOT_READ },
  { name: "draining", spec: proxy({ drainDuration: "45s" }), istio: "ok" },
  { name: "draining for 0 s", spec: proxy({ drainDuration: "0s" }), istio: "error" },
  { name: "draining for half seconds", spec: proxy({ drainDuration: "1.5s" }), istio: "error" },
  { name: "a control plane nowhere", spec: proxy({ discoveryAddress: "" }), istio: "error", here: NOT_READ },
  {
    name: "a control plane without a port",
    spec: proxy({ discoveryAddress: "a.com" }),
    istio: "error",
    here: NOT_READ,
  },
  { name: "Zipkin", spec: tracing({ zipkin: { address: "zipkin.istio-system:9411" } }), istio: "ok" },
  { name: "Zipkin without a port", spec: tracing({ zipkin: { address: "zipkin.istio-system" } }), istio: "error" },
  { name: "Zipkin of port 0", spec: tracing({ zipkin: { address: "zipkin.istio-system:0" } }), istio: "error" },
  { name: "Zipkin of a bad name", spec: tracing({ zipkin: { address: "a_b!:9411" } }), istio: "error" },
  { name: "Zipkin nowhere", spec: tracing({ zipkin: {} }), istio: "error" },
  {
    name: "LightStep without a token",
    spec: tracing({ lightstep: { address: "a.com:80" } }),
    istio: "error",
    here: NOT_READ,
  },
  { name: "Datadog without a port", spec: tracing({ datadog: { address: "a.com" } }), istio: "error", here: NOT_READ },
  { name: "a tag that is null", spec: tracing({ customTags: { a: null } }), istio: "error" },
  { name: "StatsD without a port", spec: proxy({ statsdUdpAddress: "a.com" }), istio: "error" },
  {
    name: "a service of metrics without a port",
    spec: proxy({ envoyMetricsService: { address: "a.com" } }),
    istio: "error",
  },
  {
    name: "a service of logs without a port",
    spec: { enableEnvoyAccessLogService: true, ...proxy({ envoyAccessLogService: { address: "a.com" } }) },
    istio: "error",
  },
  {
    name: "a service of logs without a port that nobody asks for",
    spec: proxy({ envoyAccessLogService: { address: "a.com" } }),
    istio: "error",
  },
  { name: "port 0 of the admin", spec: proxy({ proxyAdminPort: 0 }), istio: "error" },
  { name: "port 65536 of the admin", spec: proxy({ proxyAdminPort: 65_536 }), istio: "error" },
  { name: "port 0 of the status", spec: proxy({ statusPort: 0 }), istio: "error" },
  {
    name: "an unknown policy of the control plane",
    spec: proxy({ controlPlaneAuthPolicy: "SOME" }),
    istio: "error",
    here: NOT_READ,
  },
  {
    name: "keys kept by nobody",
    spec: proxy({ privateKeyProvider: {} }),
    istio: "error",
    here: NOT_READ,
  },
  {
    name: "addresses by the old way",
    spec: proxy({ proxyMetadata: { ISTIO_META_DNS_AUTO_ALLOCATE: "true" } }),
    istio: "warning",
  },
  { name: "shares", spec: shares({ "a/b": 80, "a/c": 20 }), istio: "ok" },
  {
    name: "shares and fail-over",
    spec: locality({ distribute: [{ from: "a", to: { a: 100 } }], failover: [{ from: "a", to: "b" }] }),
    istio: "error",
  },
  {
    name: "fail-over by regions twice",
    spec: locality({
      failover: [{ from: "a", to: "b" }],
      failoverPriority: ["topology.kubernetes.io/region"],
    }),
    istio: "error",
  },
  {
    name: "fail-over by regions and labels",
    spec: locality({ failover: [{ from: "a", to: "b" }], failoverPriority: ["app"] }),
    istio: "ok",
  },
  { name: "a share of 0 %", spec: shares({ a: 100, b: 0 }), istio: "error" },
  { name: "a share of 101 %", spec: shares({ a: 101 }), istio: "error" },
  { name: "shares of 90 %", spec: shares({ a: 90 }), istio: "error" },
  { name: "shares of one place twice", spec: shares({ "a/*": 50, "a/b": 50 }), istio: "error" },
  { name: "a place with a wildcard within", spec: shares({ "a/*/c": 100 }), istio: "error" },
  { name: "a place with two wildcards", spec: shares({ "a/*/*": 100 }), istio: "error" },
  { name: "a place with an empty part", spec: shares({ "a//c": 100 }), istio: "error" },
  {
    name: "one place twice",
    spec: locality({
      distribute: [
        { from: "a", to: { a: 100 } },
        { from: "a/b", to: { a: 100 } },
      ],
    }),
    istio: "error",
  },
  { name: "fail-over to itself", spec: locality({ failover: [{ from: "a", to: "a" }] }), istio: "error" },
  { name: "fail-over of a zone", spec: locality({ failover: [{ from: "a/b", to: "c" }] }), istio: "error" },
  { name: "fail-over to everywhere", spec: locality({ failover: [{ from: "a", to: "*" }] }), istio: "error" },
  {
    name: "settings of a bad host",
    spec: { serviceSettings: [{ hosts: ["a_b!"] }] },
    istio: "error",
    here: NOT_READ,
  },
  { name: "a trust domain", spec: { trustDomain: "cluster.local" }, istio: "ok" },
  { name: "no trust domain", spec: { trustDomain: "" }, istio: "error" },
  { name: "a bad trust domain", spec: { trustDomain: "a b" }, istio: "error" },
  { name: "a bad alias", spec: { trustDomainAliases: ["a b"] }, istio: "error" },
  {
    name: "an alias with an underscore",
    spec: { trustDomainAliases: ["a_b"] },
    istio: "error",
    here: ["ok", "SPIFFE has such trust domains"],
  },
  { name: "curves of the mesh", spec: { meshMTLS: { ecdhCurves: ["P-256"] } }, istio: "error" },
  {
    name: "what holds anyhow",
    spec: {
      disableEnvoyListenerLog: true,
      enablePrometheusMerge: true,
      ...proxy({ holdApplicationUntilProxyStarts: true, statsCompression: true }),
    },
    istio: "ok",
  },
  {
    name: "listeners that log",
    spec: { disableEnvoyListenerLog: false },
    istio: "ok",
    here: ["warning", "no proxy logs refused connections, which is told"],
  },
  { name: "hosts by DNS", spec: { outboundTrafficPolicy: { mode: "ALLOW_ANY_DYNAMIC_DNS" } }, istio: "ok" },
  {
    name: "hosts by DNS with a Secret",
    spec: {
      outboundTrafficPolicy: { mode: "ALLOW_ANY_DYNAMIC_DNS", tls: { mode: "SIMPLE", credentialName: "roots" } },
    },
    istio: "ok",
    here: ["error", "proxies are given Secrets of a namespace, and the settings are of none"],
  },
  {
    name: "servers that are not verified",
    spec: { verifyCertificateAtClient: false },
    istio: "ok",
    here: ["warning", "as in Istio it has no effect, which is told"],
  },
  { name: "servers that are verified", spec: { verifyCertificateAtClient: true }, istio: "ok" },
  { name: "curves", spec: { tlsDefaults: { ecdhCurves: ["P-256"] } }, istio: "ok" },
  { name: "an unknown curve", spec: { tlsDefaults: { ecdhCurves: ["P-1"] } }, istio: "warning" },
  { name: "a curve twice", spec: { tlsDefaults: { ecdhCurves: ["P-256", "P-256"] } }, istio: "warning" },
]);

function network(fields: Spec): Spec {
  return { networks: { a: fields } };
}

function gateway(fields: Spec): Spec {
  return network({ gateways: [fields] });
}

/** What is right has no effect, which is told. */
const ONE_NETWORK = ["warning", "a control plane has one network"] as const;

judge("MeshNetworks", [
  {
    name: "a network",
    spec: network({ endpoints: [{ fromCidr: "10.0.0.0/8" }], gateways: [{ address: "10.1.1.1", port: 15443 }] }),
    istio: "ok",
    here: ONE_NETWORK,
  },
  { name: "a bad range", spec: network({ endpoints: [{ fromCidr: "10.0.0.0/99" }] }), istio: "error" },
  { name: "a bad registry", spec: network({ endpoints: [{ fromRegistry: "A_b" }] }), istio: "error" },
  {
    name: "a range and a registry",
    spec: network({ endpoints: [{ fromCidr: "10.0.0.0/8", fromRegistry: "a" }] }),
    istio: "error",
  },
  { name: "a bad service", spec: gateway({ registryServiceName: "a_b!", port: 80 }), istio: "error" },
  { name: "a bad address", spec: gateway({ address: "a_b!", port: 80 }), istio: "error" },
  { name: "a name as address", spec: gateway({ address: "a.example.com", port: 80 }), istio: "ok", here: ONE_NETWORK },
  { name: "port 0", spec: gateway({ address: "10.1.1.1", port: 0 }), istio: "error" },
  { name: "no port", spec: gateway({ address: "10.1.1.1" }), istio: "error" },
]);
