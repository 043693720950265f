// What the delta server says, judged by a real Envoy. The order of the lines is Envoy's word on facts that other parts rely on.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { findComponent } from "../../scripts/components.ts";
import { TestAds } from "./ads-fixture.ts";
import { packAny } from "./any.ts";
import { type SentResource, sentByAliases } from "./delta-response.ts";
import { Cluster_DiscoveryType, ClusterSchema } from "./gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "./gen/envoy/config/listener/v3/listener_pb.ts";
import { VirtualHostSchema } from "./gen/envoy/config/route/v3/route_components_pb.ts";
import { OnDemandSchema } from "./gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts";
import { RouterSchema } from "./gen/envoy/extensions/filters/http/router/v3/router_pb.ts";
import {
  HttpConnectionManagerSchema,
  type HttpFilterSchema,
} from "./gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { encodeResource, type Resource } from "./resource.ts";
import { ADS, assignment, cluster, routeConfiguration, snapshotOf } from "./resource-fixtures.ts";

const envoy = findComponent("envoy");

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  server.stop(true);
  return server.port;
}

function filter(name: string, typedConfig: ReturnType<typeof packAny>): MessageInitShape<typeof HttpFilterSchema> {
  return { name, configType: { case: "typedConfig", value: typedConfig } };
}

const router = filter("envoy.filters.http.router", packAny(RouterSchema, create(RouterSchema)));
const onDemand = filter("envoy.filters.http.on_demand", packAny(OnDemandSchema, create(OnDemandSchema)));

/** An HTTP listener on a port of the loopback address, whose routes come by RDS. */
function http(
  name: string,
  port: number,
  routeConfigName: string,
  { filters = [router], statPrefix = name } = {},
): Resource {
  const manager = create(HttpConnectionManagerSchema, {
    statPrefix,
    routeSpecifier: { case: "rds", value: { configSource: ADS, routeConfigName } },
    httpFilters: filters,
  });
  const typedConfig = { case: "typedConfig", value: packAny(HttpConnectionManagerSchema, manager) } as const;
  const socketAddress = { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } } as const;
  const message = create(ListenerSchema, {
    name,
    address: { address: { case: "socketAddress", value: socketAddress } },
    filterChains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", configType: typedConfig }] }],
  });
  return encodeResource("lds", message);
}

/** The virtual host of one domain, all of it to one cluster. */
function host(name: string, cluster: string, ...domains: string[]): Resource {
  const route = { case: "route", value: { clusterSpecifier: { case: "cluster", value: cluster } } } as const;
  const routes = [{ match: { pathSpecifier: { case: "prefix", value: "/" } }, action: route } as const];
  return encodeResource("vhds", create(VirtualHostSchema, { name, domains, routes }));
}

function bootstrap(adsPort: number): unknown {
  const address = { socket_address: { address: "127.0.0.1", port_value: adsPort } };
  const http2 = {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: { http2_protocol_options: {} },
  };
  const ads = { ads: {}, resource_api_version: "V3" };
  return {
    node: { id: "sidecar~127.0.0.1~client.default~default.svc.cluster.local", cluster: "client.default" },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
      lds_config: ads,
      cds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: "xds-grpc",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2 },
          load_assignment: { cluster_name: "xds-grpc", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
        },
      ],
    },
  };
}

function app(name: string) {
  return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(name) });
}

/** An Envoy and its control plane. */
class Mesh {
  readonly ads: TestAds;
  readonly port = freePort();
  readonly secondPort = freePort();
  readonly #folder = mkdtempSync(join(tmpdir(), "heddle-xds-"));
  #process: Bun.Subprocess | undefined;

  constructor(resources: (mesh: Mesh) => readonly Resource[]) {
    this.ads = new TestAds(snapshotOf(resources(this)));
  }

