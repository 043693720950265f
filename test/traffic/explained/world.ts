// A mesh of one kind of proxy, in which requests are asked and explained.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { objectsHeld } from "../../../src/cli/analysis-input.ts";
import { liveProxies } from "../../../src/cli/live-proxies.ts";
import { translate } from "../../../src/dialect/dialects.ts";
import { Explainer } from "../../../src/explain/explain.ts";
import type { Explanation } from "../../../src/explain/explanation.ts";
import type { LiveProxy } from "../../../src/explain/live.ts";
import type { Question } from "../../../src/explain/question.ts";
import { buildMesh } from "../../../src/model/build.ts";
import type { Mesh } from "../../../src/model/mesh.ts";
import { DEFAULT_SETTINGS } from "../../../src/model/settings.ts";
import type { Workload } from "../../../src/model/workload.ts";
import { eventually, type TestGateway, TestMesh, type TestWorkload } from "../mesh.ts";
import { authorityOf, urlOf } from "./exchange.ts";
import { objectsOf } from "./objects.ts";
import type { AskedRequest, Door } from "./requests.ts";

export const CLIENTS = ["client", "other"] as const;
const SERVICES = ["golden", "silver"] as const;

/** One line of the access log, as objects.ts writes it. */
export interface LogLine {
  readonly case: string | null;
  readonly local: string | null;
  readonly status: number | null;
  readonly flags: string | null;
  readonly details: string | null;
  readonly cluster: string | null;
  readonly route: string | null;
}

interface RunningClient {
  readonly workload: TestWorkload;
  readonly upstreams: Readonly<Record<(typeof SERVICES)[number], number>>;
}

function stateOf({ acknowledgement, running }: LiveProxy): readonly unknown[] {
  return [acknowledgement, running.kind === "told" ? running.kind : running.why];
}

export class World {
  readonly #proxy: ProxyKind;
  readonly #tokens: string | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), "heddle-explained-"));
  readonly #clients = new Map<string, RunningClient>();
  readonly #servers: TestWorkload[] = [];
  #mesh!: TestMesh;
  #gateway!: TestGateway;
  #model!: Mesh;
  /** By what is to be compiled, and by what the proxies say. */
  offline!: (question: Question) => Explanation;
  live!: (question: Question) => Explanation;

  /** `tokens`: objects that ask for them. */
  constructor(proxy: ProxyKind, tokens?: string) {
    this.#proxy = proxy;
    this.#tokens = tokens;
  }

  get #log(): string {
    return join(this.#folder, "access.log");
  }

