import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { complete, type Steps } from "../base/steps.ts";
import { isInUse } from "../table/deferred-virtual-host.ts";
import { VirtualHostSchema } from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import { DeltaDiscoveryResponseSchema } from "../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { decodeResource, encodeResource, type Resource } from "../xds/resource.ts";
import { ADS, assignment, cluster } from "../xds/resource-fixtures.ts";
import { RESOURCE_TYPES } from "../xds/type-urls.ts";
import { type Rejection, readResponse, type Update, updateOf } from "../xds/update.ts";
import type { Configuration } from "./configuration.ts";
import { TestProxy } from "./proxy-fixture.ts";
import { RouteChecker } from "./route-checker.ts";
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

test("a route configuration is read and checked a virtual host a step, and is in force with the last of them", () => {
  complete(applyUpdate(received([routes(1)]), configuration));
  const holder = configuration.routes("r");
  const before = holder.current;
  expect(before?.virtualHosts.all.length).toBe(1);
  const { steps, result } = count(applyUpdate(received([routes(300)]), configuration), () => {
    if (holder.current !== before) expect(holder.current?.virtualHosts.all.length).toBe(300);
  });
  expect(result).toEqual([]);
  // And then put where requests find it, which is quick.
  expect(steps).toBeGreaterThanOrEqual(302);
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
    {
      name: "r",
      path: "virtual_hosts[3]",
      reason: expect.stringContaining("is not a valid envoy.config.route.v3.VirtualHost"),
    },
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

/** The virtual hosts in force by name, and which of them a request has compiled. */
function inForce(): ReadonlyMap<string, boolean> {
  const { all } = configuration.routes("r").current!.virtualHosts;
  return new Map(all.map((entry) => [entry.name, isInUse(entry)]));
}

function find(authority: string) {
  return configuration.routes("r").current?.virtualHosts.find(authority);
}

test("virtual hosts are compiled when they are first asked for, and once", () => {
  complete(applyUpdate(received([routes(3)]), configuration));
  expect([...inForce().values()]).toEqual([false, false, false]);
  const table = find("1.example");
  expect(table?.routes.at(0)?.action).toMatchObject({ kind: "direct", status: 201 });
  expect(find("1.example")).toBe(table!);
  expect([...inForce().values()]).toEqual([false, true, false]);
});

test("a virtual host that did not change keeps its table, and one in use is compiled anew at once", () => {
  const virtualHosts = [host(0), host(1), host(2), host(3)];
  const send = (hosts: readonly ReturnType<typeof host>[], ignorePortInHostMatching = false) => {
    const message = { name: "r", virtualHosts: [...hosts], ignorePortInHostMatching };
    const resource = encodeResource("rds", create(RouteConfigurationSchema, message));
    expect(complete(applyUpdate(received([resource]), configuration))).toEqual([]);
  };
  send(virtualHosts);
  const [first, second] = [find("0.example"), find("1.example")];
  const changed = { ...host(7, "1.example"), name: "host 1" };
  send([host(9), virtualHosts[2]!, changed, virtualHosts[0]!]);
  expect(Object.fromEntries(inForce())).toEqual({ "host 9": false, "host 2": false, "host 1": true, "host 0": true });
  expect(find("0.example")).toBe(first!);
  expect(find("1.example")).not.toBe(second);
  expect(find("1.example")?.routes.at(0)?.action).toMatchObject({ kind: "direct", status: 207 });
  expect(find("3.example")).toBeUndefined();
  // What all of them inherit has changed.
  send([virtualHosts[0]!, changed], true);
  expect(find("0.example:80")).not.toBe(first);
  expect(find("0.example:80")?.name).toBe("host 0");
});

test("a virtual host of VHDS is compiled when it is first asked for, and anew when it changes in use", () => {
  const shell = create(RouteConfigurationSchema, { name: "r", vhds: { configSource: ADS } });
  complete(applyUpdate(received([encodeResource("rds", shell)]), configuration));
  complete(applyUpdate(received(discovered(2)), configuration));
  expect(find("1.example")?.routes.at(0)?.action).toMatchObject({ kind: "direct", status: 201 });
  expect([...inForce().values()]).toEqual([false, true]);
  const changed = { ...host(8, "1.example"), name: "r/host 1" };
  complete(applyUpdate(received([encodeResource("vhds", create(VirtualHostSchema, changed))]), configuration));
  expect([...inForce().values()]).toEqual([false, true]);
  expect(find("1.example")?.routes.at(0)?.action).toMatchObject({ kind: "direct", status: 208 });
});

/** Three megabytes: 40 routes of 2 KB each in 40 virtual hosts. */
function largeRoutes(changes: Readonly<Record<number, number>> = {}): Resource {
  const virtualHosts = Array.from({ length: 40 }, (_, i) => {
    const { name, domains, routes } = host(i);
    const padding = Array.from({ length: 39 }, (_, j) => ({
      match: { pathSpecifier: { case: "path", value: `/${j}/${"x".repeat(2_000)}` } as const },
      action: { case: "directResponse", value: { status: 200 } } as const,
    }));
    const status = changes[i] ?? 200 + i;
    const last = { ...routes[0]!, action: { case: "directResponse", value: { status } } as const };
    return { name, domains, routes: [...padding, last] };
  });
  return encodeResource("rds", create(RouteConfigurationSchema, { name: "r", virtualHosts }));
}

class CountingChecker extends RouteChecker {
  checks = 0;

  override check(name: string, bytes: Uint8Array): ReturnType<RouteChecker["check"]> {
    this.checks++;
    return super.check(name, bytes);
  }
}

/** With a process for what is large, which `command` starts. */
async function applyLarge(resource: Resource, command: readonly string[]) {
  const routeChecker = new CountingChecker(command);
  const steps = applyUpdate(
    received([resource]),
    Object.create(configuration, { routeChecker: { value: routeChecker } }),
  );
  for (;;) {
    const { done, value } = steps.next();
    if (done) return { refusals: value, checks: routeChecker.checks };
    await value;
  }
}

const HEDDLE = [process.execPath, join(import.meta.dir, "..", "main.ts")];

test("what is large is checked in another process, and compiled when it is first asked for", async () => {
  expect(await applyLarge(largeRoutes(), HEDDLE)).toEqual({ refusals: [], checks: 1 });
  expect([...inForce().values()]).not.toContain(true);
  expect(find("7.example")?.routes.at(-1)?.action).toMatchObject({ kind: "direct", status: 207 });
  // One virtual host of it is not large.
  expect(await applyLarge(largeRoutes({ 3: 299 }), HEDDLE)).toEqual({ refusals: [], checks: 0 });
  expect(find("3.example")?.routes.at(-1)?.action).toMatchObject({ kind: "direct", status: 299 });
});

test("what is large is refused by its field's path, and where no process can tell, the loop does", async () => {
  const refusals = [{ name: "r", path: "virtual_hosts[12].domains", reason: "empty" }];
  const message = decodeResource("rds", largeRoutes().bytes);
  message.virtualHosts[12]!.domains = [];
  const withoutDomains = encodeResource("rds", message);
  for (const command of [HEDDLE, ["false"]]) {
    expect(await applyLarge(withoutDomains, command)).toEqual({ refusals, checks: 1 });
    expect(configuration.routes("r").current).toBeUndefined();
  }
  expect(await applyLarge(largeRoutes(), ["false"])).toEqual({ refusals: [], checks: 1 });
  expect(find("12.example")?.routes.at(-1)?.action).toMatchObject({ kind: "direct", status: 212 });
});

test("a domain of two virtual hosts is refused, whoever looks for it, and what was in force stays", async () => {
  expect(await applyLarge(largeRoutes(), HEDDLE)).toEqual({ refusals: [], checks: 1 });
  const taking = (changes: Readonly<Record<number, number>>) => {
    const message = decodeResource("rds", largeRoutes(changes).bytes);
    message.virtualHosts[12]!.domains = ["12.example", "7.EXAMPLE"];
    return encodeResource("rds", message);
  };
  const reason = 'domain "7.EXAMPLE" is in virtual hosts "host 7" and "host 12": only one may have it';
  const refusals = [{ name: "r", path: "virtual_hosts", reason }];
  const all = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [i, 300 + i]));
  for (const command of [HEDDLE, ["false"]])
    expect(await applyLarge(taking(all), command)).toEqual({ refusals, checks: 1 });
  // Not large: host 7 is the one that is known.
  expect(await applyLarge(taking({}), HEDDLE)).toEqual({ refusals, checks: 0 });
  expect(find("7.example")?.name).toBe("host 7");
  expect(find("12.example")?.routes.at(-1)?.action).toMatchObject({ kind: "direct", status: 212 });
});

test("where a process was ended before it had told all names, the loop looks for itself", async () => {
  const name = { name: "host 0", domains: ["0.example"] };
  const command = ["sh", "-c", `printf '%s' '[]\n${JSON.stringify([name])}'`];
  expect(await applyLarge(largeRoutes(), command)).toEqual({ refusals: [], checks: 1 });
  expect(find("39.example")?.routes.at(-1)?.action).toMatchObject({ kind: "direct", status: 239 });
});

test("a virtual host that changes in use is compiled at once, wherever it was checked", async () => {
  await applyLarge(largeRoutes(), HEDDLE);
  find("1.example");
  const changes = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [i, 300 + i]));
  expect(await applyLarge(largeRoutes(changes), HEDDLE)).toEqual({ refusals: [], checks: 1 });
  expect([...inForce()].filter(([, isCompiled]) => isCompiled)).toEqual([["host 1", true]]);
  expect(find("1.example")?.routes.at(-1)?.action).toMatchObject({ kind: "direct", status: 301 });
});
