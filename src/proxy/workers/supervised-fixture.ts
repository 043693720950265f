// A proxy of several processes, as the program starts it, with its control plane and its application in the test's process.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { until } from "../../base/until-fixture.ts";
import { readExposition } from "../../stats/parse.ts";
import { TestAds } from "../../xds/ads-fixture.ts";
import type { Resource } from "../../xds/resource.ts";
import { snapshotOf } from "../../xds/resource-fixtures.ts";
import { type Message, socketAddress, staticCluster } from "../proxy-fixture.ts";
import { closedPort } from "../raw-peer-fixture.ts";

const MAIN = join(import.meta.dir, "../../main.ts");
const START_MS = 15_000;
const HTTP2: Message = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};
const ADS: Message = { ads: {}, resource_api_version: "V3" };

function bootstrap(admin: number, control: number, { listeners = [], overload }: SupervisedParts): JsonValue {
  return {
    ...(overload ? { overload_manager: overload } : {}),
    node: { id: "test", cluster: "test" },
    admin: { address: socketAddress(admin) },
    static_resources: { clusters: [staticCluster("xds-grpc", [control], HTTP2)], listeners: [...listeners] },
    dynamic_resources: {
      cds_config: ADS,
      lds_config: ADS,
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
    },
  };
}

/** Children of a process, from Linux's own list; none of one that is gone. */
function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return [];
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export interface SupervisedParts {
  readonly workers?: number;
  readonly resources: readonly Resource[];
  /** Of the bootstrap. */
  readonly listeners?: readonly Message[];
  readonly drainTime?: string;
  /** The bootstrap's overload manager. */
  readonly overload?: Message;
}

export class SupervisedProxy {
  readonly ads: TestAds;
  readonly process: Bun.Subprocess;
  readonly #admin: number;
  readonly #folder: string;

  private constructor(ads: TestAds, control: number, parts: SupervisedParts) {
    const { workers = 2, drainTime = "5s" } = parts;
    this.ads = ads;
    this.#admin = closedPort();
    this.#folder = mkdtempSync(join(tmpdir(), "heddle-supervised-"));
    const file = join(this.#folder, "bootstrap.json");
    writeFileSync(file, JSON.stringify(bootstrap(this.#admin, control, parts)));
    const args = ["--concurrency", String(workers), "--drain-time", drainTime, "-c", file];
    this.process = Bun.spawn([process.execPath, MAIN, "proxy", ...args], {
      stdio: ["ignore", "inherit", process.env.TEST_LOG === "debug" ? "inherit" : "ignore"],
    });
  }

  /** Does not wait until it is ready. */
  static async spawn(parts: SupervisedParts): Promise<SupervisedProxy> {
    const ads = new TestAds(snapshotOf(parts.resources));
    return new SupervisedProxy(ads, await ads.listen(), parts);
  }

  static async start(parts: SupervisedParts): Promise<SupervisedProxy> {
    const proxy = await SupervisedProxy.spawn(parts);
    await until("all workers are ready", () => proxy.isReady(), START_MS);
    return proxy;
  }

  async isReady(): Promise<boolean> {
    return this.admin("/ready").then(
      (text) => text === "LIVE\n",
      () => false,
    );
  }

  ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#admin}${path}`, { ...init, signal: AbortSignal.timeout(5_000) });
  }

  async admin(path: string, method = "GET"): Promise<string> {
    return (await this.ask(path, { method })).text();
  }

  async port(listener: string): Promise<number> {
    const { listener_statuses: statuses } = JSON.parse(await this.admin("/listeners?format=json")) as {
      listener_statuses: readonly {
        readonly name: string;
        readonly local_address: { readonly socket_address: { readonly port_value: number } };
      }[];
    };
    return statuses.find(({ name }) => name === listener)?.local_address.socket_address.port_value ?? 0;
  }

  /** The sum of a metric's series. */
  async metric(name: string): Promise<number> {
    let sum = 0;
    for (const line of readExposition(await this.admin("/stats/prometheus")))
      if (line.kind === "sample" && line.series.replace(/\{.*/, "") === name) sum += line.value;
    return sum;
  }

  get workerPids(): readonly number[] {
    return childrenOf(this.process.pid);
  }

  /** New workers in place of the old ones, which are gone when this resolves. */
  async restart(): Promise<void> {
    const before = this.workerPids;
    this.process.kill("SIGHUP");
    await until("the old workers are gone", () => !before.some(isAlive), START_MS);
  }

  async close(): Promise<void> {
    const workers = this.workerPids;
    this.process.kill("SIGKILL");
    await this.process.exited;
    await until("the workers end with their supervisor", () => !workers.some(isAlive));
    this.ads.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
