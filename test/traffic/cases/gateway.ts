// A gateway proxy at the edge: what comes from outside, by host, by server name and by port, and goes on over the leg.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { AuthorityStore } from "../../../src/ca/store.ts";
import { resource, resourceByKind } from "../../../src/kube/resources.ts";
import { testLeaf, testRoot } from "../../../src/pki/certificate-fixtures.ts";
import { ByteClient } from "../byte-client.ts";
import { ask, askUntil, described, type Outside, statusOf } from "../gateway-client.ts";
import { eventually, type TestGateway } from "../mesh.ts";
import type { Pair } from "../pair.ts";
import { type Identity, identityOf, ROOTS } from "../xds/certificates.ts";
import { TlsClient } from "../xds/tls-client.ts";

const PORTS = { http: 80, https: 443, single: 8443, tcp: 9000, legs: 15_443 } as const;

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function secret(name: string, identity: Identity, roots?: string): string {
  const ca = roots === undefined ? "" : `, ca.crt: ${base64(roots)}`;
  return `
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: default}
type: kubernetes.io/tls
data: {tls.crt: ${base64(identity.chain)}, tls.key: ${base64(identity.key)}${ca}}`;
}

const GATEWAY = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec:
  selector: {istio: ingress}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test, b.test, "*.wild.test"]}
  - {port: {number: 80, name: redirected, protocol: HTTP}, hosts: [secure.test], tls: {httpsRedirect: true}}
  - {port: {number: 443, name: a, protocol: HTTPS}, hosts: [a.test], tls: {mode: SIMPLE, credentialName: a}}
  - {port: {number: 443, name: b, protocol: HTTPS}, hosts: [b.test], tls: {mode: SIMPLE, credentialName: b}}
  - port: {number: 443, name: mutual, protocol: HTTPS}
    hosts: [mutual.test]
    tls: {mode: MUTUAL, credentialName: mutual, subjectAltNames: ["spiffe://cluster.local/ns/default/sa/guest"]}
  - port: {number: 443, name: lenient, protocol: HTTPS}
    hosts: [lenient.test]
    tls: {mode: OPTIONAL_MUTUAL, credentialName: mutual, insecureSkipVerify: true}
  - port: {number: 443, name: old, protocol: HTTPS}
    hosts: [old.test]
    tls: {mode: SIMPLE, credentialName: a, alpnProtocols: [http/1.1], ecdhCurves: [P-384]}
  - {port: {number: 443, name: missing, protocol: HTTPS}, hosts: [missing.test], tls: {mode: SIMPLE, credentialName: late}}
  - {port: {number: 443, name: through, protocol: TLS}, hosts: [through.test], tls: {mode: PASSTHROUGH}}
  - {port: {number: 8443, name: single, protocol: HTTPS}, hosts: [a.test], tls: {mode: SIMPLE, credentialName: a}}
  - {port: {number: 9000, name: tcp, protocol: TCP}, hosts: ["*"]}
  - {port: {number: 15443, name: legs, protocol: TLS}, hosts: ["*.cluster.local"], tls: {mode: AUTO_PASSTHROUGH}}`;

const ROUTES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge-a, namespace: default}
spec:
  hosts: [a.test, secure.test, mutual.test, lenient.test, old.test, missing.test, x.wild.test]
  gateways: [edge]
  http:
  - match: [{uri: {prefix: /shares}}]
    route: [{destination: {host: golden, subset: v1}, weight: 3}, {destination: {host: golden, subset: v2}, weight: 1}]
  - match: [{uri: {exact: /port80}, port: 80}]
    route: [{destination: {host: golden, subset: v2}}]
  - match: [{uri: {exact: /mesh}, gateways: [mesh]}]
    directResponse: {status: 418}
  - match: [{uri: {exact: /moved}}]
    redirect: {uri: /there, derivePort: FROM_REQUEST_PORT}
  - match: [{uri: {prefix: /}}]
    route: [{destination: {host: golden, subset: v1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge-b, namespace: default}
spec:
  hosts: [b.test]
  gateways: [default/edge]
  http: [{match: [{uri: {prefix: /v2}}], route: [{destination: {host: golden, subset: v2}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge-tcp, namespace: default}
spec:
  hosts: ["*"]
  gateways: [edge]
  tcp: [{match: [{port: 9000}], route: [{destination: {host: polyglot, port: {number: 83}}}]}]`;

