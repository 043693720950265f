// The admin interface of both proxies with the same configuration: what tools read has the same structure.

import { expect } from "bun:test";
import { createRegistry, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { until } from "../../../src/base/until-fixture.ts";
import { configRegistry } from "../../../src/proxy/admin/config-registry.ts";
import { unpackAs } from "../../../src/xds/any.ts";
import { CertificatesSchema } from "../../../src/xds/gen/envoy/admin/v3/certs_pb.ts";
import { ClustersSchema } from "../../../src/xds/gen/envoy/admin/v3/clusters_pb.ts";
import {
  type ConfigDump,
  ConfigDumpSchema,
  file_envoy_admin_v3_config_dump,
} from "../../../src/xds/gen/envoy/admin/v3/config_dump_pb.ts";
import {
  ClustersConfigDumpSchema,
  EndpointsConfigDumpSchema,
  file_envoy_admin_v3_config_dump_shared,
  ListenersConfigDumpSchema,
  RoutesConfigDumpSchema,
} from "../../../src/xds/gen/envoy/admin/v3/config_dump_shared_pb.ts";
import { ListenersSchema } from "../../../src/xds/gen/envoy/admin/v3/listeners_pb.ts";
import { ServerInfoSchema } from "../../../src/xds/gen/envoy/admin/v3/server_info_pb.ts";
import type { ProxyProcess } from "./process.ts";
import { traffic } from "./traffic.ts";

type JsonObject = { readonly [key: string]: unknown };

const PATH = "/config_dump?include_eds";
const ANY = createRegistry(configRegistry, file_envoy_admin_v3_config_dump, file_envoy_admin_v3_config_dump_shared);
/** An address of loopback and a port that the system gave. */
const TCP = /:\d+$/;
const CASE = { legs: ["h2"], clusters: { upstream: { eds: true } }, rds: true } as const;

async function json(process: ProxyProcess, path: string): Promise<JsonObject> {
  return JSON.parse(await process.admin(path)) as JsonObject;
}

async function parsedDump(process: ProxyProcess, path = PATH): Promise<ConfigDump> {
  return fromJson(ConfigDumpSchema, (await json(process, path)) as JsonValue, {
    registry: ANY,
    ignoreUnknownFields: true,
  });
}

function keysOf(value: unknown): readonly string[] {
  return Object.keys(value as object).sort();
}

function section(dump: JsonObject, type: string): JsonObject {
  const found = (dump.configs as JsonObject[]).find(
    (config) => config["@type"] === `type.googleapis.com/envoy.admin.v3.${type}`,
  );
  if (!found) throw new Error(`no ${type} in the dump`);
  return found;
}

traffic("a dump has the types that tools read, in Envoy's order", CASE, async ({ process }) => {
  const dump = await json(process, PATH);
  const types = (dump.configs as JsonObject[]).map((config) => String(config["@type"]).split(".").at(-1));
  expect(types.filter((type) => type !== "EcdsConfigDump" && type !== "ScopedRoutesConfigDump")).toEqual([
    "BootstrapConfigDump",
    "ClustersConfigDump",
    "EndpointsConfigDump",
    "ListenersConfigDump",
    "RoutesConfigDump",
    "SecretsConfigDump",
  ]);
  const listeners = section(dump, "ListenersConfigDump").dynamic_listeners as JsonObject[];
  const dynamic = listeners.find((listener) => "active_state" in listener);
  expect(keysOf(dynamic)).toEqual(["active_state", "name"]);
  expect(keysOf(dynamic?.active_state)).toEqual(["last_updated", "listener", "version_info"]);
  const clusters = section(dump, "ClustersConfigDump");
  expect((clusters.static_clusters as JsonObject[]).map((cluster) => keysOf(cluster))).toEqual([
    ["cluster", "last_updated"],
    ["cluster", "last_updated"],
  ]);
  for (const cluster of clusters.dynamic_active_clusters as JsonObject[])
    expect(keysOf(cluster)).toEqual(["cluster", "last_updated", "version_info"]);
  for (const routes of section(dump, "RoutesConfigDump").dynamic_route_configs as JsonObject[])
    expect(keysOf(routes)).toEqual(["last_updated", "route_config", "version_info"]);
  expect(keysOf(section(dump, "BootstrapConfigDump"))).toEqual(["@type", "bootstrap", "last_updated"]);
});

traffic("a dump is what the generated messages say", CASE, async ({ process }) => {
  const { configs } = await parsedDump(process);
  const clusters = configs.flatMap((any) => unpackAs(ClustersConfigDumpSchema, any) ?? []);
  const listeners = configs.flatMap((any) => unpackAs(ListenersConfigDumpSchema, any) ?? []);
  const routes = configs.flatMap((any) => unpackAs(RoutesConfigDumpSchema, any) ?? []);
  const endpoints = configs.flatMap((any) => unpackAs(EndpointsConfigDumpSchema, any) ?? []);
  expect(clusters[0]?.dynamicActiveClusters.map(({ versionInfo }) => versionInfo)).toHaveLength(1);
  // Envoy shows those of the cases before that still drain.
  const active = listeners[0]?.dynamicListeners.filter(({ activeState }) => activeState !== undefined);
  expect(active?.map(({ name }) => name)).toEqual([expect.stringMatching(/^case-\d+$/)]);
  expect(routes[0]?.dynamicRouteConfigs[0]?.routeConfig?.typeUrl).toEndWith("envoy.config.route.v3.RouteConfiguration");
  expect(endpoints[0]?.dynamicEndpointConfigs).toHaveLength(1);
});

traffic("keys of certificates are not shown", { ...CASE, rds: false }, async ({ process }) => {
  const text = await process.admin(PATH);
  expect(text).not.toContain("PRIVATE KEY");
  expect(text).toContain("private_key");
  expect(text).toMatch(/\[redacted\]|W3JlZGFjdGVkXQ==/);
});

traffic("a resource, a mask and a name choose what a dump holds", CASE, async ({ process }) => {
  const names = async (query: string) =>
    (((await json(process, `/config_dump?${query}`)).configs as JsonObject[] | undefined) ?? []).map(
      (config) => (config.cluster as JsonObject | undefined)?.name ?? config.name,
    );
  expect(await names("resource=dynamic_active_clusters")).toEqual(["upstream"]);
  expect((await names("resource=static_clusters")).sort()).toEqual(["callers", "xds-grpc"]);
  expect(await names("resource=static_clusters&name_regex=up.*")).toEqual([]);
  const masked = await json(process, "/config_dump?resource=dynamic_active_clusters&mask=cluster.name,version_info");
  const [only] = masked.configs as JsonObject[];
  expect(keysOf(only)).toEqual(["@type", "cluster", "version_info"]);
  expect(keysOf(only?.cluster)).toEqual(["@type", "name"]);
});

traffic("wrong questions are answered as Envoy answers them", CASE, async ({ process }) => {
  await expect(process.admin("/config_dump?resource=nope")).rejects.toThrow("404");
  await expect(process.admin("/config_dump?resource=bootstrap")).rejects.toThrow("400");
  await expect(process.admin("/config_dump?name_regex=(")).rejects.toThrow("400");
  await expect(process.admin("/config_dump?mask=nope")).rejects.toThrow("400");
  await expect(process.admin("/nope")).rejects.toThrow("404");
  for (const path of ["/drain_listeners", "/healthcheck/fail", "/logging", "/quitquitquit", "/reset_counters"])
    await expect(process.admin(path)).rejects.toThrow("405");
});

traffic(
  "a refused update stands in the dump with its reason, beside what is in force",
  { legs: ["plaintext"], rds: true },
  async ({ process, update, client }) => {
    const poisoned = { legs: ["plaintext"], rds: true, listener: { filter_chains: [] } };
    await expect(update(poisoned)).rejects.toThrow();
    const dump = await json(process, "/config_dump?resource=dynamic_listeners");
    // Others may stand there, which other files had refused: the process is shared.
    const state = (dump.configs as JsonObject[]).find((config) => config.active_state && config.error_state);
    const error = state?.error_state as JsonObject;
    expect(keysOf(state)).toEqual(expect.arrayContaining(["active_state", "error_state", "name"]));
    expect(keysOf(error)).toEqual(expect.arrayContaining(["details", "failed_configuration", "last_update_attempt"]));
    expect(String(error.details).length).toBeGreaterThan(10);
    expect((await client.request("/")).status).toBe(200);
  },
);

traffic("clusters as lines", { ...CASE, legs: ["plaintext"] }, async ({ client, process }) => {
  await client.request("/");
  const fields = [
    "cx_active",
    "cx_connect_fail",
    "cx_total",
    "rq_active",
    "rq_error",
    "rq_success",
    "rq_timeout",
    "rq_total",
    "hostname",
    "health_flags",
    "weight",
    "region",
    "zone",
    "sub_zone",
    "canary",
    "priority",
  ];
  await until(
    "the request's count",
    async () => [...(await process.hosts("upstream")).values()][0]?.get("rq_success") === "1",
  );
  const [host] = (await process.hosts("upstream")).values();
  for (const field of fields) expect(host!.has(field)).toBe(true);
  expect(host!.get("rq_total")).toBe("1");
  expect(host!.get("health_flags")).toBe("healthy");
  const text = await process.admin("/clusters");
  for (const line of [
    "upstream::observability_name::upstream\n",
    "upstream::default_priority::max_connections::1024\n",
    "upstream::default_priority::max_retries::3\n",
    "upstream::added_via_api::true\n",
    "xds-grpc::added_via_api::false\n",
  ])
    expect(text).toContain(line);
  expect(await process.admin("/clusters?filter=^xds")).not.toContain("upstream::");
});

traffic("clusters as a message", { ...CASE, legs: ["plaintext"] }, async ({ client, process }) => {
  await client.request("/");
  const read = async () =>
    fromJson(ClustersSchema, (await json(process, "/clusters?format=json")) as JsonValue, {
      ignoreUnknownFields: true,
    });
  const { clusterStatuses } = await read();
  const cluster = clusterStatuses.find(({ name }) => name === "upstream")!;
  expect(cluster).toMatchObject({ addedViaApi: true, observabilityName: "upstream" });
  expect(cluster.edsServiceName).not.toBe("xds-grpc");
  const [host] = cluster.hostStatuses;
  expect(host?.healthStatus?.edsHealthStatus).toBe(1);
  expect(host?.weight).toBe(1);
  expect(host?.address?.address.case).toBe("socketAddress");
  expect(host?.stats.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["cx_total", "rq_total", "rq_success", "rq_error", "cx_active", "rq_active"]),
  );
  expect(host?.stats.find(({ name }) => name === "rq_total")?.value).toBe(1n);
  expect(cluster.circuitBreakers?.thresholds[0]?.maxConnections).toBe(1024);
});

