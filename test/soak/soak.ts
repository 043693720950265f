// One soak: load and changes for so long, then quiet, then the account.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSmaps } from "../../bench/proc.ts";
import { type Account, account, type Books, type Finding, type Span, type Told } from "./account.ts";
import { nextChange } from "./changes.ts";
import { AT_FIRST } from "./configuration.ts";
import { collectedHeap } from "./heap.ts";
import { LoadProcess } from "./load-process.ts";
import { readLog } from "./log-lines.ts";
import { BOUNDS, type Growth, growth, isLeak, JUDGED_FROM_SECONDS, type Sample } from "./memory.ts";
import { CERTIFICATE_MS, type ProxyName, SoakMesh } from "./mesh.ts";
import { Metrics, type Rest, restOf } from "./metrics.ts";
import { Random } from "./random.ts";

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
}

export interface SoakReport extends SoakOptions, Account {
  readonly changes: Readonly<Record<string, number>>;
  readonly memory: Readonly<Record<string, readonly Growth[]>>;
  readonly atRest: Readonly<Record<string, { readonly before: Rest; readonly after: Rest }>>;
}

const CHANGE_MS = 1_000;
/** A collection stands still for 50 ms: a hundredth of the time. */
const SAMPLE_MS = 5_000;
/** Pools let idle connections go after 2 s, a listener that went its connections after 30 s. */
const QUIET_WITHIN_MS = 40_000;
const QUIET_POLL_MS = 250;
const SETTLED_MS = 1_000;
/** All lines are written 10 ms after they are made. */
const LOG_MS = 500;

class Soak {
  readonly #options: SoakOptions;
  readonly #mesh: SoakMesh;
  readonly #load: LoadProcess;
  readonly #changes = new Map<string, number>();
  readonly #samples = new Map<string, Sample[]>();
  readonly #drains: Span[] = [];
  #isOver = false;

  constructor(options: SoakOptions, mesh: SoakMesh, load: LoadProcess) {
    this.#options = options;
    this.#mesh = mesh;
    this.#load = load;
  }

  async run(): Promise<SoakReport> {
    const before = await this.#settled();
    await this.#begin();
    const beside = [this.#change(), this.#sample()];
    const load = await this.#load.over();
    this.#isOver = true;
    await Promise.all(beside);
    await this.#mesh.change(AT_FIRST);
    const after = await this.#quiet(before);
    await Bun.sleep(LOG_MS);
    const books = await this.#books(load);
    const { entries, findings } = account(books);
    const { memory, grown } = this.#memory(books);
    return {
      ...this.#options,
      entries,
      findings: [...findings, ...leaks(before, after), ...grown],
      changes: Object.fromEntries(this.#changes),
      memory,
      atRest: Object.fromEntries(
        Object.keys(before).map((name) => [name, { before: before[name]!, after: after[name]! }]),
      ),
    };
  }

  async #begin(): Promise<void> {
    const places = await this.#mesh.client.places(["http", "bytes"]);
    const { seed, seconds } = this.#options;
    const [http, bytes] = [places.get("http")!, places.get("bytes")!];
    this.#load.tell({ kind: "begin", seed, seconds, http, bytes, visitors: this.#mesh.visitors });
  }

  #count(what: string): void {
    this.#changes.set(what, (this.#changes.get(what) ?? 0) + 1);
  }

  async #change(): Promise<void> {
    const random = new Random(`${this.#options.seed}/changes`);
    let renewedAt = performance.now();
    while (!this.#isOver) {
      if (performance.now() - renewedAt >= CERTIFICATE_MS / 2) {
        renewedAt = performance.now();
        this.#mesh.renewCertificates();
        this.#count("certificates");
      }
      const { what, moment, outage } = nextChange(this.#mesh.moment, random);
      const from = Date.now();
      const drains = moment.serverListeners !== this.#mesh.moment.serverListeners;
      if (outage) this.#load.tell({ kind: "outage", ...outage });
      else await this.#mesh.change(moment);
      if (drains) this.#drains.push({ from, to: Date.now() });
      this.#count(what);
      await Bun.sleep(CHANGE_MS);
    }
  }

