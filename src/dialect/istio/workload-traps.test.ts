// What re-implementations of Istio get wrong about workloads and services outside of Kubernetes, one test each.

import { describe, expect, test } from "bun:test";
import { endpointsOf, mtlsMode, serviceFor } from "../../model/lookup.ts";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { loadMesh } from "../load.ts";

const WEB =
  "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80, name: http}]}}";

function load(...objects: string[]) {
  return loadMesh([{ name: "f.yaml", content: [WEB, ...objects].join("\n---\n") }], DEFAULT_SETTINGS);
}

const workloadEntry = (spec: string, metadata = "name: vm") =>
  `apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {namespace: shop, ${metadata}}\nspec: ${spec}`;
const serviceEntry = (spec: string, { name = "x", namespace = "default" } = {}) =>
  `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}`;

describe("WorkloadEntry and ServiceEntry", () => {
  const endpointsFor = (host: string, ...objects: string[]) => {
    const { mesh } = load(...objects);
    const service = serviceFor(mesh, host, "shop")!;
    return endpointsOf(mesh, service, service.ports[0]!.number);
  };

  test("a WorkloadEntry is an endpoint of Kubernetes' Services too, beside Pods, and policies select it", () => {
    const [endpoint] = endpointsFor(
      "web.shop.svc.cluster.local",
      workloadEntry("{address: 10.1.0.1, labels: {app: web}}"),
    );
    expect(endpoint).toMatchObject({ address: "10.1.0.1", port: 80 });
    const { mesh } = load(
      workloadEntry("{address: 10.1.0.1, labels: {app: web}}"),
      "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: x, namespace: shop}, spec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}}",
    );
    expect(mtlsMode(mesh, mesh.workloads.at(0)!, 80)).toBe("strict");
  });

  test("its ports beat a target's number by the service port's name, and a target's name by that", () => {
    const service = (ports: string) =>
      `{apiVersion: v1, kind: Service, metadata: {name: vm, namespace: shop}, spec: {selector: {app: vm}, ports: [${ports}]}}`;
    const entry = workloadEntry("{address: 10.1.0.1, labels: {app: vm}, ports: {http: 9090, other: 9091}}");
    const port = (ports: string) =>
      endpointsFor("vm.shop.svc.cluster.local", service(ports), entry)[0]?.applicationPort;
    expect(port("{name: http, port: 80, targetPort: 8080}")).toBe(9090);
    expect(port("{name: http, port: 80, targetPort: other}")).toBe(9091);
    expect(port("{name: web, port: 80, targetPort: 8080}")).toBe(8080);
    expect(port("{name: web, port: 80, targetPort: nowhere}")).toBeUndefined();
  });

  test("the object's own labels beat those of its spec", () => {
    const { mesh } = load(workloadEntry("{address: 10.1.0.1, labels: {app: a, v: v1}}", "name: vm, labels: {app: b}"));
    expect(mesh.workloads.at(0)?.labels).toEqual({ app: "b", v: "v1" });
  });

  test("a service account means mutual TLS on the application's port, unless security.istio.io/tlsMode says otherwise", () => {
    const transport = (spec: string) =>
      endpointsFor("web.shop.svc.cluster.local", workloadEntry(`{address: 10.1.0.1, ${spec}}`))[0]!.transport;
    expect(transport("serviceAccount: vm, labels: {app: web}")).toEqual({ kind: "istio" });
    expect(transport("labels: {app: web}")).toEqual({ kind: "plaintext" });
    expect(transport("labels: {app: web, security.istio.io/tlsMode: istio}")).toEqual({ kind: "istio" });
    expect(transport("serviceAccount: vm, labels: {app: web, security.istio.io/tlsMode: disabled}")).toEqual({
      kind: "plaintext",
    });
  });

  test("health counts where somebody looks after it, and is bad until he says otherwise", () => {
    const health = (annotations: string, status: string) =>
      load(
        `${workloadEntry("{address: 10.1.0.1}", `name: vm, annotations: {${annotations}}`)}\nstatus: ${status}`,
      ).mesh.workloads.at(0)?.health;
    const checked = 'proxy.istio.io/health-checks-enabled: "true"';
    expect(health("", '{conditions: [{type: Healthy, status: "False"}]}')).toBe("healthy");
    expect(health(checked, "{}")).toBe("unhealthy");
    expect(health(checked, '{conditions: [{type: Healthy, status: "True"}]}')).toBe("healthy");
  });

  test("a host name is an endpoint of services that are resolved by DNS alone, whoever selects it", () => {
    const entry = workloadEntry("{address: vm.example.com, labels: {app: web}}");
    const selecting = (resolution: string) =>
      endpointsFor(
        "vm.test",
        entry,
        serviceEntry(
          `{hosts: [vm.test], resolution: ${resolution}, ports: [{number: 80, name: http}], workloadSelector: {labels: {app: web}}}`,
          { namespace: "shop" },
        ),
      ).map(({ address }) => address);
    expect(selecting("DNS")).toEqual(["vm.example.com"]);
    expect(selecting("STATIC")).toEqual([]);
    expect(endpointsFor("web.shop.svc.cluster.local", entry)).toEqual([]);
  });

  test("a workloadSelector selects in the ServiceEntry's own namespace", () => {
    const spec =
      "{hosts: [vm.test], resolution: STATIC, ports: [{number: 80, name: http}], workloadSelector: {labels: {app: vm}}}";
    const entry = workloadEntry("{address: 10.1.0.1, labels: {app: vm}}");
    expect(endpointsFor("vm.test", entry, serviceEntry(spec, { namespace: "shop" }))).toHaveLength(1);
    expect(endpointsFor("vm.test", entry, serviceEntry(spec, { namespace: "default" }))).toEqual([]);
  });

  test("services without an address get one of 240.240.0.0/16 that stays; NONE, wildcards and who opted out get none", () => {
    const addresses = (spec: string, ...others: string[]) =>
      serviceFor(load(...others, serviceEntry(spec)).mesh, "a.test", "default")?.addresses ??
      load(serviceEntry(spec)).mesh.services.find(({ host }) => host === "*.a.test")?.addresses;
    const dns = "{hosts: [a.test], resolution: DNS, ports: [{number: 5432, name: tcp, protocol: TCP}]}";
    const [address] = addresses(dns) ?? [];
    expect(address).toMatch(/^240\.240\.\d+\.([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])$/);
    const other = serviceEntry("{hosts: [b.test], resolution: DNS, ports: [{number: 80, name: http}]}", { name: "b" });
    expect(addresses(dns, other)).toEqual([address!]);
    // Somebody has it already: the next one.
    const taken = `{hosts: [c.test], addresses: [${address}], resolution: DNS, ports: [{number: 80, name: http}]}`;
    const next = addresses(dns, serviceEntry(taken, { name: "c" }));
    expect(next).toHaveLength(1);
    expect(next).not.toEqual([address!]);
    expect(addresses("{hosts: [a.test], resolution: NONE, ports: [{number: 80, name: http}]}")).toEqual([]);
    expect(addresses('{hosts: ["*.a.test"], resolution: NONE, ports: [{number: 80, name: http}]}')).toEqual([]);
    const optedOut = `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: o, labels: {networking.istio.io/enable-autoallocate-ip: "false"}}, spec: ${dns}}`;
    expect(serviceFor(load(optedOut).mesh, "a.test", "default")?.addresses).toEqual([]);
  });
});