function through(port: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: through, namespace: default}
spec:
  hosts: [through.test]
  ports: [{number: 443, name: tls, protocol: TLS, targetPort: ${port}}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge-through, namespace: default}
spec:
  hosts: [through.test]
  gateways: [edge]
  tls: [{match: [{port: 443, sniHosts: [through.test]}], route: [{destination: {host: through.test}}]}]`;
}

/** Of an authority that nobody here knows. */
function foreignIdentity(): Identity {
  const uri = "spiffe://elsewhere/guest";
  const leaf = testLeaf(testRoot(Date.now()), uri, Date.now());
  return { uri, chain: leaf.pem, key: leaf.keyPem };
}

/** A server outside of the mesh that ends TLS by itself, and answers with its name. */
async function ownTls(identity: Identity): Promise<Server> {
  const server = createServer({ cert: identity.chain, key: identity.key }, (socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nown"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

export function gatewayCases(pair: Pair, proxy: ProxyKind): void {
  let gateway: TestGateway;
  let own: Server;
  const [a, b, mutual, guest, stranger] = ["a", "b", "mutual", "guest", "stranger"].map((name) => identityOf(name));
  const at = (port: keyof typeof PORTS) => gateway.ports.get(PORTS[port])!;
  const plain = (host: string, path = "/"): Outside => ({ port: at("http"), host, path });
  const secure = (host: string, path = "/", identity?: Identity): Outside => ({
    port: at("https"),
    host,
    path,
    tls: { serverName: host, ...(identity ? { identity } : {}) },
  });

  beforeAll(async () => {
    const { mesh } = pair;
    own = await ownTls(identityOf("through"));
    const { port } = own.address() as { port: number };
    const secrets = [secret("a", a!), secret("b", b!), secret("mutual", mutual!, ROOTS)];
    await mesh.apply([...secrets, GATEWAY, ROUTES, through(port)].join("\n---"));
    gateway = await mesh.gateway({ app: "ingress", proxy, ports: Object.values(PORTS) });
    expect(statusOf(await askUntil(plain("a.test"), 200))).toBe(200);
  }, 60_000);
  afterAll(() => {
    own?.close();
  });

  test("hosts are told apart, with a port behind them or not, and one that nobody routes is answered 404", async () => {
    expect(described(await ask(plain("a.test"))).name).toBe("v1");
    expect(described(await ask(plain("a.test:8080"))).name).toBe("v1");
    expect(described(await ask(plain("x.wild.test"))).name).toBe("v1");
    expect(described(await ask(plain("b.test", "/v2"))).name).toBe("v2");
    expect(statusOf(await ask(plain("b.test", "/v1")))).toBe(404);
    expect(statusOf(await ask(plain("y.wild.test")))).toBe(404);
    expect(statusOf(await ask(plain("nowhere.test")))).toBe(404);
  });

  test("the application sees who came, and over the leg whose gateway it came through", async () => {
    const spoofed = {
      headers: ["x-envoy-external-address: 9.9.9.9", "x-forwarded-client-cert: By=me", "x-forwarded-for: 1.2.3.4"],
    };
    const { headers, host } = described(await ask({ ...plain("a.test"), ...spoofed }));
    expect(host).toBe("a.test");
    // Of a client on the loopback interface Envoy writes an address of the machine.
    expect(headers["x-forwarded-for"]).toMatch(/^1\.2\.3\.4,[\d.]+$/);
    expect(headers["x-forwarded-proto"]).toBe("http");
    expect(headers["x-envoy-external-address"]).toBe("127.0.0.1");
    expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://cluster.local/ns/default/sa/ingress");
    expect(headers["x-forwarded-client-cert"]).not.toContain("By=me");
    expect(headers["x-envoy-peer-metadata"]).toBeUndefined();
    expect(headers["x-request-id"]).toBeDefined();
  });

  test("matches by port and by gateway hold where they are for", async () => {
    expect(described(await ask(plain("a.test", "/port80"))).name).toBe("v2");
    expect(described(await ask(secure("a.test", "/port80"))).name).toBe("v1");
    expect(described(await ask(plain("a.test", "/mesh"))).name).toBe("v1");
  });

  test("weights share the requests", async () => {
    const names = await Promise.all(
      Array.from({ length: 80 }, async () => described(await ask(plain("a.test", "/shares"))).name),
    );
    const first = names.filter((name) => name === "v1").length;
    expect(first).toBeGreaterThan(40);
    expect(first).toBeLessThan(78);
  });

  test("httpsRedirect answers 301 with the https URL, routed or not", async () => {
    const answer = await ask(plain("secure.test", "/x?q=1"));
    expect(answer).toMatchObject({ status: 301 });
    expect(answer).toHaveProperty("headers", expect.stringMatching(/location: https:\/\/secure\.test\/x\?q=1\r\n/i));
  });

  test("TLS ends with the certificate of the server name, and the request keeps its scheme", async () => {
    const answers = await Promise.all([ask(secure("a.test")), ask(secure("b.test", "/v2"))]);
    expect(answers.map(statusOf)).toEqual([200, 200]);
    expect(answers.map((answer) => answer !== "refused" && answer.certificate)).toEqual([a!.uri, b!.uri]);
    expect(described(answers[0]!).headers["x-forwarded-proto"]).toBe("https");
    const moved = await ask(secure("a.test", "/moved"));
    expect(moved).toHaveProperty("headers", expect.stringMatching(/location: https:\/\/a\.test\/there\r\n/i));
  });

  test("a server name that no server has is refused, and so is none, and another host on a certificate is 404", async () => {
    expect(await ask(secure("nowhere.test"))).toBe("refused");
    expect(await ask({ ...secure("a.test"), tls: {} })).toBe("refused");
    // Where there is one certificate, too: nobody is shown it who asks for another name.
    for (const port of ["https", "single"] as const) {
      const handshake = TlsClient.connect({ host: "127.0.0.1", port: at(port) }, { serverName: "nowhere.test" });
      expect(
        await handshake.then(
          () => "shown",
          () => "refused",
        ),
      ).toBe("refused");
    }
    expect(statusOf(await ask({ ...secure("b.test", "/v2"), tls: { serverName: "a.test" } }))).toBe(404);
  });

  test("alpnProtocols says what a server offers, and who wants something else is served without", async () => {
    const chosen = async (serverName: string, alpn: readonly string[]) => {
      const client = await TlsClient.connect({ host: "127.0.0.1", port: at("https") }, { serverName, alpn });
      client.close();
      return client.alpn;
    };
    expect(await chosen("a.test", ["h2", "http/1.1"])).toBe("h2");
    expect(await chosen("old.test", ["h2", "http/1.1"])).toBe("http/1.1");
    expect(await chosen("old.test", ["h2"])).toBe(false);
    expect(statusOf(await ask(secure("old.test")))).toBe(200);
  });

  test("ecdhCurves leaves out clients that know none of them", async () => {
    const by = (curve: string) => ask({ ...secure("old.test"), tls: { serverName: "old.test", curve } });
    expect(statusOf(await by("P-384"))).toBe(200);
    expect(await by("P-256")).toBe("refused");
    expect(statusOf(await ask({ ...secure("a.test"), tls: { serverName: "a.test", curve: "P-256" } }))).toBe(200);
  });

  test("MUTUAL takes clients with a certificate of the name that it asks for alone", async () => {
    const served = await ask(secure("mutual.test", "/", guest));
    expect(statusOf(served)).toBe(200);
    const { headers } = described(served);
    const forwarded = headers["x-forwarded-client-cert"]?.split(",")[0];
    expect(forwarded).toMatch(
      /^By=spiffe:\/\/[\w./]+\/mutual;Hash=[0-9a-f]{64};Cert="-----BEGIN%20CERT[^"]*";Subject="";URI=spiffe:\/\/[\w./]+\/guest$/,
    );
    expect(await ask(secure("mutual.test"))).toBe("refused");
    expect(await ask(secure("mutual.test", "/", stranger))).toBe("refused");
  });

  test("OPTIONAL_MUTUAL with insecureSkipVerify takes whatever a client shows, and tells of it", async () => {
    const foreign = foreignIdentity();
    const forwarded = async (identity?: Identity) => {
      const answer = await ask(secure("lenient.test", "/", identity));
      expect(statusOf(answer)).toBe(200);
      return described(answer).headers["x-forwarded-client-cert"]?.split(",")[0];
    };
    expect(await forwarded(guest)).toMatch(/;URI=spiffe:\/\/[\w./]+\/guest$/);
    expect(await forwarded(foreign)).toMatch(/;URI=spiffe:\/\/elsewhere\/guest$/);
    expect(await forwarded()).not.toContain("guest");
  });

  test("PASSTHROUGH hands the connection to the server that ends TLS", async () => {
    const answer = await askUntil(secure("through.test"), 200);
    expect(answer).toMatchObject({ status: 200, body: "own", certificate: identityOf("through").uri });
  });

  test("AUTO_PASSTHROUGH hands a leg on to the service that its server name means", async () => {
    const { authority } = new AuthorityStore(join(pair.mesh.folder, "state", "ca")).open("cluster.local", Date.now());
    const identity = identityOf("far", undefined, authority);
    const leg = (service: string, subset = ""): Outside => ({
      port: at("legs"),
      host: "golden",
      tls: {
        serverName: `outbound_.80_.${subset}_.${service}.default.svc.cluster.local`,
        identity,
        alpn: ["http/1.1"],
      },
    });
    const answer = await askUntil(leg("golden"), 200);
    expect(answer).toMatchObject({ status: 200, certificate: "spiffe://cluster.local/ns/default/sa/golden" });
    expect(described(answer).headers["x-forwarded-client-cert"]).toContain(`URI=${identity.uri}`);
    // With a subset, as Istio's sidecars send it: to an endpoint of that.
    for (const subset of ["v1", "v2"]) expect(described(await askUntil(leg("golden", subset), 200)).name).toBe(subset);
    expect(await ask(leg("golden", "v9"))).toBe("refused");
    expect(await ask(leg("nobody"))).toBe("refused");
    // A server name of the leg alone leads anywhere.
    expect(await ask({ ...leg("golden"), tls: { serverName: "golden.default.svc.cluster.local", identity } })).toBe(
      "refused",
    );
  });

  test("TCP reaches the service", async () => {
    const client = (await ByteClient.connect(at("tcp"))).send("echo\n");
    expect(await client.send("one").hears("one")).toEndWith("one");
    client.end();
    await client.all();
  });

  test("a byte stream to a forward proxy asks it for a way on", async () => {
    const proxying = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (first) => socket.write(`HTTP/1.1 200 OK\r\n\r\n${String(first).split("\r\n")[0]}\n`));
    });
    await new Promise<void>((resolve) => proxying.listen(0, "127.0.0.1", resolve));
    const { port } = proxying.address() as { port: number };
    const route = (destination: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge-tcp, namespace: default}
spec: {hosts: ["*"], gateways: [edge], tcp: [{match: [{port: 9000}], route: [{destination: ${destination}}]}]}`;
    await pair.mesh.apply(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: way-out, namespace: default}
