import { afterEach, beforeEach, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { complete, type Steps } from "../base/steps.ts";
import { VirtualHostSchema } from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import { DeltaDiscoveryResponseSchema } from "../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { encodeResource, type Resource } from "../xds/resource.ts";
import { ADS, assignment, cluster } from "../xds/resource-fixtures.ts";
import { RESOURCE_TYPES } from "../xds/type-urls.ts";
import { type Rejection, readResponse, type Update, updateOf } from "../xds/update.ts";
import type { Configuration } from "./configuration.ts";
import { TestProxy } from "./proxy-fixture.ts";
import { applyUpdate } from "./update.ts";

let proxy: TestProxy;
let configuration: Configuration;

beforeEach(() => {
  proxy = new TestProxy({});
  ({ configuration } = proxy.proxy);
});

afterEach(() => proxy.close());

/** As it comes from the wire. */
function message(resources: readonly Resource[], removedResources: readonly string[] = []): Uint8Array {
  return toBinary(
    DeltaDiscoveryResponseSchema,
    create(DeltaDiscoveryResponseSchema, {
      nonce: "1",
      removedResources: [...removedResources],
      resources: resources.map(({ kind, name, version, bytes }) => ({
        name,
        version,
        resource: { typeUrl: RESOURCE_TYPES[kind].typeUrl, value: bytes },
      })),
    }),
  );
}

function received(resources: readonly Resource[], kind = resources[0]!.kind): Update {
  return updateOf(kind, 1, complete(readResponse(message(resources))), () => true);
}

/** How many steps it is, and what it came to; `between` is called after each. */
function count<T>(steps: Steps<T>, between: () => void = () => {}): { readonly steps: number; readonly result: T } {
  for (let taken = 0; ; taken++) {
    const { done, value } = steps.next();
    if (done) return { steps: taken, result: value };
    between();
  }
}

function host(i: number, domain = `${i}.example`) {
  return {
    name: `host ${i}`,
    domains: [domain],
    routes: [
      {
        match: { pathSpecifier: { case: "prefix", value: "/" } as const },
        action: { case: "directResponse", value: { status: 200 + i } } as const,
      },
    ],
  };
}

function routes(hosts: number, changes: { readonly name?: string; readonly domain?: string } = {}): Resource {
  const virtualHosts = Array.from({ length: hosts }, (_, i) => host(i, changes.domain));
  return encodeResource("rds", create(RouteConfigurationSchema, { name: changes.name ?? "r", virtualHosts }));
}

function discovered(hosts: number, from = 0): readonly Resource[] {
  return Array.from({ length: hosts }, (_, i) =>
    encodeResource("vhds", create(VirtualHostSchema, { ...host(from + i), name: `r/host ${from + i}` })),
  );
}

test("a route configuration is applied a virtual host a step, and is in force with the last of them", () => {
  complete(applyUpdate(received([routes(1)]), configuration));
  const holder = configuration.routes("r");
  const before = holder.current;
  expect(before?.virtualHosts.all.length).toBe(1);
  const { steps, result } = count(applyUpdate(received([routes(300)]), configuration), () => {
    if (holder.current !== before) expect(holder.current?.virtualHosts.all.length).toBe(300);
  });
  expect(result).toEqual([]);
  // Read and checked, then put where requests find it.
  expect(steps).toBeGreaterThanOrEqual(600);
  expect(holder.current?.virtualHosts.find("299.example")?.name).toBe("host 299");
});

test("virtual hosts by VHDS, clusters and endpoints are a step each", () => {
  const shell = create(RouteConfigurationSchema, { name: "r", vhds: { configSource: ADS } });
  complete(applyUpdate(received([encodeResource("rds", shell)]), configuration));
  const holder = configuration.routes("r");
  const first = count(applyUpdate(received(discovered(200)), configuration), () => {
    if (holder.current) expect(holder.current.virtualHosts.all.length).toBe(200);
  });
  expect(first.steps).toBeGreaterThanOrEqual(400);
  // One more does not read the others again.
  const more = count(applyUpdate(received(discovered(1, 200)), configuration));
  expect(more.steps).toBeLessThan(5);
  expect(holder.current?.virtualHosts.find("200.example")?.name).toBe("r/host 200");
  expect(holder.current?.virtualHosts.find("7.example")?.name).toBe("r/host 7");

  const names = Array.from({ length: 100 }, (_, i) => `c${i}`);
  const clusters = names.map((name) => cluster(name, { connectTimeoutMs: 100 }));
  const endpoints = names.map((name, i) => assignment(name, i + 1));
  expect(count(applyUpdate(received(clusters), configuration)).steps).toBeGreaterThanOrEqual(100);
  const wanted = configuration.clusterManager.endpointNames;
  expect([...wanted]).toEqual(names);
  expect(count(applyUpdate(received(endpoints), configuration)).steps).toBeGreaterThanOrEqual(100);
  expect(configuration.clusterManager.endpointNames).toBe(wanted); // the client need not look at 10,000 names for it
  const hosts = names.map((name) => configuration.clusters.get(name)?.hosts.length);
  expect(new Set(hosts)).toEqual(new Set([1]));
});

test("a response is read a resource a step", () => {
  const { steps, result } = count(readResponse(message(discovered(200), ["gone"])));
  expect(steps).toBeGreaterThanOrEqual(200);
  expect(result.resources.map(({ name }) => name)).toEqual(discovered(200).map(({ name }) => name));
  expect(result.removedResources).toEqual(["gone"]);
});

function refused(resource: Resource): readonly Rejection[] {
  return complete(applyUpdate(received([resource]), configuration));
}

test("what of a route configuration cannot be leaves the last good one in force", () => {
  expect(refused(routes(1))).toEqual([]);
  const good = configuration.routes("r").current;
  const [duplicate] = refused(routes(2, { domain: "same" }));
  expect(duplicate?.path).toBe("virtual_hosts");
  expect(duplicate?.reason).toContain("only one may have it");
  const { bytes } = routes(3);
  const broken = { ...routes(3), bytes: Buffer.concat([bytes, Buffer.from([0x12, 2, 0x0a, 9])]) };
  expect(refused(broken)).toEqual([
    { name: "r", path: "", reason: expect.stringContaining("is not a valid envoy.config.route.v3.RouteConfiguration") },
  ]);
  const renamed = { ...routes(1, { name: "other" }), name: "r" };
  expect(refused(renamed)).toEqual([{ name: "r", path: "", reason: 'holds a resource of another name: "other"' }]);
  expect(configuration.routes("r").current).toBe(good);
});

test("a configuration that is wrong everywhere is refused without 5,000 reasons", () => {
  const virtualHosts = Array.from({ length: 5_000 }, (_, i) => ({ ...host(i), domains: [] }));
  const wrong = encodeResource("rds", create(RouteConfigurationSchema, { name: "r", virtualHosts }));
  const { steps, result } = count(applyUpdate(received([wrong]), configuration));
  expect(result.length).toBe(100);
  expect(steps).toBeLessThan(500);
});
