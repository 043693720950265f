// Services of type ExternalName: another name of a service leads to it as its own does, over mutual TLS, by its routes.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { resource } from "../../../src/kube/resources.ts";
import { ByteClient } from "../byte-client.ts";
import { eventually } from "../mesh.ts";
import type { Described, Pair } from "../pair.ts";

/** Front stands for golden, face for front, and bytes for polyglot. */
const NAMES = { front: "golden.default", face: "front.default", bytes: "polyglot.default" } as const;

const named = (name: string, target: string, ports = "") => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {type: ExternalName, externalName: ${target}.svc.cluster.local${ports}}`;

export function externalNameCases(pair: Pair): void {
  const get = (url: string) => fetch(url, { proxy: pair.forwardProxy, signal: AbortSignal.timeout(10_000) });
  const status = async (url: string) => (await get(url)).status;
  const becomes = async (url: string, expected: number) =>
    expect(
      await eventually(
        () => status(url),
        (found) => found === expected,
      ),
    ).toBe(expected);
  const remove = (kind: "services" | "virtualServices", name: string) =>
    pair.mesh.controlPlane.api.delete(resource[kind], { namespace: "default", name });

  beforeAll(async () => {
    for (const [name, target] of Object.entries(NAMES)) await pair.mesh.apply(named(name, target));
  });
  afterAll(async () => {
    for (const name of Object.keys(NAMES)) await remove("services", name);
  });

  test("a name, and a name of a name, lead to the service with the caller's identity", async () => {
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
    for (const host of ["front", "front.default", "face.default.svc.cluster.local"]) {
      await becomes(`http://${host}/`, 200);
      const { name, host: heard, headers } = (await (await get(`http://${host}/path`)).json()) as Described;
      expect([name, heard]).toEqual(["v1", host]);
      expect(headers["x-forwarded-client-cert"]).toContain("sa/client");
    }
  });

  test("the service's routes hold for its names", async () => {
    await pair.route("  - directResponse: {status: 418}");
    // The revision is seen at another listener, whose routes come in a message of their own.
    await becomes("http://golden/", 418);
    await becomes("http://face/", 418);
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
  });

  test("a route to a name leads to the service, and so does a tunnel of bytes", async () => {
    await pair.route("  - route: [{destination: {host: face, subset: v2}}]");
    expect((await pair.described("/")).name).toBe("v2");
    const client = await ByteClient.connect(pair.client.ports.forwardProxy);
    const target = "bytes.default:84";
    expect(await client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`).hears("\r\n\r\n")).toStartWith(
      "HTTP/1.1 200 OK\r\n",
    );
    expect(await client.hears("\n")).not.toBe("");
    client.close();
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
  });

  test("what is written for the name itself holds on the ports that it declares, and goes with the name", async () => {
    await pair.mesh.apply(`${named("facade", "golden.default", ", ports: [{name: http, port: 80}]")}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: facade, namespace: default}
spec: {hosts: [facade], http: [{match: [{uri: {prefix: /own}}], directResponse: {status: 299}}, {route: [{destination: {host: facade}}]}]}`);
    await becomes("http://facade/own", 299);
    expect(await status("http://facade/other")).toBe(200);
    expect(await status("http://golden/own")).toBe(200);
    await remove("virtualServices", "facade");
    await becomes("http://facade/own", 200);
    await remove("services", "facade");
    await becomes("http://facade/own", 503);
  });
}