  async #sample(): Promise<void> {
    const startedAt = performance.now();
    while (!this.#isOver) {
      for (const [name, proxy] of Object.entries(this.#mesh.proxies)) {
        const samples = this.#samples.get(name) ?? [];
        this.#samples.set(name, samples);
        const heap = await collectedHeap(proxy);
        const { privateBytes } = parseSmaps(readFileSync(`/proc/${proxy.pid}/smaps_rollup`, "utf8"));
        samples.push({ seconds: (performance.now() - startedAt) / 1_000, ...heap, privateBytes });
      }
      await Bun.sleep(SAMPLE_MS);
    }
  }

  async #rest(): Promise<Readonly<Record<string, Rest>>> {
    const { proxies } = this.#mesh;
    const all = Object.entries(proxies).map(async ([name, proxy]) => [name, await restOf(proxy)] as const);
    return Object.fromEntries(await Promise.all(all));
  }

  /** The gauges once they do not move: the connections by which the proxies were started, and asked, come and go. */
  async #settled(): Promise<Readonly<Record<string, Rest>>> {
    const deadline = performance.now() + QUIET_WITHIN_MS;
    let last = await this.#rest();
    for (;;) {
      await Bun.sleep(SETTLED_MS);
      const now = await this.#rest();
      if (Bun.deepEquals(last, now) || performance.now() > deadline) return now;
      last = now;
    }
  }

  /** The gauges once they are what they were, or what they are when the time is up. */
  async #quiet(before: Readonly<Record<string, Rest>>): Promise<Readonly<Record<string, Rest>>> {
    const deadline = performance.now() + QUIET_WITHIN_MS;
    for (;;) {
      const now = await this.#rest();
      if (leaks(before, now).length === 0 || performance.now() > deadline) return now;
      await Bun.sleep(QUIET_POLL_MS);
    }
  }

  async #books(load: Books["load"]): Promise<Books> {
    const told = async (name: ProxyName): Promise<Told> => {
      const logs = this.#mesh.logs(name);
      const metrics = new Metrics(await this.#mesh.proxies[name].admin("/stats/prometheus"));
      return { http: readLog(logs.http), visitors: readLog(logs.visitors), bytes: readLog(logs.bytes), metrics };
    };
    const servers = { "server a": await told("server a"), "server b": await told("server b") };
    return { drains: this.#drains, load, client: await told("client"), servers };
  }

  #memory({ client, servers }: Books): { readonly memory: SoakReport["memory"]; readonly grown: readonly Finding[] } {
    const { seconds } = this.#options;
    const told = Object.entries({ client, ...servers });
    const memory = told.map(([name, { http, bytes }]) => {
      return [name, growth(this.#samples.get(name) ?? [], (http.length + bytes.length) / seconds)] as const;
    });
    const grown = memory.flatMap(([name, growths]) =>
      growths.filter(isLeak).map(({ measure, perRequest }) => {
        return {
          rule: "memory grows",
          detail: `${name}: ${measure} ${perRequest.toFixed(2)} a request, ${BOUNDS[measure]} at most`,
        };
      }),
    );
    return { memory: Object.fromEntries(memory), grown: seconds >= JUDGED_FROM_SECONDS ? grown : [] };
  }
}

/** What is more than it was; NaN, of a gauge that is gone, is no less. */
function leaks(before: Readonly<Record<string, Rest>>, after: Readonly<Record<string, Rest>>): Finding[] {
  return Object.entries(before).flatMap(([name, rest]) =>
    Object.entries(rest).flatMap(([what, count]) => {
      const left = after[name]?.[what] ?? Number.NaN;
      return left <= count ? [] : [{ rule: "not at rest", detail: `${name}: ${what} ${count} before, ${left} after` }];
    }),
  );
}

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const folder = mkdtempSync(join(tmpdir(), "heddle-soak-"));
  const load = await LoadProcess.start(folder);
  const mesh = await SoakMesh.start(load.ports).catch(async (thrown) => {
    await load.stop();
    throw thrown;
  });
  try {
    return await new Soak(options, mesh, load).run();
  } catch (thrown) {
    throw mesh.lastWords === undefined ? thrown : new Error(mesh.lastWords, { cause: thrown });
  } finally {
    await load.stop();
    mesh.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
