import { beforeEach, describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Registry } from "../../stats/registry.ts";
import { TrafficMetrics } from "../../stats/traffic-metrics.ts";
import { packAny } from "../../xds/any.ts";
import { BootstrapSchema } from "../../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { RESOURCE_TYPES, type ResourceKind } from "../../xds/type-urls.ts";
import type { Update } from "../../xds/update.ts";
import { Configuration } from "../configuration.ts";
import { ownSockets } from "../listening-sockets.ts";
import { workloadOf } from "../main.ts";
import { httpFilter, listener, type Message, parse, routeTo, staticCluster } from "../proxy-fixture.ts";
import { Reporter } from "../reporter.ts";
import { applyUpdate } from "../update.ts";
import { configDump } from "./config-dump.ts";
import type { AdminState } from "./state.ts";

type JsonObject = { readonly [key: string]: unknown };

let configuration: Configuration;
let bootstrap = create(BootstrapSchema);

beforeEach(() => {
  const registry = new Registry();
  configuration = new Configuration(new Reporter(new TrafficMetrics(registry), workloadOf(undefined)), {
    sockets: ownSockets(false),
    listenerDrainMs: 0,
    maxConnections: 1_000,
  });
  bootstrap = create(BootstrapSchema, { node: { id: "n" } });
});

function comes(kind: ResourceKind, version: string, ...messages: readonly Message[]): void {
  const { schema, nameOf } = RESOURCE_TYPES[kind];
  const resources = messages.map((written) => {
    const message = parse(schema, written);
    return { name: (nameOf as (of: unknown) => string)(message), version, resource: packAny(schema, message) };
  });
  const update: Update = { kind, resources, removed: [], nonce: "", stream: 1 };
  for (const _ of applyUpdate(update, configuration)); // every step at once
}

async function dump(query = ""): Promise<readonly JsonObject[]> {
  const state = {
    configuration,
    bootstrap: toBinary(BootstrapSchema, bootstrap),
    startedMs: 0,
  } as unknown as AdminState;
  const response = await configDump(state, new URLSearchParams(query));
  expect(response.status).toBe(200);
  return ((await response.json()) as { configs: readonly JsonObject[] }).configs;
}

/** What stands below the names. */
function inside(json: unknown, ...names: readonly string[]): unknown {
  return names.reduce((value, name) => (value as JsonObject)[name], json);
}

const rds = (name: string): Message => ({ name, vhds: { config_source: { ads: {}, resource_api_version: "V3" } } });
const host = (name: string, cluster: string): Message => ({
  name,
  domains: [`${cluster}.test`],
  routes: [routeTo(cluster)],
});
const waiting = listener(
  "l",
  httpFilter({ name: "l", settings: { rds: { route_config_name: "r", config_source: { ads: {} } } } }),
);
const serving = listener(
  "l",
  httpFilter({ name: "l", routes: [{ match: { prefix: "/" }, direct_response: { status: 204 } }] }),
);

