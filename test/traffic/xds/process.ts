// One proxy process for the whole run, with its control plane in this process: started empty, given everything by discovery.

import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../../scripts/components.ts";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { until } from "../../../src/base/until-fixture.ts";
import { closedPort } from "../../../src/proxy/raw-peer-fixture.ts";
import { Discovery, type Resources } from "./discovery.ts";
import { extension, httpOptions, type Message, type Place, socketAddress, typed } from "./message.ts";

const MAIN = join(import.meta.dir, "../../../src/main.ts");
const CALLERS = "callers";
const FROM_ADS: Message = { resource_api_version: "V3", ads: {} };
const RUNTIME: Message = {
  // Spans are told as they end, where five of them, or 5 s, would be waited for.
  "tracing.zipkin.min_flush_spans": 1,
  "tracing.opentelemetry.min_flush_spans": 1,
  // What Envoy has and leaves off: operators in the values of rate-limit descriptors.
  "envoy.reloadable_features.enable_formatter_for_ratelimit_action_descriptor_value": true,
};
/** Both write their logs out that often, where they would take 1 s and 10 s. */
const FLUSH_MS = 10;

/**
 * Starts a proxy that lives as long as the test's process does, and no longer, and clears its folder away: a test run has no last word of
 * its own, and may be killed. The proxy is nobody's child, because Bun ends all children of a run when one test is over its time.
 */
const KEEPER = `
folder=$1; output=$2; parent=$3; shift 3
"$@" </dev/null >>"$output" 2>&1 &
proxy=$!
echo $proxy > "$folder/pid"
{ while kill -0 $parent; do sleep 0.5; done; kill -9 $proxy; rm -rf "$folder"; } </dev/null >/dev/null 2>&1 &
`;

function grpcCluster(name: string, port: number): Message {
  return {
    name,
    type: "STATIC",
    connect_timeout: "5s",
    typed_extension_protocol_options: httpOptions("http2"),
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
    },
  };
}

/** The overload actions that a case can bring about, each by a resource of its own: a file with a number. */
const OVERLOAD_ACTIONS = [
  "stop_accepting_requests",
  "disable_http_keepalive",
  "stop_accepting_connections",
  "reject_incoming_connections",
  "reduce_timeouts",
  "reset_high_memory_stream",
] as const;
type Overload = (typeof OVERLOAD_ACTIONS)[number];

const TIMERS = [
  "HTTP_DOWNSTREAM_CONNECTION_IDLE",
  "HTTP_DOWNSTREAM_CONNECTION_MAX",
  "HTTP_DOWNSTREAM_STREAM_IDLE",
  "HTTP_DOWNSTREAM_STREAM_FLUSH",
  "TRANSPORT_SOCKET_CONNECT",
];

function overloadManager(folder: string): Message {
  const scaled = TIMERS.map((timer) => ({ timer, min_timeout: "0.05s" }));
  const timers = typed("config.overload.v3.ScaleTimersOverloadActionConfig", { timer_scale_factors: scaled });
  return {
    refresh_interval: "0.05s",
    buffer_factory_config: { minimum_account_to_track_power_of_two: 15 },
    resource_monitors: OVERLOAD_ACTIONS.map((action) =>
      extension(action, "extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig", {
        filename: join(folder, action),
      }),
    ),
    actions: OVERLOAD_ACTIONS.map((action) => ({
      name: `envoy.overload_actions.${action}`,
      triggers: [{ name: action, scaled: { scaling_threshold: 0.5, saturation_threshold: 0.9 } }],
      ...(action === "reduce_timeouts" && { typed_config: timers }),
    })),
  };
}

