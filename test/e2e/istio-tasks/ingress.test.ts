// Ingress: httpbin and helloworld behind istio-ingressgateway, under the objects of the pages below tasks/traffic-management/ingress.

import { beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestGateway, TestWorkload } from "../../traffic/mesh.ts";
import { TlsClient } from "../../traffic/xds/tls-client.ts";
import { askGateway } from "./asking.ts";
import { Certificates } from "./outside.ts";
import { tasks } from "./tasks.ts";

const gatewayOf = (servers: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ingress}
spec:
  selector: {istio: ingressgateway}
  servers:
${servers}
---`;

const routes = (name: string, host: string, port: number) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}}
spec:
  hosts: ["${host}"]
  gateways: [ingress]
  http:
  - match: [{uri: {prefix: /status}}, {uri: {prefix: /delay}}, {uri: {exact: /hello}}]
    route: [{destination: {host: ${name}, port: {number: ${port}}}}]
---`;

const HOSTS = ["httpbin.example.com", "helloworld.example.com"] as const;

tasks("ingress", (lab) => {
  const certificates = new Certificates();
  let gateway: TestGateway;
  let exposed: TestWorkload;
  let curl: TestWorkload;
  const at = (port: number) => ({ gateway, port });
  beforeAll(async () => {
    const { pem, keyPem } = certificates.of("nginx.example.com");
    writeFileSync(join(lab.mesh.folder, "nginx.pem"), pem);
    writeFileSync(join(lab.mesh.folder, "nginx.key"), keyPem);
    [gateway, exposed, curl] = await Promise.all([
      lab.gateway("ingressgateway", 80, 443),
      lab.run({ app: "exposed", ports: { https: 8443 } }),
      lab.run({ app: "curl", ports: { http: 80 } }),
      lab.run({ app: "my-nginx", role: "nginx", ports: { https: 443 } }),
      lab.run({ app: "httpbin", ports: { http: 8000 } }),
      lab.run({ app: "helloworld", ports: { http: 5000 } }),
    ]);
    await lab.settled();
  }, 60_000);

  test("ingress gateways", async () => {
    await lab.follow(
      gatewayOf("  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [httpbin.example.com]}") +
        routes("httpbin", "httpbin.example.com", 8000),
    );
    await lab.sees(at(80), "http://httpbin.example.com/status/200", { status: 200, by: "httpbin-v1" });
    await lab.sees(at(80), "http://httpbin.example.com/headers", { status: 404, by: "proxy" });
    await lab.sees(at(80), "http://other.example.com/status/200", { status: 404, by: "proxy" });
    // For a browser, which cannot say another host.
    await lab.follow(
      gatewayOf('  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}') + routes("httpbin", "*", 8000),
    );
    await lab.sees(at(80), "http://anything/status/200", { status: 200, by: "httpbin-v1" });
  });

  test("secure gateways: one host, and a renewed certificate", async () => {
    const server = (more = "") =>
      `  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [httpbin.example.com], tls: {mode: SIMPLE, credentialName: httpbin-credential${more}}}`;
    await lab.follow(
      certificates.secret("httpbin-credential", "istio-system", HOSTS[0], "alone") +
        gatewayOf(server()) +
        routes("httpbin", HOSTS[0], 8000),
    );
    await lab.sees(at(443), `https://${HOSTS[0]}/status/418`, { status: 418, by: "httpbin-v1" });
    const shown = async () => {
      const client = await TlsClient.connect(
        { host: "127.0.0.1", port: gateway.ports.get(443)! },
        { serverName: HOSTS[0] },
      );
      const { server } = client;
      client.close();
      return server;
    };
    expect(await shown()).toContain(`DNS:${HOSTS[0]}`);
    await lab.follow(certificates.secret("httpbin-credential", "istio-system", "renewed.example.com", "alone"));
    expect(await shown()).toContain("DNS:renewed.example.com");
  });

  test("secure gateways: several hosts", async () => {
    const server = (name: string) =>
      `  - {port: {number: 443, name: https-${name}, protocol: HTTPS}, hosts: [${name}.example.com], tls: {mode: SIMPLE, credentialName: ${name}-credential}}\n`;
    await lab.follow(
      certificates.secret("httpbin-credential", "istio-system", HOSTS[0], "alone") +
        certificates.secret("helloworld-credential", "istio-system", HOSTS[1], "alone") +
        gatewayOf(server("httpbin") + server("helloworld")) +
        routes("httpbin", HOSTS[0], 8000) +
        routes("helloworld", HOSTS[1], 5000),
    );
    await lab.sees(at(443), `https://${HOSTS[0]}/status/418`, { status: 418, by: "httpbin-v1" });
    await lab.sees(at(443), `https://${HOSTS[1]}/hello`, { status: 200, by: "helloworld-v1" });
    await lab.sees(at(443), "https://other.example.com/hello", { status: 0 });
  });

  test("secure gateways: mutual TLS", async () => {
    const mutual =
      "  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [httpbin.example.com], tls: {mode: MUTUAL, credentialName: httpbin-credential}}";
    await lab.follow(
      certificates.secret("httpbin-credential", "istio-system", HOSTS[0], "with authority") +
        gatewayOf(mutual) +
        routes("httpbin", HOSTS[0], 8000),
    );
    const url = `https://${HOSTS[0]}/status/418`;
    const identity = certificates.identity("client.example.com");
    await lab.sees(at(443), { url, identity }, { status: 418, by: "httpbin-v1", explained: "not" });
    const stranger = new Certificates().identity("client.example.com");
    for (const asked of [{ url }, { url, identity: stranger }])
      expect((await askGateway(at(443), asked)).status).toBe(0);
  });

  test("an ingress gateway without TLS termination", async () => {
    await lab.follow(
      gatewayOf(
        "  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [nginx.example.com], tls: {mode: PASSTHROUGH}}",
      ) +
        `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: nginx}
spec:
  hosts: [nginx.example.com]
  gateways: [ingress]
  tls:
  - match: [{port: 443, sniHosts: [nginx.example.com]}]
    route: [{destination: {host: my-nginx, port: {number: 443}}}]`,
    );
    await lab.sees(at(443), "https://nginx.example.com/", {
      status: 200,
      by: "my-nginx-v1",
    });
    await lab.sees(at(443), "https://other.example.com/", { status: 0 });
  });

  test("TLS termination at the sidecar of a service", async () => {
    const file = (name: string, text: string) => {
      const path = join(lab.mesh.folder, name);
      writeFileSync(path, text);
      return path;
    };
    const { pem, keyPem } = certificates.of("exposed.default.svc.cluster.local");
    const { application, inbound } = exposed.ports;
    await lab.follow(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: exposed}
spec: {selector: {matchLabels: {app: exposed}}, mtls: {mode: STRICT}, portLevelMtls: {"${application}": {mode: DISABLE}}}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: ingress}
spec:
  workloadSelector: {labels: {app: exposed}}
  ingress:
  - port: {number: ${application}, protocol: HTTPS, name: external}
    defaultEndpoint: 0.0.0.0:${application}
    tls:
      mode: MUTUAL
      privateKey: ${file("exposed.key", keyPem)}
      serverCertificate: ${file("exposed.pem", pem)}
      caCertificates: ${file("exposed-ca.pem", certificates.roots)}`);
    const door = { gateway: { name: "", admin: 0, folder: "", ports: new Map([[8443, inbound]]) }, port: 8443 };
    const url = "https://exposed.default.svc.cluster.local:8443/status/200";
    const identity = certificates.identity("client.example.com");
    await lab.sees(door, { url, identity }, { status: 200, by: "exposed-v1", explained: "not" });
    expect((await askGateway(door, { url })).status).toBe(0);
    await lab.sees(curl, "http://httpbin:8000/status/200", { status: 200, by: "httpbin-v1" });
  });
});