  async start(): Promise<void> {
    const file = join(this.#folder, "bootstrap.json");
    writeFileSync(file, JSON.stringify(bootstrap(await this.ads.listen())));
    // A drained listener lets go of its routes after a second instead of ten minutes.
    const flags = ["--use-dynamic-base-id", "--concurrency", "1", "--drain-time-s", "1", "-l", "off"];
    this.#process = Bun.spawn([envoy!, "-c", file, ...flags], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  }

  async stop(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
    this.ads.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  set(...resources: readonly Resource[]): void {
    this.ads.update(snapshotOf(resources));
  }

  /** Body of an answer, or its status when that is not 200, or `down`. */
  async get(host: string, port = this.port): Promise<string> {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        headers: { host },
        keepalive: false,
        signal: AbortSignal.timeout(2_000),
      });
      return response.ok ? await response.text() : String(response.status);
    } catch {
      return "down";
    }
  }

  /** Envoy acknowledges on its main thread; its worker has the change a moment later. */
  async sees(host: string, expected: string, port = this.port): Promise<void> {
    const deadline = Date.now() + 5_000;
    let last = await this.get(host, port);
    while (last !== expected && Date.now() < deadline) last = await this.get(host, port);
    expect(last).toBe(expected);
  }
}

/** The lines about these types. */
function about(lines: readonly string[], ...kinds: readonly string[]): string[] {
  return lines.filter((line) => kinds.includes(line.split(" ")[1]!));
}

const a = app("a");
const b = app("b");
const backends = [cluster("a"), cluster("b"), assignment("a", a.port!), assignment("b", b.port!)];

afterAll(() => Promise.all([a.stop(true), b.stop(true)]));

describe.skipIf(!envoy && process.env.CI !== "true")(
  "A listener that Envoy refuses as it was patched (needs envoy)",
  () => {
    const unknown = filter("mine", packAny(ClusterSchema, create(ClusterSchema, { name: "no filter" })));
    const patched = (port: number) => http("l", port, "80", { filters: [unknown, router] });
    const mesh = new Mesh(() => [...backends, routeConfiguration("80"), host("80/x", "a", "x.example")]);

    beforeAll(() => mesh.start());
    afterAll(() => mesh.stop());

    test("a fresh proxy gets it without the patches, and serves", async () => {
      const plain = http("l", mesh.port, "80");
      const resources = [...backends, routeConfiguration("80"), host("80/x", "a", "x.example")];
      mesh.ads.update({
        ...snapshotOf([...resources, patched(mesh.port)]),
        standIns: { lds: new Map([["l", plain]]) },
      });
      await mesh.ads.until("> lds nack");
      await mesh.sees("x.example", "a");
      expect(about(mesh.ads.lines, "lds").filter((line) => line.startsWith("< "))).toEqual(["< lds +l"]);
      // Who has it keeps it, whatever comes.
      mesh.ads.update({
        ...snapshotOf([...resources, http("l", mesh.port, "80", { filters: [unknown, router], statPrefix: "other" })]),
        standIns: { lds: new Map([["l", plain]]) },
      });
      await mesh.sees("x.example", "a");
    });
  },
);