spec:
  hosts: [way-out.test]
  ports: [{number: 3128, name: tcp, protocol: TCP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, ports: {tcp: ${port}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: way-out, namespace: default}
spec: {host: way-out.test, trafficPolicy: {tunnel: {targetHost: db.test, targetPort: 5432}}}
---${route("{host: way-out.test, port: {number: 3128}}")}`);
    const began = async () => {
      const client = (await ByteClient.connect(at("tcp"))).send("hello\n");
      const heard = await client.hears("\n");
      client.close();
      return heard.trim();
    };
    const wanted = "CONNECT db.test:5432 HTTP/1.1";
    expect(await eventually(began, (heard) => heard === wanted)).toBe(wanted);
    await pair.mesh.apply(route("{host: polyglot, port: {number: 83}}"));
    await eventually(began, (heard) => heard !== wanted);
    proxying.close();
    const { api } = pair.mesh.controlPlane;
    for (const type of [resource.serviceEntries, resource.destinationRules])
      await api.delete(type, { namespace: "default", name: "way-out" });
  });

  test("policies that select a gateway are asked at its door: of requests, of bytes, of connections that it hands on", async () => {
    const { mesh } = pair;
    const policies = resourceByKind("security.istio.io", "AuthorizationPolicy")!;
    const deny = (name: string, rules: string) => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: default}
spec: {selector: {matchLabels: {istio: ingress}}, action: DENY, rules: [${rules}]}`;
    const requests = `{to: [{operation: {hosts: [a.test], paths: [/closed*], ports: ["${at("http")}"]}}]}`;
    await mesh.apply(deny("edge-requests", requests));
    expect(await askUntil(plain("a.test", "/closed/now"), 403)).toMatchObject({ body: "RBAC: access denied" });
    expect(statusOf(await ask(plain("a.test", "/open/../closed/./now")))).toBe(403);
    expect(statusOf(await ask(plain("x.wild.test", "/closed/now")))).toBe(200);
    expect(statusOf(await ask(secure("a.test", "/closed")))).toBe(200);
    expect(await askUntil(secure("through.test"), 200)).toMatchObject({ body: "own" });
    const bytes = async (): Promise<string> => {
      const client = (await ByteClient.connect(at("tcp"))).send("echo\n");
      client.send("one").end();
      return (await client.all()).toString();
    };
    expect(await bytes()).toEndWith("one");
    await mesh.apply(deny("edge-bytes", "{from: [{source: {ipBlocks: [127.0.0.0/8]}}]}"));
    expect(await eventually(bytes, (text) => !text.includes("one"))).not.toContain("one");
    // An Envoy takes up one listener after another.
    const through = () => ask(secure("through.test"));
    expect(await eventually(through, (answer) => answer === "refused")).toBe("refused");
    expect(statusOf(await askUntil(plain("a.test"), 403))).toBe(403);
    for (const name of ["edge-requests", "edge-bytes"])
      await mesh.controlPlane.api.delete(policies, { namespace: "default", name });
    expect(statusOf(await askUntil(plain("a.test", "/closed/now"), 200))).toBe(200);
    expect(await eventually(bytes, (text) => text.endsWith("one"))).toEndWith("one");
  });

  test("a server without its certificate refuses until the Secret comes", async () => {
    expect(await ask(secure("missing.test"))).toBe("refused");
    const late = identityOf("late");
    await pair.mesh.apply(secret("late", late));
    expect(await askUntil(secure("missing.test"), 200)).toMatchObject({ status: 200, certificate: late.uri });
  });

  test("a certificate is replaced while requests go on", async () => {
    const next = identityOf("next");
    const slow = ask(secure("b.test", "/v2"));
    await pair.mesh.apply(secret("b", next));
    const certificate = await eventually(
      async () => {
        const answer = await ask(secure("b.test", "/v2"));
        expect(statusOf(answer)).toBe(200);
        return answer === "refused" ? "" : answer.certificate;
      },
      (uri) => uri === next.uri,
    );
    expect(certificate).toBe(next.uri);
    expect(statusOf(await slow)).toBe(200);
  });
}
