// Egress: curl before servers outside, directly and through istio-egressgateway, under the objects of the pages below
// tasks/traffic-management/egress.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestGateway, TestWorkload } from "../../traffic/mesh.ts";
import { Certificates, type OutsideServer, serveOutside } from "./outside.ts";
import { tasks } from "./tasks.ts";

const HOST = "edition.example.com";
const SECURE = "secure.example.com";
const VIA = "istio-egressgateway-v1";
const GATEWAY = "istio-egressgateway.istio-system.svc.cluster.local";

const entry = (name: string, host: string, ports: string, more = "") => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: ["${host}"]
  ports: [${ports}]
${more}
---`;

const gatewayOf = (server: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: istio-egressgateway}
spec: {selector: {istio: egressgateway}, servers: [${server}]}
---`;

const towards = (subset: string, policy = "") => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: egressgateway-for-${subset}}
spec:
  host: ${GATEWAY}
  subsets:
  - name: ${subset}
${policy}
---`;

/** From the clients to the gateway's port, and from there on. */
const through = (
  host: string,
  kind: "http" | "tls",
  from: number,
  port: number,
  to: string,
  on: number,
  name = "cnn",
) => {
  const sni = kind === "tls" ? `, sniHosts: ["${host}"]` : "";
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: through-egress-gateway}
spec:
  hosts: ["${host}"]
  gateways: [istio-egressgateway, mesh]
  ${kind}:
  - match: [{gateways: [mesh], port: ${from}${sni}}]
    route: [{destination: {host: ${GATEWAY}, subset: ${name}, port: {number: ${port}}}, weight: 100}]
  - match: [{gateways: [istio-egressgateway], port: ${port}${sni}}]
    route: [{destination: {host: ${to}, port: {number: ${on}}}, weight: 100}]
---`;
};

