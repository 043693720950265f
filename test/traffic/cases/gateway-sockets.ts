// A gateway proxy that is reached through Unix sockets: requests, bytes, and TLS by its server name.

import { beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { resource } from "../../../src/kube/resources.ts";
import { ByteClient } from "../byte-client.ts";
import { ask, askUntil, described, type Outside, statusOf } from "../gateway-client.ts";
import { eventually } from "../mesh.ts";
import type { Pair } from "../pair.ts";
import { type Identity, identityOf } from "../xds/certificates.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function secret(name: string, { chain, key }: Identity): string {
  return `
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: default}
type: kubernetes.io/tls
data: {tls.crt: ${base64(chain)}, tls.key: ${base64(key)}}`;
}

function objects(at: (name: string) => string): string {
  const bind = (name: string) => `bind: "unix://${at(name)}"`;
  const https = (name: string) => `
  - port: {number: 0, name: ${name}, protocol: HTTPS}
    ${bind("tls")}
    hosts: [${name}.socket.test]
    tls: {mode: SIMPLE, credentialName: ${name}-of-a-socket}`;
  return `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: sockets, namespace: default}
spec:
  selector: {istio: sockets}
  servers:
  - {port: {number: 0, name: http, protocol: HTTP}, ${bind("http")}, hosts: [a.socket.test]}
  - {port: {number: 0, name: hidden, protocol: HTTP}, ${bind("abstract")}, hosts: [a.socket.test]}
  - {port: {number: 0, name: tcp, protocol: TCP}, ${bind("tcp")}, hosts: ["*"]}${https("a")}${https("b")}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: sockets, namespace: default}
spec:
  hosts: [a.socket.test, b.socket.test]
  gateways: [sockets]
  http:
  - {match: [{uri: {prefix: /v2}}], route: [{destination: {host: golden, subset: v2}}]}
  - {route: [{destination: {host: golden, subset: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: sockets-tcp, namespace: default}
spec: {hosts: ["*"], gateways: [sockets], tcp: [{route: [{destination: {host: polyglot, port: {number: 83}}}]}]}`;
}

export function gatewaySocketCases(pair: Pair, proxy: ProxyKind): void {
  const [a, b] = ["a", "b"].map((name) => identityOf(name));
  const at = (name: string) =>
    name === "abstract" ? `@${basename(pair.mesh.folder)}` : join(pair.mesh.folder, `gateway-${name}.sock`);
  const plain = (name: string, host: string, path = "/"): Outside => ({
    port: at(name).replace(/^@/, "\0"),
    host,
    path,
  });
  const secure = (host: string): Outside => ({ port: at("tls"), host, tls: { serverName: host } });

  beforeAll(async () => {
    const secrets = [secret("a-of-a-socket", a!), secret("b-of-a-socket", b!)];
    await pair.mesh.apply([...secrets, objects(at)].join("\n---"));
    await pair.mesh.gateway({ app: "sockets", proxy, ports: [80] });
  }, 60_000);

  test("HTTP, told apart by host and path, of a client without an address", async () => {
    const { headers, name } = described(await askUntil(plain("http", "a.socket.test"), 200));
    expect(name).toBe("v1");
    expect(headers["x-forwarded-for"]).toBeUndefined();
    expect(headers["x-envoy-external-address"]).toBeUndefined();
    expect(headers["x-forwarded-proto"]).toBe("http");
    expect(described(await ask(plain("http", "a.socket.test", "/v2"))).name).toBe("v2");
    expect(statusOf(await ask(plain("http", "b.socket.test")))).toBe(404);
  });

  test("a socket without a file", async () => {
    expect(described(await askUntil(plain("abstract", "a.socket.test"), 200)).name).toBe("v1");
  });

  test("TCP reaches the service", async () => {
    const echoed = async () => {
      const client = await ByteClient.connect(at("tcp"));
      const heard = await client.send("echo\none").hears("one");
      client.close();
      return heard;
    };
    const orWhy = () => echoed().catch(String);
    expect(await eventually(orWhy, (heard) => heard === "one")).toBe("one");
  });

  test("TLS shows the certificate of the name that the client asks for", async () => {
    expect(await askUntil(secure("a.socket.test"), 200)).toMatchObject({ certificate: a!.uri });
    expect(await askUntil(secure("b.socket.test"), 200)).toMatchObject({ certificate: b!.uri });
    expect(await ask(secure("c.socket.test"))).toBe("refused");
  });

  test("a socket of Heddle's proxy goes with its server; Envoy leaves the file, and refuses", async () => {
    await pair.mesh.controlPlane.api.delete(resource.gateways, { namespace: "default", name: "sockets" });
    expect(await askUntil(plain("http", "a.socket.test"), "refused")).toBe("refused");
    const isThere = async () => existsSync(at("http"));
    expect(await eventually(isThere, (there) => there === (proxy === "envoy"))).toBe(proxy === "envoy");
  });
}
