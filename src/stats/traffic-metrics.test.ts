import { describe, expect, test } from "bun:test";
import { expositionText } from "./exposition.ts";
import { MESSAGE_LABELS, REQUEST_LABELS, TCP_LABELS } from "./names/traffic.ts";
import { Registry } from "./registry.ts";
import {
  messageLabels,
  requestLabels,
  serviceFromAuthority,
  type Traffic,
  tcpLabels,
  UNKNOWN_PEER,
  type Workload,
} from "./traffic-labels.ts";
import { TrafficMetrics } from "./traffic-metrics.ts";

const client: Workload = {
  name: "client",
  namespace: "default",
  canonicalName: "client",
  canonicalRevision: "latest",
  app: "client",
  version: "",
  cluster: "Kubernetes",
};
const server: Workload = {
  ...client,
  name: "golden-signal-v1",
  canonicalName: "golden-signal",
  canonicalRevision: "v1",
  app: "",
  version: "",
};
const clientId = "spiffe://cluster.local/ns/default/sa/client";
const serverId = "spiffe://cluster.local/ns/default/sa/golden-signal";

const atSource: Traffic = {
  reporter: "source",
  protocol: "http",
  source: { workload: client, principal: clientId },
  destination: { workload: server, principal: serverId },
  service: { host: "golden-signal.default.svc.cluster.local", name: "golden-signal", namespace: "default" },
};
const atDestination: Traffic = {
  ...atSource,
  reporter: "destination",
  destination: { workload: { ...server, app: "golden-signal", version: "v1" }, principal: serverId },
};