traffic("listeners, as lines and as a message", CASE, async ({ process }) => {
  const [name, address] = (await process.admin("/listeners")).trim().split("\n").at(-1)!.split("::");
  expect(name).toMatch(/^case-\d+$/);
  expect(address).toMatch(TCP);
  const { listenerStatuses } = fromJson(ListenersSchema, (await json(process, "/listeners?format=json")) as JsonValue, {
    ignoreUnknownFields: true,
  });
  const bound = listenerStatuses.at(-1)?.localAddress?.address;
  expect(bound?.case === "socketAddress" && bound.value.portSpecifier.value).toBe(Number(address!.split(":").at(-1)));
});

traffic(
  "statistics under Envoy's names, filtered, as text and JSON",
  { legs: ["plaintext"] },
  async ({ client, process }) => {
    const before = await process.stats();
    await client.request("/");
    const grown = (name: string, after: ReadonlyMap<string, number>) =>
      (after.get(name) ?? 0) - (before.get(name) ?? 0);
    const after = await until("the count", async () => {
      const now = await process.stats();
      return grown("cluster.upstream.upstream_rq_2xx", now) > 0 ? now : undefined;
    });
    for (const name of [
      "cluster.upstream.upstream_rq_total",
      "cluster.upstream.upstream_rq_2xx",
      "cluster.upstream.upstream_cx_total",
    ])
      expect([name, grown(name, after)]).toEqual([name, 1]);
    expect([...after.keys()]).toEqual(expect.arrayContaining(["server.live", "server.uptime", "server.state"]));
    const filtered = await process.admin("/stats?filter=%5Ecluster.upstream.upstream_rq_total%24");
    expect(filtered).toMatch(/^cluster\.upstream\.upstream_rq_total: \d+\n$/);
    const { stats } = (await json(process, "/stats?format=json&filter=upstream_rq_total&usedonly")) as {
      stats: { name: string; value: number }[];
    };
    expect(stats.find(({ name }) => name === "cluster.upstream.upstream_rq_total")?.value).toBeGreaterThan(0);
    expect(await process.admin("/stats?format=prometheus")).toContain("# TYPE envoy_cluster_upstream_rq_total counter");
    await process.admin("/reset_counters", "POST");
    expect((await process.stats()).get("cluster.upstream.upstream_rq_total") ?? 0).toBe(0);
  },
);