function bootstrap(
  name: string,
  discoveryPort: number,
  adminPort: number,
  folder: string,
  secretsPort: number | undefined,
): Message {
  return {
    overload_manager: overloadManager(folder),
    node: { id: `lab~${name}`, cluster: name, locality: OWN_ZONE },
    cluster_manager: { local_cluster_name: CALLERS },
    admin: { address: socketAddress(adminPort) },
    bootstrap_extensions: [
      extension("envoy.bootstrap.internal_listener", "extensions.bootstrap.internal_listener.v3.InternalListener"),
    ],
    layered_runtime: { layers: [{ name: "lab", static_layer: RUNTIME }] },
    dynamic_resources: {
      lds_config: FROM_ADS,
      cds_config: FROM_ADS,
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
    },
    static_resources: {
      clusters: [
        grpcCluster("xds-grpc", discoveryPort),
        callers(),
        ...(secretsPort === undefined ? [] : [grpcCluster("sds-grpc", secretsPort)]),
      ],
    },
  };
}

/** Where the lab's proxies stand: one of two zones, with half of the callers in each. */
export const OWN_ZONE = { region: "lab", zone: "here" };
export const OTHER_ZONE = { region: "lab", zone: "there" };

/** Whom zones are weighed against; nobody is ever asked there. */
function callers(): Message {
  const localities = [OWN_ZONE, OTHER_ZONE].map((locality, i) => ({
    locality,
    lb_endpoints: [{ endpoint: { address: socketAddress(1, `127.0.0.${i + 1}`) } }],
  }));
  return {
    name: CALLERS,
    type: "STATIC",
    connect_timeout: "5s",
    load_assignment: { cluster_name: CALLERS, endpoints: localities },
  };
}

export interface ProcessOptions {
  /** Of an SDS server, as the agent's. */
  readonly secretsPort?: number;
  /** What connections of a listener that has gone are given. */
  readonly drainSeconds?: number;
  /** A module that Heddle's process loads before its program. */
  readonly preload?: string;
}

function command(kind: ProxyKind, { drainSeconds = 1, preload }: ProcessOptions): readonly string[] {
  if (kind === "heddle") {
    const workers = ["--concurrency", process.env.TEST_CONCURRENCY ?? "0"];
    const times = ["--drain-time", `${drainSeconds}s`, "--log-flush", `${FLUSH_MS}ms`];
    const before = preload === undefined ? [] : ["--preload", preload];
    return [process.execPath, ...before, MAIN, "proxy", ...workers, ...times, "-c"];
  }
  // A listener that went is drained for a second, unless told otherwise, instead of ten minutes.
  const logs = [
    "--log-level",
    process.env.TEST_LOG === "debug" ? "debug" : "error",
    "--file-flush-interval-msec",
    `${FLUSH_MS}`,
  ];
  const drain = ["--drain-time-s", `${drainSeconds}`, "--drain-strategy", "immediate"];
  return [findComponent("envoy")!, "--disable-hot-restart", "--concurrency", "1", ...logs, ...drain, "-c"];
}

interface ListenerStatus {
  readonly name: string;
  readonly local_address?: { readonly socket_address?: { readonly address: string; readonly port_value: number } };
}

/** Envoy lists none that is not open; of Heddle's, what is not bound has no port. */
function placeOf({ name, local_address: local }: ListenerStatus): [string, Place][] {
  const bound = local?.socket_address;
  return bound && bound.port_value > 0 ? [[name, { host: bound.address, port: bound.port_value }]] : [];
}

export class ProxyProcess {
  readonly kind: ProxyKind;
  readonly folder: string;
  readonly #discovery: Discovery;
  readonly pid: number;
  readonly #admin: number;