const meshConfig = (mesh: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: '${mesh}'}
---`;

tasks("egress", (lab) => {
  const certificates = new Certificates();
  let curl: TestWorkload;
  let gateway: TestGateway;
  let plain: OutsideServer;
  let secure: OutsideServer;
  let mutual: OutsideServer;
  let roots: string;
  /** The page's hosts are the internet's; these are here. */
  const here = (ports: Readonly<Record<string, OutsideServer>>) => {
    const served = Object.entries(ports).map(([name, { port }]) => `${name}: ${port}`);
    return `  resolution: DNS\n  endpoints: [{address: 127.0.0.1, ports: {${served.join(", ")}}}]`;
  };
  const HTTP = "{number: 80, name: http, protocol: HTTP}";
  const HTTPS = "{number: 443, name: https, protocol: HTTPS}";
  const requestsOf = async (cluster: string) => {
    const stats = await (await fetch(`http://127.0.0.1:${gateway.admin}/stats?filter=upstream_cx_total`)).text();
    const line = stats.split("\n").find((text) => text.includes(cluster));
    return Number(line?.split(": ")[1] ?? 0);
  };
  beforeAll(async () => {
    [plain, secure, mutual] = await Promise.all([
      serveOutside("plain"),
      serveOutside("secure", { certificates, name: HOST, others: [SECURE, "*.example.org"], clients: "anybody" }),
      serveOutside("mutual", { certificates, name: "nginx.example.com", clients: "with a certificate" }),
    ]);
    roots = join(lab.mesh.folder, "outside.pem");
    writeFileSync(roots, certificates.roots);
    [curl, gateway] = await Promise.all([
      lab.run({ app: "curl", ports: { http: 80 } }),
      lab.gateway("egressgateway", 80, 443),
    ]);
    await lab.settled();
  }, 60_000);
  afterAll(() => {
    for (const server of [plain, secure, mutual]) server?.stop();
  });

  test("accessing external services", async () => {
    const unknown = `http://localhost:${plain.port}/`;
    await lab.sees(curl, unknown, { status: 200, by: "plain" });
    await lab.follow(meshConfig("outboundTrafficPolicy: {mode: REGISTRY_ONLY}"));
    await lab.sees(curl, unknown, { status: 502, by: "proxy" });
    await lab.follow(
      entry("httpbin-ext", HOST, HTTP, here({ http: plain })) + entry("secure", SECURE, HTTPS, here({ https: secure })),
    );
    await lab.sees(curl, `http://${HOST}/headers`, { status: 200, by: "plain" });
    await lab.sees(curl, { url: `https://${SECURE}/`, roots: certificates.roots }, { status: 200, by: "secure" });
    await lab.sees(curl, unknown, { status: 502, by: "proxy" });
    await lab.sees(curl, `http://${HOST}/delay/0.5`, { status: 200, by: "plain" });
    await lab.follow(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: httpbin-ext}
spec:
  hosts: [${HOST}]
  http:
  - timeout: 0.2s
    route: [{destination: {host: ${HOST}}, weight: 100}]`);
    await lab.sees(curl, `http://${HOST}/delay/0.5`, { status: 504, by: "proxy", explained: "forwarded" });
  });

  test("egress TLS origination", async () => {
    const rule = (tls: string, more = "") => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: origination}
spec:
  host: ${HOST}
${more}
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN}
    portLevelSettings: [{port: {number: 80}, tls: ${tls}}]`;
    await lab.follow(
      entry("edition", HOST, HTTP, here({ http: secure })) + rule(`{mode: SIMPLE, caCertificates: ${roots}}`),
    );
    const origin = { status: 200, by: "secure", text: `"client":"nobody","sni":"${HOST}"` };
    await lab.sees(curl, `http://${HOST}/politics`, origin);
    // With a certificate of the client's, which its workload has of a Secret of its namespace.
    await lab.follow(
      certificates.secret("client-credential", "default", "client.example.com", "with authority") +
        entry("edition", HOST, HTTP, here({ http: mutual })) +
        rule(
          "{mode: MUTUAL, credentialName: client-credential, sni: nginx.example.com}",
          "  workloadSelector: {matchLabels: {app: curl}}",
        ),
    );
    await lab.sees(curl, `http://${HOST}/politics`, {
      ...{ status: 200, by: "mutual", text: /"client":"[^"]*DNS:client.example.com/ },
    });
  });

  test("egress gateways: HTTP", async () => {
    await lab.follow(
      entry("cnn", HOST, `${HTTP}, ${HTTPS}`, here({ http: plain, https: secure })) +
        gatewayOf(`{port: {number: 80, name: http, protocol: HTTP}, hosts: [${HOST}]}`) +
        towards("cnn") +
        through(HOST, "http", 80, 80, HOST, 80),
    );
    const before = await requestsOf(`outbound|80||${HOST}`);
    await lab.sees(curl, `http://${HOST}/politics`, { status: 200, via: VIA, by: "plain" });
    expect(await requestsOf(`outbound|80||${HOST}`)).toBeGreaterThan(before);
  });

  test("egress gateways: HTTPS", async () => {
    await lab.follow(
      entry("cnn", HOST, "{number: 443, name: https, protocol: TLS}", here({ https: secure })) +
        gatewayOf(`{port: {number: 443, name: tls, protocol: TLS}, hosts: [${HOST}], tls: {mode: PASSTHROUGH}}`) +
        towards("cnn") +
        through(HOST, "tls", 443, 443, HOST, 443),
    );
    const before = await requestsOf(`outbound|443||${HOST}`);
    await lab.sees(
      curl,
      { url: `https://${HOST}/politics`, roots: certificates.roots },
      { status: 200, via: VIA, by: "secure" },
    );
    expect(await requestsOf(`outbound|443||${HOST}`)).toBeGreaterThan(before);
  });

  test("egress gateways with TLS origination", async () => {
    await lab.follow(
      entry("cnn", HOST, `${HTTP}, ${HTTPS}`, here({ http: plain, https: secure })) +
        gatewayOf(
          `{port: {number: 80, name: https-for-origination, protocol: HTTPS}, hosts: [${HOST}], tls: {mode: ISTIO_MUTUAL}}`,
        ) +
        towards(
          "cnn",
          `    trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: ISTIO_MUTUAL, sni: ${HOST}}}]}`,
        ) +
        through(HOST, "http", 80, 80, HOST, 443) +
        `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: originate-tls}
spec:
  host: ${HOST}
  trafficPolicy: {portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE, sni: ${HOST}, caCertificates: ${roots}}}]}`,
    );
    await lab.sees(curl, `http://${HOST}/politics`, { status: 200, via: VIA, by: "secure", text: `"sni":"${HOST}"` });
  });

  test("egress gateways with mutual TLS origination", async () => {
    const nginx = "nginx.example.com";
    await lab.follow(
      certificates.secret("client-credential", "istio-system", "client.example.com", "with authority") +
        entry("nginx", nginx, `${HTTP}, ${HTTPS}`, here({ http: mutual, https: mutual })) +
        gatewayOf(`{port: {number: 443, name: https, protocol: HTTPS}, hosts: [${nginx}], tls: {mode: ISTIO_MUTUAL}}`) +
        towards(
          "nginx",
          `    trafficPolicy: {portLevelSettings: [{port: {number: 443}, tls: {mode: ISTIO_MUTUAL, sni: ${nginx}}}]}`,
        ) +
        through(nginx, "http", 80, 443, nginx, 443, "nginx") +
        `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: originate-mtls-for-nginx, namespace: istio-system}
spec:
  host: ${nginx}
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN}
    portLevelSettings: [{port: {number: 443}, tls: {mode: MUTUAL, credentialName: client-credential, sni: ${nginx}}}]`,
    );
    await lab.sees(curl, `http://${nginx}/`, {
      ...{ status: 200, via: VIA, by: "mutual", text: /"client":"[^"]*DNS:client.example.com/ },
    });
  });

  test("egress using wildcard hosts", async () => {
    const [wild, www] = ["*.example.org", "www.example.org"];
    const tls = "{number: 443, name: https, protocol: HTTPS}";
    await lab.follow(
      entry("wild", wild, tls) +
        entry("www", www, tls, here({ https: secure })) +
        gatewayOf(`{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["${wild}"], tls: {mode: PASSTHROUGH}}`) +
        towards("wildcard") +
        through(wild, "tls", 443, 443, www, 443, "wildcard"),
    );
    const before = await requestsOf(`outbound|443||${www}`);
    for (const host of ["en.example.org", "de.example.org"])
      await lab.sees(
        curl,
        { url: `https://${host}/wiki`, roots: certificates.roots },
        { status: 200, via: VIA, by: "secure", text: `"sni":"${host}"` },
      );
    expect(await requestsOf(`outbound|443||${www}`)).toBeGreaterThanOrEqual(before + 2);
  });

  test("Kubernetes services for egress", async () => {
    await lab.follow(`
apiVersion: v1
kind: Service
metadata: {name: my-httpbin}
spec: {type: ExternalName, externalName: ${HOST}, ports: [{name: http, protocol: TCP, port: 80}]}
---${entry("edition", HOST, HTTP, here({ http: plain }))}`);
    await lab.sees(curl, "http://my-httpbin/headers", { status: 200, by: "plain" });
    await lab.sees(curl, "http://my-httpbin.default.svc.cluster.local/headers", { status: 200, by: "plain" });
  });
});
