// A mesh in which the pages of Istio's tasks are followed: their objects are analyzed and applied, what their readers would ask is asked,
// and each answer is held against its explanation.

import { expect } from "bun:test";
import { join } from "node:path";
import { findComponent } from "../../../scripts/components.ts";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { analyze } from "../../../src/analyze/analyze.ts";
import { objectsHeld, objectsOfFiles } from "../../../src/cli/analysis-input.ts";
import { originText } from "../../../src/cli/analysis-output.ts";
import { acknowledgementOf } from "../../../src/cli/live-proxies.ts";
import { awaitCondition, PROGRAMMED } from "../../../src/cli/object-condition.ts";
import { translate } from "../../../src/dialect/dialects.ts";
import { Explainer } from "../../../src/explain/explain.ts";
import type { Explanation } from "../../../src/explain/explanation.ts";
import { resource, resourceByKind } from "../../../src/kube/resources.ts";
import { buildMesh } from "../../../src/model/build.ts";
import type { Mesh } from "../../../src/model/mesh.ts";
import { DEFAULT_SETTINGS } from "../../../src/model/settings.ts";
import { eventually, type TestGateway, TestMesh, type TestWorkload, type WorkloadOptions } from "../../traffic/mesh.ts";
import {
  type Answer,
  type Asked,
  type Asker,
  askFrom,
  askGateway,
  differs,
  explanationLines,
  type Seen,
} from "./asking.ts";

const PROGRAMS = join(import.meta.dir, "programs.ts");
const SETTLED_MS = 20_000;

/** All proxies Heddle's, all Envoys, or one beside the other. */
export type Arrangement = "heddle" | "envoy" | "mixed";

const hasEnvoy = findComponent("envoy") !== undefined;
if (!hasEnvoy && process.env.CI === "true") throw new Error("Istio's tasks need envoy");
export const ARRANGEMENTS: readonly Arrangement[] = hasEnvoy ? ["heddle", "envoy", "mixed"] : ["heddle"];

interface Program {
  readonly app: string;
  readonly version?: string;
  readonly role?: "productpage" | "reviews" | "ratings" | "httpbin" | "nginx" | "echo";
  /** What its service's ports are called, and their numbers. */
  readonly ports: Readonly<Record<string, number>>;
  readonly namespace?: string;
  /** `HOST:PORT` that it calls. */
  readonly calls?: string;
  /** The local port for that; undefined: any. */
  readonly callsAt?: number;
  /** Undefined: by the arrangement. */
  readonly proxy?: "none";
  readonly zone?: string;
}