describe.skipIf(!envoy && process.env.CI !== "true")("Envoy on delta ADS (needs envoy)", () => {
  const mesh = new Mesh(({ port }) => [
    ...backends,
    http("l", port, "80"),
    routeConfiguration("80"),
    host("80/x", "a", "x.example"),
    host("80/y", "b", "y.example"),
  ]);
  const base = (...hosts: Resource[]): Resource[] => [
    ...backends,
    http("l", mesh.port, "80"),
    routeConfiguration("80"),
    ...hosts,
  ];
  const x = host("80/x", "a", "x.example");

  beforeAll(() => mesh.start());
  afterAll(() => mesh.stop());

  test("takes clusters, endpoints, listeners, routes and virtual hosts, and asks for virtual hosts without names", async () => {
    const lines = await mesh.ads.until("> vhds ack");
    expect(about(lines, "cds", "eds")).toEqual([
      "> cds",
      "< cds +a +b",
      "> eds +a +b",
      "< eds +a +b",
      "> cds ack", // held until the clusters were warm
      "> eds ack",
    ]);
    expect(about(lines, "rds", "vhds")).toEqual([
      "> rds +80",
      "< rds +80",
      "> vhds",
      "> rds ack",
      "< vhds +80/x +80/y",
      "> vhds ack",
    ]);
    await mesh.sees("x.example", "a");
    await mesh.sees("y.example", "b");
    await mesh.sees("z.example", "404");
  });

  test("takes a changed, a removed and a new virtual host by VHDS alone", async () => {
    mesh.set(...base(host("80/x", "b", "x.example"), host("80/z", "a", "z.example")));
    expect(await mesh.ads.until("> vhds ack")).toEqual(["< vhds +80/x +80/z -80/y", "> vhds ack"]);
    await mesh.sees("x.example", "b");
    await mesh.sees("z.example", "a");
    await mesh.sees("y.example", "404");
  });

  test("keeps the virtual hosts when the route configuration or the listener around them changes", async () => {
    mesh.set(...backends, http("l", mesh.port, "80"), routeConfiguration("80", ["a"]), x);
    await mesh.ads.until("> rds ack");
    await mesh.sees("x.example", "a");
    mesh.set(...backends, http("l", mesh.port, "80", { statPrefix: "other" }), routeConfiguration("80", ["a"]), x);
    expect(about(await mesh.ads.until("> lds ack"), "lds", "rds")).toEqual(["< lds +l", "> lds ack"]);
    await mesh.sees("x.example", "a");
    mesh.set(...base(x));
    await mesh.ads.until("> rds ack");
  });

  test("has the endpoints of a changed cluster at once", async () => {
    const changed = cluster("a", { connectTimeoutMs: 500 });
    mesh.set(changed, cluster("b"), ...backends.slice(2), http("l", mesh.port, "80"), routeConfiguration("80"), x);
    expect(about(await mesh.ads.until("> eds ack"), "cds", "eds")).toEqual([
      "< cds +a",
      "< eds +a",
      "> cds ack",
      "> eds ack",
    ]);
    await mesh.sees("x.example", "a");
    mesh.set(...base(x));
    await mesh.ads.until("> eds ack");
  });

  test("refuses a bad cluster and keeps it and the good ones in force", async () => {
    const type = { case: "type", value: Cluster_DiscoveryType.EDS } as const;
    const bad = encodeResource("cds", create(ClusterSchema, { name: "bad", clusterDiscoveryType: type })); // no eds_config
    const good = [cluster("good"), assignment("good", b.port!)];
    mesh.set(...base(host("80/x", "good", "x.example"), host("80/bad", "bad", "bad.example")), bad, ...good);
    const lines = await mesh.ads.until("> vhds ack");
    expect(about(lines, "cds", "vhds")).toEqual([
      "< cds +bad +good",
      "> cds nack",
      "< cds +good",
      "> cds ack",
      "< vhds +80/x",
      "> vhds ack",
    ]);
    await mesh.sees("x.example", "b");
    const refusals = mesh.ads.stream!.status().flatMap((type) => type.refusals);
    expect(refusals.map(({ name, reason }) => [name, reason])).toEqual([
      ["bad", "Error adding/updating cluster(s) bad: cannot create an EDS cluster without an EDS config"],
    ]);
    mesh.set(...base(x));
    await mesh.ads.until("> vhds ack");
    await mesh.ads.until("> cds ack");
  });

  test("refuses a bad virtual host without its name, and takes the good ones of the response when they come apart", async () => {
    const twice = [host("80/q", "b", "q.example"), host("80/r", "b", "q.example"), host("80/s", "b", "s.example")];
    mesh.set(...base(x, ...twice));
    expect(about(await mesh.ads.until("> vhds ack"), "vhds")).toEqual([
      "< vhds +80/q +80/r +80/s",
      "> vhds nack",
      "< vhds +80/q",
      "> vhds ack",
    ]);
    expect(await mesh.ads.until("> vhds ack")).toEqual([
      "< vhds +80/r +80/s",
      "> vhds nack",
      "< vhds +80/r",
      "> vhds nack",
      "< vhds +80/s",
      "> vhds ack",
    ]);
    await mesh.sees("q.example", "b");
    await mesh.sees("s.example", "b");
    expect(
      mesh.ads.stream!.status().flatMap(({ refusals }) => refusals.map(({ name, reason }) => [name, reason])),
    ).toEqual([
      ["80/r", "Only unique values for domains are permitted. Duplicate entry of domain q.example in route 80"],
    ]);
    mesh.set(...base(x));
    await mesh.ads.until("> vhds ack");
  });

  test("keeps a listener down until it hears of its virtual hosts, be it that there are none", async () => {
    const second = [http("m", mesh.secondPort, "81"), routeConfiguration("81")];
    mesh.set(...base(x), ...second);
    expect(about(await mesh.ads.until("> vhds ack"), "rds", "vhds")).toEqual([
      "> rds +81",
      "< rds +81",
      "> rds ack",
      "< vhds -81/",
      "> vhds ack",
    ]);
    await mesh.sees("q.example", "404", mesh.secondPort);
    mesh.set(...base(x), ...second, host("81/q", "b", "q.example"));
    await mesh.ads.until("> vhds ack");
    await mesh.sees("q.example", "b", mesh.secondPort);
  });

  test("forgets virtual hosts with the drained listener, and gets them again with the next", async () => {
    const second = [http("m", mesh.secondPort, "81"), routeConfiguration("81"), host("81/q", "b", "q.example")];
    mesh.set(...base(x), ...second.slice(1));
    await mesh.ads.until("> rds -81");
    mesh.set(...base(x), ...second);
    expect(about(await mesh.ads.until("> vhds ack"), "rds", "vhds")).toEqual([
      "> rds +81",
      "< rds +81",
      "> rds ack",
      "< vhds +81/q",
      "> vhds ack",
    ]);
    await mesh.sees("q.example", "b", mesh.secondPort);
    mesh.set(...base(x));
    await mesh.ads.until("> rds -81");
  });

  test("says on a new stream what it has, and is sent only what changed meanwhile", async () => {
    mesh.ads.disconnect();
    mesh.set(...base(host("80/x", "b", "x.example")));
    expect(about(await mesh.ads.until("> vhds ack"), "cds", "eds", "rds", "vhds")).toEqual([
      "> cds =a =b",
      "> eds +a +b =a =b",
      "> rds +80 =80",
      "> vhds =80/x",
      "< vhds +80/x",
      "> vhds ack",
    ]);
    await mesh.sees("x.example", "b");
  });

  test("finds nothing in a virtual host whose own name is not the resource's, once it shall go", async () => {
    const foreign = host("name-of-its-own", "a", "f.example");
    const send = (resources: readonly SentResource[], removed: string[]) =>
      mesh.ads.send({ kind: "vhds", nonce: "x", systemVersion: "", resources, removed });
    send([sentByAliases("80/f", [], foreign)], []);
    await mesh.ads.until("> vhds ack");
    await mesh.sees("f.example", "a");
    send([], ["80/f", "name-of-its-own"]);
    await mesh.ads.until("> vhds ack");
    await mesh.sees("f.example", "a");
  });
});