function named(names: readonly string[], values: readonly string[]): Record<string, string> {
  expect(values.length).toBe(names.length);
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

describe("label values", () => {
  test("of both reporters agree in all but the reporter and the security policy", () => {
    const source = named(REQUEST_LABELS, requestLabels(atSource, 200, "", "-"));
    const destination = named(REQUEST_LABELS, requestLabels(atDestination, 200, "", "-"));
    expect(source).toEqual({ ...destination, reporter: "source", connection_security_policy: "unknown" });
    expect(destination).toEqual({
      reporter: "destination",
      source_workload: "client",
      source_canonical_service: "client",
      source_canonical_revision: "latest",
      source_workload_namespace: "default",
      source_principal: clientId,
      source_app: "client",
      source_version: "latest",
      source_cluster: "Kubernetes",
      destination_workload: "golden-signal-v1",
      destination_workload_namespace: "default",
      destination_principal: serverId,
      destination_app: "golden-signal",
      destination_version: "v1",
      destination_service: "golden-signal.default.svc.cluster.local",
      destination_canonical_service: "golden-signal",
      destination_canonical_revision: "v1",
      destination_service_name: "golden-signal",
      destination_service_namespace: "default",
      destination_cluster: "Kubernetes",
      request_protocol: "http",
      response_code: "200",
      grpc_response_status: "",
      response_flags: "-",
      connection_security_policy: "mutual_tls",
    });
  });

  test("never lack: what is not known says so", () => {
    const traffic: Traffic = {
      ...atDestination,
      source: UNKNOWN_PEER,
      destination: UNKNOWN_PEER,
      service: { host: "", name: "", namespace: "" },
    };
    for (const values of [
      requestLabels(traffic, 0, "", "-"),
      requestLabels({ ...traffic, reporter: "source" }, 0, "", "UH"),
    ]) {
      const labels = named(REQUEST_LABELS, values);
      expect(labels.destination_service).toBe("unknown");
      expect(labels.source_canonical_revision).toBe("latest");
      expect(Object.entries(labels).filter(([name, value]) => value === "" && name !== "grpc_response_status")).toEqual(
        [],
      );
    }
    expect(named(TCP_LABELS, tcpLabels(traffic, "-")).connection_security_policy).toBe("none");
    expect(named(MESSAGE_LABELS, messageLabels(traffic)).source_workload).toBe("unknown");
  });

  test("take the namespace from the certificate before the metadata", () => {
    const liar: Traffic = {
      ...atDestination,
      source: { workload: { ...client, namespace: "kube-system" }, principal: clientId },
    };
    expect(named(REQUEST_LABELS, requestLabels(liar, 200, "", "-")).source_workload_namespace).toBe("default");
    const plain: Traffic = { ...liar, source: { workload: { ...client, namespace: "shop" }, principal: "" } };
    const labels = named(REQUEST_LABELS, requestLabels(plain, 200, "", "-"));
    expect(labels.source_workload_namespace).toBe("shop");
    expect(labels.connection_security_policy).toBe("none");
  });

  test("name special clusters and fall back to the Host header, as it is", () => {
    expect(serviceFromAuthority("example.com:443", "PassthroughCluster")).toEqual({
      host: "example.com:443",
      name: "PassthroughCluster",
      namespace: "",
    });
    expect(serviceFromAuthority("example.com", "outbound|80||example.com").name).toBe("example.com");
  });
});

describe("TrafficMetrics", () => {
  test("counts a request in all four metrics", () => {
    const registry = new Registry();
    const metrics = new TrafficMetrics(registry);
    const edge = metrics.requests(atDestination);
    expect(metrics.requests({ ...atDestination })).toBe(edge);
    edge.record(200, -1, "-", 3.5, 200, 1_500);
    edge.record(200, -1, "-", 7, 200, 900);
    edge.record(0, -1, "DC", 1, 200, 0);
    const text = expositionText(registry, "text");
    expect(text).toMatch(
      /^istio_requests_total\{reporter="destination",.*response_code="200",grpc_response_status="",response_flags="-",.*\} 2$/m,
    );
    expect(text).toMatch(
      /^istio_requests_total\{.*response_code="0",grpc_response_status="",response_flags="DC",.*\} 1$/m,
    );
    expect(text).toMatch(/^istio_request_duration_milliseconds_sum\{.*response_code="200".*\} 10\.5$/m);
    expect(text).toMatch(/^istio_request_duration_milliseconds_bucket\{.*response_code="200".*,le="5"\} 1$/m);
    expect(text).toMatch(/^istio_request_bytes_count\{.*response_code="200".*\} 2$/m);
    expect(text).toMatch(/^istio_response_bytes_sum\{.*response_code="200".*\} 2400$/m);
  });

  test("keeps gRPC statuses apart, and codes that are none together", () => {
    const registry = new Registry();
    const edge = new TrafficMetrics(registry).requests({ ...atSource, protocol: "grpc" });
    edge.record(200, 0, "-", 1, 1, 1);
    edge.record(200, 14, "-", 1, 1, 1);
    edge.record(200, 4_000, "-", 1, 1, 1);
    edge.record(99_999, -1, "-", 1, 1, 1);
    edge.messages(2, 3);
    edge.messages(1, 0);
    const text = expositionText(registry, "text");
    const codes = [
      ...text.matchAll(/^istio_requests_total\{.*response_code="(\d+)",grpc_response_status="(\d*)"/gm),
    ].map((match) => `${match[1]}/${match[2]}`);
    expect(codes).toEqual(["200/0", "200/14", "200/2", "0/"]);
    expect(text).toMatch(/^istio_request_messages_total\{reporter="source",[^ ]*destination_cluster="[^"]*"\} 3$/m);
    expect(text).toMatch(/^istio_response_messages_total\{.*\} 3$/m);
  });

  test("counts connections and bytes of TCP while they are open", () => {
    const registry = new Registry();
    const edge = new TrafficMetrics(registry).tcp({ ...atSource, protocol: "tcp" }, "-");
    edge.opened();
    edge.bytes(100, 10);
    edge.bytes(50, 0);
    const text = expositionText(registry, "text");
    expect(text).toMatch(/^istio_tcp_sent_bytes_total\{.*\} 150$/m);
    expect(text).toMatch(/^istio_tcp_received_bytes_total\{.*\} 10$/m);
    expect(text).toMatch(/^istio_tcp_connections_opened_total\{.*\} 1$/m);
    edge.closed();
    expect(expositionText(registry, "text")).toMatch(
      /^istio_tcp_connections_closed_total\{.*request_protocol="tcp",response_flags="-",.*\} 1$/m,
    );
  });

  test("drops idle outcomes and starts them anew when they come back", () => {
    const registry = new Registry();
    const metrics = new TrafficMetrics(registry);
    const edge = metrics.requests(atSource);
    edge.record(200, -1, "-", 1, 1, 1);
    edge.record(503, -1, "UH", 1, 1, 1);
    metrics.sweep(2);
    edge.record(200, -1, "-", 1, 1, 1);
    metrics.sweep(2);
    metrics.sweep(2);
    const text = expositionText(registry, "text");
    expect(text).not.toContain('response_code="503"');
    expect(text).toMatch(/^istio_requests_total\{.*response_code="200".*\} 2$/m);
    edge.record(503, -1, "UH", 1, 1, 1);
    expect(expositionText(registry, "text")).toMatch(/^istio_requests_total\{.*response_code="503".*\} 1$/m);
  });

  test("counts edges beyond the limit as one", () => {
    const registry = new Registry();
    const metrics = new TrafficMetrics(registry, 2);
    for (const host of ["a", "b", "c", "d"])
      metrics.requests({ ...atSource, service: { host, name: host, namespace: "" } }).record(200, -1, "-", 1, 1, 1);
    const text = expositionText(registry, "text");
    expect(text.match(/^istio_requests_total\{/gm)?.length).toBe(3);
    expect(text).toMatch(/^istio_requests_total\{.*destination_service="overflow".*\} 2$/m);
  });
});