  async start(): Promise<void> {
    this.#mesh = await TestMesh.start();
    const mesh = this.#mesh;
    const bare = await mesh.run({ app: "bare", version: "v1", proxy: undefined });
    await mesh.apply(objectsOf({ log: this.#log, barePort: bare.ports.application, tokens: this.#tokens }));
    const server = async (app: string, version: string) =>
      this.#servers.push(await mesh.run({ app, version, proxy: this.#proxy }));
    await Promise.all([
      server("golden", "v1"),
      server("golden", "v2"),
      server("silver", "v1"),
      ...CLIENTS.map((name) => this.#startClient(name)),
      mesh.gateway({ app: "edge", proxy: this.#proxy, ports: [80, 81] }).then((gateway) => {
        this.#gateway = gateway;
      }),
    ]);
    await this.#explained();
  }

  async #startClient(name: string): Promise<void> {
    const { book } = this.#mesh;
    const upstreams = { golden: book.choose(0), silver: book.choose(0) };
    const options = { app: name, version: "v1", proxy: this.#proxy } as const;
    const declared = SERVICES.map((service) => `${upstreams[service]}=${service}:80`);
    const workload = await this.#mesh.run({ ...options, upstreams: declared });
    this.#clients.set(name, { workload, upstreams });
  }

  /** Once every proxy runs what it is to have: then both explanations stand on the same ground. */
  async #explained(): Promise<void> {
    const dashboard = `http://127.0.0.1:${this.#mesh.controlPlane.ports.dashboard}`;
    const objects = await objectsHeld(this.#mesh.controlPlane.api);
    const { parts, sources, settings } = translate(objects, DEFAULT_SETTINGS);
    this.#model = buildMesh(settings, parts);
    const explainer = new Explainer(this.#model, sources);
    this.offline = (question) => explainer.explain(question);
    const proxies = this.#model.workloads.filter(({ proxy }) => proxy !== undefined);
    const addresses = new Map(proxies.map((workload) => [workload, `127.0.0.1:${this.#adminOf(workload)}`]));
    const probe = (live: Explainer) => this.#probes().map((question) => live.explain(question).clusters);
    const wanted = JSON.stringify(probe(explainer));
    const last = await eventually(
      async () => {
        const live = await liveProxies(proxies, { dashboard }, addresses);
        const settled = [...live.values()].every(
          ({ acknowledgement: at, running }) =>
            running.kind === "told" && at.kind === "connected" && at.missing.length === 0,
        );
        return {
          live,
          settled: settled && JSON.stringify(probe(new Explainer(this.#model, sources, live))) === wanted,
        };
      },
      ({ settled }) => settled,
    );
    if (!last.settled) throw new Error(`not settled: ${JSON.stringify([...last.live.values()].map(stateOf))}`);
    const live = new Explainer(this.#model, sources, last.live);
    this.live = (question) => live.explain(question);
  }

  /** To every cluster, from everywhere: who can reach which endpoints. */
  #probes(): readonly Question[] {
    const doors: readonly Door[] = [
      ...CLIENTS.map((client) => ({ kind: "forward-proxy", client }) as const),
      ...([80, 81] as const).map((port) => ({ kind: "gateway", port }) as const),
    ];
    const hosts = ["golden", "silver", "bare", "outside.test", "golden.test", "shop.test"];
    const paths = ["/", "/plain", "/weights", "/re/1", "/case", "/open", "/silver", "/outside", "/detail"];
    const common = { method: "GET", port: undefined, headers: [] } as const;
    return doors.flatMap((door) =>
      hosts.flatMap((host) => paths.map((path) => this.questionOf({ ...common, door, host, path }, ""))),
    );
  }

  #adminOf({ name }: Workload): number {
    const workloads = [...this.#servers, ...[...this.#clients.values()].map(({ workload }) => workload)];
    return workloads.find((one) => one.name === name)?.ports.admin ?? this.#gateway.admin;
  }

  #workload(of: (workload: Workload) => boolean): Workload {
    const found = this.#model.workloads.find(of);
    if (!found) throw new Error("no such workload");
    return found;
  }

  /** Where its bytes go. */
  portOf(door: Door): number {
    if (door.kind === "gateway") return this.#gateway.ports.get(door.port)!;
    const { workload, upstreams } = this.#clients.get(door.client)!;
    return door.kind === "forward-proxy" ? workload.ports.forwardProxy : upstreams[door.service];
  }

  questionOf(request: AskedRequest, id: string): Question {
    const { door, method, token } = request;
    const url = urlOf(request);
    const bearer = token ? [["authorization", `Bearer ${token.text}`] as const] : [];
    const pairs = [["x-case", id] as const, ...bearer, ...request.headers];
    const common = { method, sourceAddress: "127.0.0.1", claims: token?.claims };
    if (door.kind === "forward-proxy") {
      const { name } = this.#clients.get(door.client)!.workload;
      const workload = this.#workload((one) => one.name === name);
      return { ...common, entry: { kind: "sidecar", workload }, url, headers: pairs.flat() };
    }
    const headers = [...pairs, ["host", authorityOf(request)] as const].flat();
    if (door.kind === "gateway") {
      const workload = this.#workload(({ proxy }) => proxy?.gateway !== undefined);
      const at = new URL(url);
      at.port = String(door.port);
      return { ...common, entry: { kind: "gateway", workload }, url: at, headers };
    }
    const { name } = this.#clients.get(door.client)!.workload;
    const at = new URL(`http://127.0.0.1:${this.portOf(door)}${url.pathname}${url.search}`);
    return {
      ...common,
      entry: { kind: "sidecar", workload: this.#workload((one) => one.name === name) },
      url: at,
      headers,
    };
  }

  /** Ends the mesh, so that every line is in the log. By case, the lines of the proxy that was asked first. */
  async end(): Promise<ReadonlyMap<string, readonly LogLine[]>> {
    await this.#mesh?.stop();
    const lines = new Map<string, LogLine[]>();
    const written = existsSync(this.#log) ? readFileSync(this.#log, "utf8") : "";
    for (const text of written.split("\n")) {
      if (text === "") continue;
      const line = JSON.parse(text) as LogLine;
      if (line.case !== null) lines.set(line.case, [...(lines.get(line.case) ?? []), line]);
    }
    rmSync(this.#folder, { recursive: true, force: true });
    return lines;
  }
}