export class Lab {
  readonly arrangement: Arrangement;
  mesh!: TestMesh;
  readonly #kinds = new Map<string, ProxyKind>();
  readonly #written: {
    readonly kind: string;
    readonly group: string;
    readonly namespace: string;
    readonly name: string;
  }[] = [];
  #started = 0;
  #revision = 0;
  #explainer: { readonly mesh: Mesh; readonly explainer: Explainer } | undefined;

  constructor(arrangement: Arrangement) {
    this.arrangement = arrangement;
  }

  async start(): Promise<void> {
    this.mesh = await TestMesh.start();
    await this.namespaces("default", "istio-system");
  }

  async namespaces(...names: readonly string[]): Promise<void> {
    for (const name of names)
      await this.mesh.apply(
        `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}, labels: {istio-injection: enabled}}}`,
      );
  }

  async stop(): Promise<void> {
    await this.mesh?.stop();
  }

  /** In turns, where they are mixed. `key`: `NAMESPACE/APP`. */
  #kind(key: string): ProxyKind {
    const other = this.#started++ % 2 === 0 ? "envoy" : "heddle";
    const kind = this.arrangement === "mixed" ? other : this.arrangement;
    this.#kinds.set(key, kind);
    return kind;
  }

  /** Of a workload or a gateway that has one version: `NAMESPACE/APP`. */
  isHeddle(key: string): boolean {
    return this.#kinds.get(key) === "heddle";
  }

  run(program: Program): Promise<TestWorkload> {
    const { app, version = "v1", role = "httpbin", ports, namespace = "default", calls, zone } = program;
    const upstream = calls === undefined ? undefined : (program.callsAt ?? this.mesh.book.choose(0));
    const proxy = program.proxy ?? this.#kind(`${namespace}/${app}`);
    const options: WorkloadOptions = {
      app,
      version,
      namespace,
      proxy: proxy === "none" ? undefined : proxy,
      servicePorts: ports,
      ...(zone !== undefined && { zone }),
      ...(upstream !== undefined && { upstreams: [`${upstream}=${calls}`] }),
      command: (...numbers) => [
        ...[process.execPath, PROGRAMS, role, `${app}-${version}`],
        ...[String(upstream ?? (role === "nginx" ? this.mesh.folder : "")), ...numbers.map(String)],
      ],
    };
    return this.mesh.run(options);
  }

  /** As Istio installs them: of the namespace istio-system, with labels and ports of its charts. */
  gateway(istio: "ingressgateway" | "egressgateway", ...ports: readonly (80 | 443)[]): Promise<TestGateway> {
    const [app, namespace] = [`istio-${istio}`, "istio-system"];
    const proxy = this.#kind(`${namespace}/${app}`);
    return this.mesh.gateway({ app, istio, namespace, proxy, ports, portNames: { 80: "http2", 443: "https" } });
  }

  /** Applies what a page says to apply. `told`: what the analysis has to say of it at Warning or above. */
  async follow(yaml: string, ...told: readonly string[]): Promise<void> {
    const { objects, unreadable } = objectsOfFiles([{ name: "task.yaml", content: Buffer.from(yaml) }], "default");
    expect(unreadable).toEqual([]);
    for (const { origin } of objects) this.#written.push(origin);
    await this.mesh.apply(objects.map(({ value }) => JSON.stringify(value)).join("\n---\n"));
    const names = new Set(objects.map(({ origin }) => originText(origin)));
    const findings = analyze(await objectsHeld(this.mesh.controlPlane.api), DEFAULT_SETTINGS).filter(
      ({ severity, object }) => severity !== "info" && names.has(originText(object)),
    );
    const known = findings.map(({ code, message }) => (told.includes(code) ? code : `${code}: ${message}`));
    expect([...new Set(known)].sort()).toEqual([...told].sort());
    await this.settled();
  }

  /** Takes away what was applied since the last time. */
  async forget(): Promise<void> {
    const { api } = this.mesh.controlPlane;
    for (const { group, kind, namespace, name } of this.#written.splice(0).reverse())
      await api.delete(resourceByKind(group, kind)!, { namespace, name });
    await this.settled();
  }

  /** Once every proxy has acknowledged all that it is to have. */
  async settled(): Promise<void> {
    const { api, ports } = this.mesh.controlPlane;
    const sentinel = { namespace: "default", name: "sentinel" };
    await this.mesh.apply(
      `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: sentinel, namespace: default}, spec: {hosts: [sentinel.test], http: [{match: [{uri: {exact: /${++this.#revision}}}], directResponse: {status: 299}}]}}`,
    );
    const awaited = { type: resource.virtualServices, name: sentinel };
    await awaitCondition(({ type, name }) => api.get(type, name), awaited, PROGRAMMED, performance.now() + SETTLED_MS);
    const options = { dashboard: `http://127.0.0.1:${ports.dashboard}` };
    this.#explainer = await this.#compile();
    const { mesh } = this.#explainer;
    const proxies = mesh.workloads.filter(({ proxy }) => proxy !== undefined);
    const missing = async () => {
      const states = await Promise.all(proxies.map((workload) => acknowledgementOf(workload, options)));
      return states.flatMap((state, i) =>
        state.kind === "connected" && state.missing.length === 0
          ? []
          : [`${proxies[i]!.name}: ${JSON.stringify(state)}`],
      );
    };
    expect(await eventually(missing, (found) => found.length === 0)).toEqual([]);
  }

  /** Asks once. */
  ask(asker: Asker, asked: string | Asked): Promise<Answer> {
    const whole = typeof asked === "string" ? { url: asked } : asked;
    return "port" in asker ? askGateway(asker, whole) : askFrom(asker, whole);
  }

  /** Asks until the answer is the one that the page shows, and holds it against its explanation. */
  async sees(asker: Asker, asked: string | Asked, seen: Seen): Promise<Answer> {
    const answer = await eventually(
      () => this.ask(asker, asked),
      (found) => differs(found, seen) === undefined,
    );
    expect(differs(answer, seen)).toBeUndefined();
    if (seen.explained === "not") return answer;
    const explanation = await this.explain(asker, asked);
    const told = { outcome: explanation.outcome, status: explanation.status };
    if (answer.application !== undefined || seen.explained === "forwarded") {
      if (told.outcome !== "forward") throw new Error(`explained otherwise: ${explanationLines(explanation)}`);
      const workloads = explanation.clusters.flatMap(({ weight, endpoints }) =>
        weight > 0 ? endpoints.map(({ workload }) => workload) : [],
      );
      const named = workloads.filter((name) => name !== undefined);
      const who = seen.via ?? answer.application;
      if (who !== undefined && named.length > 0)
        expect(named.filter((name) => name.includes(`/${who}`))).not.toEqual([]);
    } else if (told.outcome === "forward" || (told.status ?? 0) !== answer.status) {
      throw new Error(`explained otherwise than ${answer.status}: ${explanationLines(explanation)}`);
    }
    return answer;
  }

  /** Who answers how many of `count` requests. */
  async shares(asker: Asker, asked: string | Asked, count: number): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    for (let i = 0; i < count; i += 20) {
      const answers = await Promise.all(Array.from({ length: Math.min(20, count - i) }, () => this.ask(asker, asked)));
      for (const { application, status } of answers) {
        const who = application ?? String(status);
        found.set(who, (found.get(who) ?? 0) + 1);
      }
    }
    return found;
  }

  async explain(asker: Asker, asked: string | Asked): Promise<Explanation> {
    const { url, method = "GET", headers = {}, claims } = typeof asked === "string" ? { url: asked } : asked;
    this.#explainer ??= await this.#compile();
    const { mesh, explainer } = this.#explainer;
    const name = "port" in asker ? asker.gateway.name : asker.name;
    const workload = mesh.workloads.find((one) => one.name === name);
    if (!workload) throw new Error(`no workload ${name}`);
    const given = Object.entries(headers).flatMap(([header, value]) => [header.toLowerCase(), value]);
    const at = new URL(url);
    if (!("port" in asker))
      return explainer.explain({
        ...{ entry: { kind: "sidecar", workload }, method, url: at, headers: given },
        ...{ sourceAddress: "127.0.0.1", claims },
      });
    const host = given.includes("host") ? [] : ["host", at.host];
    at.port = String(asker.port);
    return explainer.explain({
      ...{ entry: { kind: "gateway", workload }, method, url: at, headers: [...given, ...host] },
      ...{ sourceAddress: "127.0.0.1", claims },
    });
  }

  async #compile(): Promise<{ readonly mesh: Mesh; readonly explainer: Explainer }> {
    const { parts, sources, settings } = translate(await objectsHeld(this.mesh.controlPlane.api), DEFAULT_SETTINGS);
    const mesh = buildMesh(settings, parts);
    return { mesh, explainer: new Explainer(mesh, sources) };
  }
}