  private constructor(kind: ProxyKind, name: string, options: ProcessOptions) {
    this.kind = kind;
    this.folder = mkdtempSync(join(tmpdir(), "heddle-lab-"));
    this.#discovery = new Discovery();
    this.#admin = closedPort();
    for (const action of OVERLOAD_ACTIONS) writeFileSync(join(this.folder, action), "0");
    const file = join(this.folder, "bootstrap.json");
    writeFileSync(
      file,
      JSON.stringify(bootstrap(name, this.#discovery.port, this.#admin, this.folder, options.secretsPort)),
    );
    const output = process.env.TEST_LOG === "debug" ? "/dev/stderr" : join(this.folder, "output");
    const keeper = ["/bin/sh", "-c", KEEPER, "keeper", this.folder, output, String(process.pid)];
    Bun.spawnSync([...keeper, ...command(kind, options), file], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
    });
    this.pid = Number(readFileSync(join(this.folder, "pid"), "utf8"));
  }

  /** Anew when it does not come up: the admin port was free, and may be another's by now. */
  static async start(kind: ProxyKind, name: string, options: ProcessOptions = {}, attempts = 3): Promise<ProxyProcess> {
    const proxy = new ProxyProcess(kind, name, options);
    try {
      await proxy.apply({});
      await until(`the admin port of ${kind}`, () => proxy.admin("/ready").catch(() => undefined));
      return proxy;
    } catch (thrown) {
      const { output } = proxy;
      proxy.kill();
      if (attempts > 1) return ProxyProcess.start(kind, name, options, attempts - 1);
      throw new Error(`${kind} does not start: ${output}`, { cause: thrown });
    }
  }

  /** Ends the process at once; for a case that needs one of its own. */
  kill(): void {
    if (this.isAlive) process.kill(this.pid, "SIGKILL");
    this.#discovery.stop();
  }

  get isAlive(): boolean {
    try {
      return process.kill(this.pid, 0);
    } catch {
      return false;
    }
  }

  /** The end of what the process wrote to its standard streams. */
  get output(): string {
    const path = join(this.folder, "output");
    return existsSync(path) ? readFileSync(path, "utf8").slice(-2_000) : "";
  }

  apply(resources: Resources): Promise<void> {
    if (!this.isAlive) throw new Error(`${this.kind} has ended: ${this.output}`);
    return this.#discovery.apply(resources);
  }

  /** What the admin interface answers. */
  async admin(path: string, method = "GET"): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.#admin}${path}`, {
      method,
      signal: AbortSignal.timeout(5_000),
    });
    if (!response.ok && path !== "/ready") throw new Error(`${method} ${path}: ${response.status}`);
    return response.text();
  }

  /** Where listeners are, with the ports that the system gave them, once all of them are open. */
  async places(listeners: readonly string[]): Promise<ReadonlyMap<string, Place>> {
    return until(`listeners ${listeners.join(", ")} of ${this.kind}`, async () => {
      const { listener_statuses: statuses = [] } = JSON.parse(await this.admin("/listeners?format=json")) as {
        listener_statuses?: readonly ListenerStatus[];
      };
      const places = new Map(statuses.flatMap(placeOf));
      return listeners.every((name) => places.has(name)) ? places : undefined;
    });
  }

  async place(listener: string): Promise<Place> {
    return (await this.places([listener])).get(listener)!;
  }

  /** From 0 to 1; has its effect within moments. A file is put in place of the one before: that is what Envoy looks for. */
  overload(action: Overload, pressure: number): void {
    const file = join(this.folder, action);
    writeFileSync(`${file}.new`, String(pressure));
    renameSync(`${file}.new`, file);
  }

  /** What `/clusters` says of the hosts of a cluster, by address: `rq_total`, `cx_active`, `health_flags`, … */
  async hosts(cluster: string): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    const hosts = new Map<string, Map<string, string>>();
    for (const line of (await this.admin("/clusters")).split("\n")) {
      const [name, host = "", field, value] = line.split("::");
      if (name !== cluster || field === undefined || value === undefined || !/:\d+$/.test(host)) continue;
      const known = hosts.get(host) ?? new Map<string, string>();
      hosts.set(host, known.set(field, value));
    }
    return hosts;
  }

  /**
   * Counters and gauges of `/stats`, by Envoy's names: `cluster.upstream.upstream_rq_total`. To be compared with what they were: while the
   * cluster of an earlier case still drains, Envoy's new one of that name goes on counting from there.
   */
  async stats(): Promise<ReadonlyMap<string, number>> {
    const lines = (await this.admin("/stats")).split("\n");
    return new Map(
      lines.flatMap((line) => {
        const [name, value] = line.split(": ");
        return name && value && /^\d+$/.test(value) ? [[name, Number(value)] as const] : [];
      }),
    );
  }
}