describe("a dump", () => {
  test("has what VHDS brought in its route configuration", async () => {
    comes("lds", "1", waiting);
    comes("rds", "1", rds("r"));
    comes("vhds", "1", host("r/b", "b"), host("r/a", "a"), host("other/c", "c"));
    const [routes] = await dump("resource=dynamic_route_configs");
    const hosts = inside(routes, "route_config", "virtual_hosts") as JsonObject[];
    expect(hosts.map(({ name }) => name)).toEqual(["r/a", "r/b"]);
  });

  test("tells of a virtual host that was refused, where its route configuration is", async () => {
    comes("rds", "1", rds("r"));
    comes("vhds", "2", {
      name: "r/a",
      domains: ["a.test"],
      routes: [{ match: { safe_regex: { regex: "(" } }, route: { cluster: "a" } }],
    });
    const [routes] = await dump("resource=dynamic_route_configs");
    expect(inside(routes, "error_state", "details")).toMatch(/^r\/a: routes\[0\]\.match\.safe_regex/);
    expect(routes?.client_status).toBe("NACKED");
  });

  test("has both versions of a listener of which the new one warms", async () => {
    comes("lds", "1", serving);
    comes("lds", "2", waiting);
    const [state] = await dump("resource=dynamic_listeners");
    expect(inside(state, "active_state", "version_info")).toBe("1");
    expect(inside(state, "warming_state", "version_info")).toBe("2");
    comes("lds", "3", serving);
    const [settled] = await dump("resource=dynamic_listeners");
    expect(Object.keys(settled!)).toEqual(["@type", "name", "active_state"]);
    configuration.close();
  });

  test("has both versions of a cluster of which the new one warms", async () => {
    const { load_assignment: _, ...rest } = staticCluster("c", []);
    const discovered = { ...rest, type: "EDS", eds_cluster_config: { eds_config: { ads: {} } } };
    comes("cds", "1", staticCluster("c", [1]));
    comes("cds", "2", discovered);
    const versions = async (list: string) =>
      (await dump(`resource=${list}`)).map(({ version_info: version }) => version);
    expect(await versions("dynamic_active_clusters")).toEqual(["1"]);
    expect(await versions("dynamic_warming_clusters")).toEqual(["2"]);
    comes("eds", "1", { cluster_name: "c", endpoints: [] });
    expect(await versions("dynamic_active_clusters")).toEqual(["2"]);
    expect(await versions("dynamic_warming_clusters")).toEqual([]);
  });

  test("has a refused version beside the one in force, and forgets it with the next good one", async () => {
    comes("cds", "1", staticCluster("c", [1]));
    comes("cds", "2", staticCluster("c", [1], { track_cluster_stats: { timeout_budgets: true } }));
    const [refused] = await dump("resource=dynamic_active_clusters");
    expect(refused?.version_info).toBe("1");
    expect(refused?.error_state).toMatchObject({
      version_info: "2",
      details: expect.stringContaining("track_cluster_stats"),
    });
    comes("cds", "3", staticCluster("c", [1]));
    const [good] = await dump("resource=dynamic_active_clusters");
    expect(good?.error_state).toBeUndefined();
  });

  test("shows no secret, wherever it stands: by discovery, in the bootstrap, in a TLS context inside an Any", async () => {
    const tls = {
      name: "tls",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        common_tls_context: {
          tls_certificates: [{ private_key: { inline_string: "hush" }, certificate_chain: { inline_string: "seen" } }],
        },
      },
    };
    bootstrap = parse(BootstrapSchema, {
      static_resources: {
        clusters: [{ name: "c", transport_socket: tls }],
        secrets: [{ name: "s", generic_secret: { secret: { inline_bytes: Buffer.from("hush").toString("base64") } } }],
      },
    });
    comes("sds", "1", {
      name: "d",
      tls_certificate: { private_key: { inline_string: "hush" }, password: { filename: "hush" } },
    });
    const text = JSON.stringify(await dump("include_eds"));
    expect(text).not.toContain("hush");
    expect(text).not.toContain(Buffer.from("hush").toString("base64"));
    expect(text.match(/\[redacted\]/g)!.length).toBeGreaterThanOrEqual(4);
    expect(text).toContain("seen");
  });

  test("is less by a mask, in lists too", async () => {
    comes("cds", "1", staticCluster("c", [1]), staticCluster("d", [1]));
    expect(await dump("mask=dynamic_active_clusters.cluster.name")).toEqual([
      {
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        dynamic_active_clusters: ["c", "d"].map((name) => ({
          cluster: { "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", name },
        })),
      },
    ]);
  });

  test("is less by names, and an empty list is left out", async () => {
    comes("cds", "1", staticCluster("c", [1]), staticCluster("d", [1]));
    const names = (await dump("resource=dynamic_active_clusters&name_regex=[d-z]")).map(
      ({ cluster }) => (cluster as JsonObject).name,
    );
    expect(names).toEqual(["d"]);
    const clusters = (await dump("name_regex=nobody")).find((config) =>
      String(config["@type"]).endsWith("ClustersConfigDump"),
    );
    expect(Object.keys(clusters!)).toEqual(["@type"]);
  });
});
