// TLS that clients originate to servers outside of the mesh: with files, with Secrets, and with lists of revoked certificates.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, type SecureVersion, type Server, type TLSSocket } from "node:tls";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { resource } from "../../../src/kube/resources.ts";
import { organizationName } from "../../../src/pki/certificate-builder.ts";
import { type TestCertificate, testLeaf, testRevocations, testRoot } from "../../../src/pki/certificate-fixtures.ts";
import { askUntil, type Outside } from "../gateway-client.ts";
import { eventually } from "../mesh.ts";
import type { Pair } from "../pair.ts";

const NOW = Date.now();
const HOSTS = [
  "good",
  "bad",
  "unlisted",
  "named",
  "misnamed",
  "selected",
  "gateways",
  "apart",
  "filed",
  "aged",
  "mapped",
] as const;
type HostName = (typeof HOSTS)[number];

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** Says who its client is, and takes one request a connection, so that each has a handshake of its own. */
async function serve(own: TestCertificate, roots: string | undefined, maxVersion: SecureVersion): Promise<Server> {
  const clients = roots === undefined ? {} : { ca: roots, requestCert: true, rejectUnauthorized: true };
  const server = createServer({ cert: own.pem, key: own.keyPem, maxVersion, ...clients }, (socket) => {
    socket.on("error", () => {});
    const client = socket.getPeerCertificate().subjectaltname?.replace(/^URI:/, "") ?? "nobody";
    const asked = (socket as TLSSocket & { readonly servername?: string | false }).servername || "no name";
    const who = `${client} at ${asked}`;
    const head = `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${who.length}\r\n\r\n`;
    socket.once("data", () => socket.end(`${head}${who}`));
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

export function originationCases(pair: Pair, proxy: ProxyKind): void {
  const root = testRoot(NOW);
  // Of another name: lists are found by their issuer's.
  const name = organizationName("other");
  const other = testRoot(NOW, { issuer: name, subject: name });
  const leaf = (name: string) => testLeaf(root, `spiffe://outside/${name}`, NOW, { dnsNames: [`${name}.test`] });
  const [good, bad, named, partner, one, two] = ["good", "bad", "named", "partner", "one", "two"].map(leaf);
  const servers = new Map<HostName, Server>();

  const ask = async (name: HostName): Promise<string> => {
    const url = `http://${name}.test/`;
    const response = await fetch(url, { proxy: pair.forwardProxy, signal: AbortSignal.timeout(10_000) });
    return response.status === 200 ? await response.text() : String(response.status);
  };
  const becomes = async (name: HostName, expected: string) =>
    expect(
      await eventually(
        () => ask(name),
        (found) => found === expected,
      ),
    ).toBe(expected);

  const secret = (own: TestCertificate, revoked: readonly TestCertificate[] = []) =>
    pair.mesh.apply(`
apiVersion: v1
kind: Secret
metadata: {name: partner, namespace: default}
type: kubernetes.io/tls
data: {tls.crt: ${base64(own.pem)}, tls.key: ${base64(own.keyPem)}, ca.crt: ${base64(root.pem)}, ca.crl: ${base64(testRevocations(root, revoked, NOW))}}`);

  const rule = (name: HostName, tls: string, more = "") => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: origination-${name}, namespace: default}
spec: {host: ${name}.test, trafficPolicy: {tls: ${tls}}${more}}`;

  const entry = (name: HostName) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: origination-${name}, namespace: default}
spec:
  hosts: [${name}.test]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: ${(servers.get(name)!.address() as { port: number }).port}}}]`;

  beforeAll(async () => {
    const { folder } = pair.mesh;
    const file = (name: string, text: string): string => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    };
    const roots = file("outside.pem", root.pem);
    // A text with several lists: each authority's counts.
    const lists = testRevocations(other, [], NOW) + testRevocations(root, [bad!], NOW);
    const listed = file("outside.crl", lists);
    const foreign = file("foreign.crl", testRevocations(other, [], NOW));
    const clients = [...Array(5).fill(undefined), root.pem, root.pem, root.pem, root.pem, undefined, undefined];
    const certificates = [good!, bad!, good!, named!, good!, partner!, partner!, partner!, partner!, good!, good!];
    for (const [i, name] of HOSTS.entries()) {
      const newest = name === "aged" ? "TLSv1.2" : "TLSv1.3";
      servers.set(name, await serve(certificates[i]!, clients[i], newest));
    }
    const simple = (name: string, list: string) =>
      `{mode: SIMPLE, sni: ${name}.test, subjectAltNames: [${name}.test], caCertificates: ${roots}, caCrl: ${list}}`;
    const mutual = "{mode: MUTUAL, sni: partner.test, subjectAltNames: [partner.test], credentialName: partner}";
    const files = `clientCertificate: ${file("one.pem", one!.pem)}, privateKey: ${file("one.key", one!.keyPem)}`;
    const filed = `{mode: MUTUAL, sni: partner.test, subjectAltNames: [partner.test], ${files}, caCertCredentialName: authorities}`;
    const selecting = ", workloadSelector: {matchLabels: {app: client}}";
    await pair.mesh.apply(
      [
        ...HOSTS.map(entry),
        rule("good", simple("good", listed)),
        rule("bad", simple("bad", listed)),
        rule("unlisted", simple("good", foreign)),
        rule("aged", `{mode: SIMPLE, sni: good.test, caCertificates: ${roots}}`),
        rule("mapped", "{mode: SIMPLE, sni: good.test, credentialName: configmap://default/authorities}", selecting),
        rule("named", `{mode: SIMPLE, caCertificates: ${roots}}`),
        rule("misnamed", `{mode: SIMPLE, caCertificates: ${roots}}`),
        rule("selected", mutual, selecting),
        rule("gateways", mutual),
        rule("apart", mutual.replace("}", ", caCertCredentialName: authorities}"), selecting),
        rule("filed", filed, selecting),
      ].join("\n---"),
    );
  });
  afterAll(async () => {
    for (const server of servers.values()) server.close();
    if (!pair.client) return; // it never stood
    const { api } = pair.mesh.controlPlane;
    for (const host of HOSTS) {
      const name = { namespace: "default", name: `origination-${host}` };
      await api.delete(resource.serviceEntries, name);
      await api.delete(resource.destinationRules, name);
    }
    await api.delete(resource.secrets, { namespace: "default", name: "partner" });
    await api.delete(resource.secrets, { namespace: "default", name: "authorities" });
  });

  test("with files: a server is let through whom no list names, and none whose authority has no list", async () => {
    await becomes("good", "nobody at good.test");
    await becomes("bad", "503");
    await becomes("unlisted", "503");
    // They stood when the good one did.
    expect([await ask("good"), await ask("bad"), await ask("unlisted")]).toEqual(["nobody at good.test", "503", "503"]);
  });

  const configure = (settings: string) =>
    pair.mesh.apply(`
apiVersion: v1
kind: Namespace
metadata: {name: istio-system}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "${settings}"}`);
  const unconfigure = () =>
    pair.mesh.controlPlane.api.delete(resource.configMaps, { namespace: "istio-system", name: "istio" });

  test("tlsDefaults.minProtocolVersion shuts out a server that speaks nothing newer than TLS 1.2, and no other", async () => {
    const least = (version: string) => configure(`tlsDefaults: {minProtocolVersion: ${version}}`);
    await becomes("aged", "nobody at good.test");
    await least("TLSV1_3");
    await becomes("aged", "503");
    expect(await ask("good")).toBe("nobody at good.test");
    await least("TLS_AUTO");
    await becomes("aged", "nobody at good.test");
    await unconfigure();
  });

  test("outboundTrafficPolicy.tls verifies hosts that nobody knows, by the names of their requests", async () => {
    const known = await serve(
      testLeaf(root, "spiffe://outside/localhost", NOW, { dnsNames: ["localhost"] }),
      undefined,
      "TLSv1.3",
    );
    const { port } = known.address() as { port: number };
    const asked = async (host: string) => {
      const signal = AbortSignal.timeout(10_000);
      const response = await fetch(`http://${host}:${port}/`, { proxy: pair.forwardProxy, signal });
      return response.status === 200 ? await response.text() : "refused";
    };
    const turns = async (expected: string) =>
      expect(
        await eventually(
          () => asked("localhost"),
          (found) => found === expected,
        ),
      ).toBe(expected);
    try {
      // Plaintext, which the server of TLS takes for none.
      await turns("refused");
      const roots = join(pair.mesh.folder, "outside.pem");
      await configure(
        `outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS, tls: {mode: SIMPLE, caCertificates: ${roots}}}`,
      );
      await turns("nobody at localhost");
      // The certificate has another name.
      expect(await asked("127.0.0.1")).toBe("refused");
      await unconfigure();
      await turns("refused");
    } finally {
      known.close();
    }
  });

  test("SIMPLE without sni: the request's host is the server name, and a name that the certificate must have", async () => {
    await becomes("named", "nobody at named.test");
    await becomes("misnamed", "503");
    expect([await ask("named"), await ask("misnamed")]).toEqual(["nobody at named.test", "503"]);
  });

  test("with a Secret: nobody gets there before it is there, then with its certificate, renewed without a failure", async () => {
    await becomes("selected", "503");
    await secret(one!);
    await becomes("selected", "spiffe://outside/one, DNS:one.test at partner.test");
    await secret(two!);
    const seen = new Set<string>();
    const renewed = await eventually(
      async () => {
        const answer = await ask("selected");
        seen.add(answer);
        return answer;
      },
      (answer) => answer === "spiffe://outside/two, DNS:two.test at partner.test",
    );
    expect(renewed).toBe("spiffe://outside/two, DNS:two.test at partner.test");
    expect([...seen].filter((answer) => !answer.startsWith("spiffe://"))).toEqual([]);
  });

  test("a Secret's list shuts out a server from the next connection on", async () => {
    await secret(two!, [partner!]);
    await becomes("selected", "503");
    await secret(two!);
    await becomes("selected", "spiffe://outside/two, DNS:two.test at partner.test");
  });

  test("caCertCredentialName names the Secret with the roots, whoever else has some", async () => {
    const authorities = (trusted: TestCertificate) =>
      pair.mesh.apply(`
apiVersion: v1
kind: Secret
metadata: {name: authorities, namespace: default}
data: {ca.crt: ${base64(trusted.pem)}}`);
    expect([await ask("apart"), await ask("filed")]).toEqual(["503", "503"]);
    await authorities(root);
    await becomes("apart", "spiffe://outside/two, DNS:two.test at partner.test");
    await becomes("filed", "spiffe://outside/one, DNS:one.test at partner.test");
    await authorities(other);
    await becomes("apart", "503");
    await becomes("filed", "503");
  });

  test("a ConfigMap of the rule's namespace has the roots, whatever a Secret of its name has", async () => {
    const map = (data: Record<string, string>) =>
      pair.mesh.apply(
        JSON.stringify({
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "authorities", namespace: "default" },
          data,
        }),
      );
    await becomes("mapped", "503");
    await map({ "ca.crt": root.pem });
    await becomes("mapped", "nobody at good.test");
    await map({ "ca.crt": other.pem });
    await becomes("mapped", "503");
    await map({ cacert: root.pem });
    await becomes("mapped", "nobody at good.test");
    await map({ "root-cert.pem": root.pem });
    await becomes("mapped", "503");
    const name = { namespace: "default", name: "authorities" };
    await pair.mesh.controlPlane.api.delete(resource.configMaps, name);
  });

  test("a rule for everybody gives its Secret to gateways, and no way to sidecars", async () => {
    expect(await ask("gateways")).toBe("503");
    await pair.mesh.apply(`
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: egress, namespace: default}
spec:
  selector: {istio: egress}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [gateways.test]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: egress, namespace: default}
spec: {hosts: [gateways.test], gateways: [egress], http: [{route: [{destination: {host: gateways.test}}]}]}`);
    const { ports } = await pair.mesh.gateway({ app: "egress", proxy, ports: [80] });
    const outside: Outside = { port: ports.get(80)!, host: "gateways.test", path: "/" };
    expect(await askUntil(outside, 200)).toMatchObject({
      status: 200,
      body: "spiffe://outside/two, DNS:two.test at partner.test",
    });
    expect(await ask("gateways")).toBe("503");
  }, 30_000);
}
