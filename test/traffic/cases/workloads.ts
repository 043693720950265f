// What Kubernetes does not run: WorkloadEntries and the endpoints of ServiceEntries, plain, by name and by Unix socket, beside Pods.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { resource } from "../../../src/kube/resources.ts";
import { eventually } from "../mesh.ts";
import type { Pair } from "../pair.ts";

export function workloadCases(pair: Pair): void {
  const servers: Bun.Server<undefined>[] = [];
  const ports: Record<string, number> = {};

  const entry = (name: string, { address = "127.0.0.1", labels = "{app: vm}", extra = "", annotations = "{}" } = {}) =>
    pair.mesh.apply(`
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: ${name}, namespace: default, annotations: ${annotations}}
spec: {address: ${address}, labels: ${labels}, ports: {http: ${ports[name]}}${extra}}`);

  const ask = async (host: string): Promise<string> => {
    const response = await fetch(`http://${host}/`, { proxy: pair.forwardProxy, signal: AbortSignal.timeout(10_000) });
    return response.status === 200 ? response.text() : String(response.status);
  };
  /** Who answers, of as many requests as it takes to see all of them. */
  const answersOf = async (host: string): Promise<string> => {
    const seen = new Set<string>();
    for (let i = 0; i < 24; i++) seen.add(await ask(host));
    return [...seen].sort().join();
  };
  const becomes = async (host: string, expected: string) =>
    expect(
      await eventually(
        () => answersOf(host),
        (found) => found === expected,
      ),
    ).toBe(expected);

  beforeAll(async () => {
    for (const name of ["one", "two", "named"]) {
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(name) });
      servers.push(server);
      ports[name] = server.port!;
    }
    const unix = join(pair.mesh.folder, "app.sock");
    servers.push(Bun.serve({ unix, fetch: () => new Response("socket") }));
    await pair.mesh.apply(`
apiVersion: v1
kind: Service
metadata: {name: vm, namespace: default}
spec: {selector: {app: vm}, ports: [{name: http, port: 80, targetPort: 9}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: vm, namespace: default}
spec:
  hosts: [vm.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: vm}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: named, namespace: default}
spec:
  hosts: [named.test]
  location: MESH_INTERNAL
  resolution: DNS
  ports: [{number: 80, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: named}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: socket, namespace: default}
spec:
  hosts: [socket.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: "unix://${unix}"}]`);
  });
  afterAll(async () => {
    for (const server of servers) server.stop(true);
    const { api } = pair.mesh.controlPlane;
    for (const name of ["one", "two", "named"])
      await api.delete(resource.workloadEntries, { namespace: "default", name });
    for (const name of ["vm", "named", "socket"])
      await api.delete(resource.serviceEntries, { namespace: "default", name });
    await api.delete(resource.services, { namespace: "default", name: "vm" });
  });

  test("WorkloadEntries are endpoints of the Service and of the ServiceEntry that select them, on their own ports", async () => {
    await entry("one");
    await becomes("vm.test", "one");
    await entry("two");
    await becomes("vm.test", "one,two");
    await becomes("vm", "one,two");
  });

  test("one whose health is looked after gets requests when its status says so, and none when it no longer does", async () => {
    const annotations = '{proxy.istio.io/health-checks-enabled: "true"}';
    const health = (status: "True" | "False") =>
      pair.mesh.controlPlane.api.patch(
        resource.workloadEntries,
        { namespace: "default", name: "two" },
        { kind: "merge", patch: { status: { conditions: [{ type: "Healthy", status }] } } },
        { subresource: "status" },
      );
    await entry("two", { annotations });
    await becomes("vm.test", "one");
    await health("True");
    await becomes("vm.test", "one,two");
    await health("False");
    await becomes("vm.test", "one");
  });

  test("a name is an endpoint of a service that is resolved by DNS, and of no other", async () => {
    await entry("named", { address: "localhost", labels: "{app: named}" });
    await becomes("named.test", "named");
    await entry("named", { address: "localhost", labels: "{app: vm}" });
    await becomes("named.test", "503");
    expect(await answersOf("vm.test")).toBe("one");
  });

  test("a Unix socket is an endpoint", () => becomes("socket.test", "socket"));

  test("of a wildcard with DYNAMIC_DNS the host of each request is looked up, whatever the policy for unknown hosts", async () => {
    // RFC 6761: every name below localhost is this machine's loopback interface.
    const through = async (name: string) => {
      const options = { proxy: pair.forwardProxy, signal: AbortSignal.timeout(10_000) };
      const response = await fetch(`http://${name}.localhost:${ports.one}/`, options);
      return response.status === 200 ? response.text() : String(response.status);
    };
    const leads = async (name: string, expected: string) =>
      expect(
        await eventually(
          () => through(name),
          (found) => found === expected,
        ),
      ).toBe(expected);
    await pair.mesh.apply(`
apiVersion: v1
kind: Namespace
metadata: {name: istio-system}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"}`);
    await leads("a", "502");
    await pair.mesh.apply(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: dynamic, namespace: default}
spec:
  hosts: ["*.localhost"]
  resolution: DYNAMIC_DNS
  ports: [{number: ${ports.one}, name: http, protocol: HTTP}]`);
    await leads("a", "one");
    await leads("b", "one");
    await pair.mesh.controlPlane.api.delete(resource.configMaps, { namespace: "istio-system", name: "istio" });
  });

  test("what leaves gets no requests", async () => {
    const { api } = pair.mesh.controlPlane;
    await api.delete(resource.workloadEntries, { namespace: "default", name: "one" });
    await becomes("vm.test", "503");
  });
}