describe.skipIf(!envoy && process.env.CI !== "true")("Envoy with virtual hosts on demand (needs envoy)", () => {
  const mesh = new Mesh(({ port }) => [
    ...backends,
    http("l", port, "80", { filters: [onDemand, router] }),
    routeConfiguration("80"),
    host("80/x", "a", "x.example", "x.example:8080"),
  ]);

  beforeAll(() => mesh.start());
  afterAll(() => mesh.stop());

  test("asks by the Host header, lower-cased and with its port, and goes on when an alias comes, with or without content", async () => {
    await mesh.ads.until("> vhds ack");
    await mesh.sees("x.example", "a");
    expect(await mesh.get("Unknown.Example:8080")).toBe("404");
    expect(await mesh.ads.until("> vhds ack")).toEqual([
      "> vhds +80/unknown.example:8080",
      "< vhds +80/unknown.example:8080?",
      "> vhds ack",
    ]);
    expect(await mesh.get("unknown.example:8080")).toBe("404");
    expect(mesh.ads.lines).toEqual([]);
  });

  test("names what it asked for on demand on a new stream, beside *", async () => {
    mesh.ads.disconnect();
    const lines = await mesh.ads.until("> vhds ack");
    expect(about(lines, "vhds")).toEqual([
      "> vhds +* +80/unknown.example:8080 =80/unknown.example:8080 =80/x",
      "< vhds -80/unknown.example:8080",
      "> vhds ack",
    ]);
    expect(await mesh.get("unknown.example:8080")).toBe("404");
  });
});