traffic("who it is, and how it is", CASE, async ({ process }) => {
  const info = fromJson(ServerInfoSchema, (await json(process, "/server_info")) as JsonValue, {
    registry: ANY,
    ignoreUnknownFields: true,
  });
  expect(info.node?.id).toBe("lab~client");
  expect(info.state).toBe(0);
  expect(info.version.split("/")).toHaveLength(5);
  expect(info.commandLineOptions?.configPath).toEndWith("bootstrap.json");
  expect(await process.admin("/ready")).toBe("LIVE\n");
  expect(keysOf(await json(process, "/runtime"))).toEqual(["entries", "layers"]);
  expect(await json(process, "/init_dump")).toEqual({});
  expect(keysOf(await json(process, "/memory"))).toEqual([
    "allocated",
    "heap_size",
    "pageheap_free",
    "pageheap_unmapped",
    "total_physical_bytes",
    "total_thread_cache",
  ]);
  expect(await process.admin("/help")).toStartWith("admin commands are:\n");
});

traffic("certificates in use", CASE, async ({ client, process }) => {
  await client.request("/");
  const { certificates } = fromJson(CertificatesSchema, (await json(process, "/certs")) as JsonValue, {
    ignoreUnknownFields: true,
  });
  const [own] = certificates.flatMap(({ certChain }) => certChain);
  expect(own?.subjectAltNames[0]?.name.value).toStartWith("spiffe://");
  expect(certificates.flatMap(({ caCert }) => caCert).length).toBeGreaterThan(0);
  expect(own?.serialNumber).toMatch(/^[0-9a-f]+$/);
});

traffic("levels of the log", CASE, async ({ process }) => {
  const levels = await process.admin("/logging", "POST");
  expect(levels).toStartWith("active loggers:\n");
  const [, scope = "", level = ""] = /^ {2}(\w+): (\w+)$/m.exec(levels)!;
  expect(await process.admin(`/logging?${scope}=critical`, "POST")).toMatch(
    new RegExp(`^  ${scope}: (?:critical|error)$`, "m"),
  );
  await expect(process.admin("/logging?level=nope", "POST")).rejects.toThrow("400");
  await expect(process.admin("/logging?nope=info", "POST")).rejects.toThrow("400");
  await process.admin(`/logging?level=${level}`, "POST");
});

traffic("failing health checks drains", { legs: ["plaintext"] }, async ({ process, client }) => {
  expect(await process.admin("/healthcheck/fail", "POST")).toBe("OK\n");
  expect(await process.admin("/ready")).toBe("DRAINING\n");
  expect((await client.request("/")).header("connection")).toBe("close");
  expect(await process.admin("/healthcheck/ok", "POST")).toBe("OK\n");
  expect(await process.admin("/ready")).toBe("LIVE\n");
});
