// How services come to their endpoints.

import { expect, test } from "bun:test";
import { buildMesh } from "./build.ts";
import type { ListedEndpoint } from "./endpoint.ts";
import { endpointsOf, inboundPortsOf, servicesOf } from "./lookup.ts";
import { origin, parts, SIDECAR, service, workload } from "./sample.ts";
import { serviceKey } from "./service.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";
import { workloadKey } from "./workload.ts";

const web = service("web");
const one = workload("web-1", "web");

function mesh(changes: Parameters<typeof parts>[0]) {
  return buildMesh(DEFAULT_SETTINGS, parts(changes));
}

function listed(changes: Partial<ListedEndpoint> = {}): ListedEndpoint {
  const locality = { region: "", zone: "", subzone: "" };
  return {
    address: "10.1.0.1",
    ports: { http: 8080 },
    health: "healthy",
    weight: 1,
    locality,
    cluster: "Kubernetes",
    network: "",
    labels: {},
    ...changes,
  };
}

test("a selected workload with a sidecar speaks the leg, and takes plaintext where its proxy stands in", () => {
  const {
    applicationPort,
    port,
    transport,
    workload: key,
  } = endpointsOf(mesh({ services: [web], workloads: [one] }), web, 80)[0]!;
  expect({ applicationPort, port, transport, key }).toEqual({
    applicationPort: 8080,
    port: 15_006,
    transport: { kind: "leg", port: 15_008 },
    key: workloadKey(one),
  });
});

test("captured plaintext goes to the application's own port", () => {
  const captured = { ...one, proxy: { ...SIDECAR, capture: { outboundPort: 15_001, inboundPort: 15_006 } } };
  expect(endpointsOf(mesh({ services: [web], workloads: [captured] }), web, 80)[0]!.port).toBe(8080);
});

test("of TCP and UDP of one number, requests go where the first leads", () => {
  const dns = service("dns", "default", {
    ports: [
      { number: 53, name: "dns-tcp", protocol: "tcp", target: 5353 },
      { number: 53, name: "dns", protocol: "udp", target: 5300 },
    ],
  });
  const found = endpointsOf(mesh({ services: [dns], workloads: [workload("dns-1", "dns")] }), dns, 53);
  expect(found.map(({ applicationPort }) => applicationPort)).toEqual([5353]);
});

test("a service may publish who is not ready, and names those that have a name under it", () => {
  const instance = { hostname: "web-0", subdomain: "web" };
  const starting = { ...one, health: "unhealthy", instance } as const;
  const other = service("other", "default", { selector: web.selector });
  const built = mesh({ services: [{ ...web, publishesUnready: true }, other], workloads: [starting] });
  const shown = (of: typeof web) => endpointsOf(built, of, 80).map(({ health, hostname }) => [health, hostname]);
  expect(shown(web)).toEqual([["healthy", "web-0"]]);
  expect(shown(other)).toEqual([["unhealthy", undefined]]);
});

test("without a proxy there is plaintext alone", () => {
  const bare = { ...one, proxy: undefined };
  const [endpoint] = endpointsOf(mesh({ services: [web], workloads: [bare] }), web, 80);
  expect(endpoint).toMatchObject({ port: 8080, transport: { kind: "plaintext" } });
});

test("a named target port is looked up in each workload: two versions on one host may differ", () => {
  const named = service("web", "default", { ports: [{ number: 80, name: "http", protocol: "http", target: "http" }] });
  const two = workload("web-2", "web", "default", { ports: [{ name: "http", number: 8081 }] });
  const without = workload("web-3", "web", "default", { ports: [] });
  const built = mesh({ services: [named], workloads: [two, one, without] });
  expect(endpointsOf(built, named, 80).map((endpoint) => endpoint.applicationPort)).toEqual([8080, 8081]);
});

test("selectors look at their namespace alone", () => {
  const elsewhere = workload("web-9", "web", "other");
  expect(endpointsOf(mesh({ services: [web], workloads: [elsewhere] }), web, 80)).toEqual([]);
});

test("listed endpoints replace the selector's, even when the list is empty", () => {
  const list = { service: serviceKey(web), endpoints: [], origin: origin("EndpointSlice", "web") };
  expect(endpointsOf(mesh({ services: [web], workloads: [one], endpointLists: [list] }), web, 80)).toEqual([]);
});

test("a listed endpoint takes labels, identity and proxy of its workload, health and zone of the list", () => {
  const zone = { region: "", zone: "eu-a", subzone: "" };
  const endpoints = [listed({ workload: workloadKey(one), health: "draining", locality: zone })];
  const list = { service: serviceKey(web), endpoints, origin: origin("EndpointSlice", "web") };
  const [endpoint] = endpointsOf(mesh({ services: [web], workloads: [one], endpointLists: [list] }), web, 80);
  expect(endpoint).toMatchObject({
    address: "10.1.0.1",
    labels: one.labels,
    identity: one.identity,
    health: "draining",
    locality: zone,
    transport: { kind: "leg" },
  });
});

test("an endpoint of a workload that is not known yet is left out: it would get plaintext", () => {
  const endpoints = [listed({ workload: "Kubernetes/default/soon" }), listed({ address: "10.1.0.2" })];
  const list = { service: serviceKey(web), endpoints, origin: origin("EndpointSlice", "web") };
  const found = endpointsOf(mesh({ services: [web], endpointLists: [list] }), web, 80);
  expect(found.map((endpoint) => endpoint.address)).toEqual(["10.1.0.2"]);
});

test("several lists add up, without repeating an address, sorted", () => {
  const list = (name: string, ...addresses: string[]) => ({
    service: serviceKey(web),
    endpoints: addresses.map((address) => listed({ address })),
    origin: origin("EndpointSlice", name),
  });
  const built = mesh({
    services: [web],
    endpointLists: [list("b", "10.1.0.3", "10.1.0.1"), list("a", "10.1.0.1", "10.1.0.2")],
  });
  expect(endpointsOf(built, web, 80).map((endpoint) => endpoint.address)).toEqual(["10.1.0.1", "10.1.0.2", "10.1.0.3"]);
});

test("a port that a list does not have has no endpoints", () => {
  const admin = service("web", "default", {
    ports: [...web.ports, { number: 81, name: "admin", protocol: "tcp", target: 8081 }],
  });
  const list = { service: serviceKey(admin), endpoints: [listed()], origin: origin("EndpointSlice", "web") };
  const built = mesh({ services: [admin], endpointLists: [list] });
  expect(endpointsOf(built, admin, 80).length).toBe(1);
  expect(endpointsOf(built, admin, 81)).toEqual([]);
});

test("a workload's inbound port names every service that leads to it, oldest first", () => {
  const alias = service("alias", "default", {
    selector: { namespace: "default", labels: { app: "web" } },
    createdAt: -1,
  });
  const built = mesh({ services: [web, alias], workloads: [one] });
  const [port, ...others] = inboundPortsOf(built, one);
  expect(others).toEqual([]);
  expect(port!.number).toBe(8080);
  expect(port!.bindings.map((binding) => binding.service.name)).toEqual(["alias", "web"]);
  expect(servicesOf(built, one).map((each) => each.name)).toEqual(["alias", "web"]);
});
