// Two proxies of one kind, before and behind the mesh's leg, that run one generated mesh after the other; and the explanations of it.

import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { hasErrors } from "../../../src/base/diagnostic.ts";
import { compileProxy, compileShared } from "../../../src/compile/compile.ts";
import type { ProxySnapshot } from "../../../src/compile/proxy-snapshot.ts";
import { translate } from "../../../src/dialect/dialects.ts";
import { readObjects } from "../../../src/dialect/object.ts";
import { Explainer } from "../../../src/explain/explain.ts";
import { buildMesh } from "../../../src/model/build.ts";
import type { Mesh } from "../../../src/model/mesh.ts";
import { DEFAULT_SETTINGS } from "../../../src/model/settings.ts";
import type { Workload } from "../../../src/model/workload.ts";
import type { Application } from "../xds/application.ts";
import { CLIENT, SERVER } from "../xds/certificates.ts";
import { addResources } from "../xds/configuration.ts";
import { Log, logFormat } from "../xds/logs.ts";
import type { Place } from "../xds/message.ts";
import { ProxyProcess } from "../xds/process.ts";
import { type GeneratedMesh, GOLDEN_ADDRESS, objectsOf, SILVER_ADDRESS } from "./mesh.ts";
import { Placed } from "./placement.ts";
import type { Door } from "./requests.ts";

export const MORE_LOGGED = { case: "%REQ(X-CASE)%", asked: "%UPSTREAM_CLUSTER_RAW%" } as const;

/** What all proxies lead to. */
export interface Applications {
  readonly golden: Application;
  readonly silver: Application;
}

export interface Compiled {
  readonly mesh: Mesh;
  readonly explainer: Explainer;
  /** What is wrong with objects that were left out. */
  readonly refusals: readonly string[];
}

/** A mesh in force. */
export interface Running extends Compiled {
  /** Before every name that proxies tell. */
  readonly marks: Readonly<Record<Door, string>>;
  readonly places: Readonly<Record<Door, Place>>;
  readonly log: Log;
  readonly serverLog: Log;
}

export function compiled(objects: readonly JsonObject[]): Compiled {
  const text = objects.map((object) => JSON.stringify(object)).join("\n---\n");
  const read = readObjects("mesh.yaml", text);
  const { parts, sources, settings, results } = translate(read.objects, DEFAULT_SETTINGS);
  const mesh = buildMesh(settings, parts);
  const found = [...read.diagnostics, ...results.flatMap(({ diagnostics }) => diagnostics)];
  const refusals = hasErrors(found) ? found.map(({ message }) => message) : [];
  return { mesh, explainer: new Explainer(mesh, sources), refusals };
}

export function workloadNamed({ workloads }: Mesh, name: string): Workload {
  const found = workloads.find((workload) => workload.name === name);
  if (!found) throw new Error(`no workload ${name}`);
  return found;
}

export class World {
  readonly kind: ProxyKind;
  readonly #client: ProxyProcess;
  readonly #server: ProxyProcess;
  readonly #applications: Applications;
  #meshes = 0;

  private constructor(kind: ProxyKind, client: ProxyProcess, server: ProxyProcess, applications: Applications) {
    this.kind = kind;
    this.#client = client;
    this.#server = server;
    this.#applications = applications;
  }

  static async start(kind: ProxyKind, applications: Applications): Promise<World> {
    const [client, server] = await Promise.all([
      ProxyProcess.start(kind, "client"),
      ProxyProcess.start(kind, "server"),
    ]);
    return new World(kind, client, server, applications);
  }

  stop(): void {
    this.#client.kill();
    this.#server.kill();
  }

  /** @throws Error with the words of the proxy that refuses something. */
  async run(generated: GeneratedMesh): Promise<Running> {
    const n = ++this.#meshes;
    const made = compiled(objectsOf(generated, this.kind));
    const shared = compileShared(made.mesh, new Map());
    const snapshotOf = (name: string) => compileProxy(shared, workloadNamed(made.mesh, name))!;
    const server = await this.#serve(n, snapshotOf("golden-v1"));
    const host = hostOf(n);
    const logPath = join(this.#client.folder, `${n}.log`);
    const silver = { host: "127.0.0.1", port: this.#applications.silver.port };
    const places = new Map([
      [`${GOLDEN_ADDRESS}:15008`, server.place],
      ["10.1.0.2:15008", server.place],
      [`${SILVER_ADDRESS}:8080`, silver],
    ]);
    const log = { path: logPath, format: logFormat(MORE_LOGGED) };
    const marks = { client: `${n}c~`, edge: `${n}e~` };
    const placed = (mark: string, name: string) =>
      new Placed({ mark, host, identity: CLIENT, log, places }).resources(snapshotOf(name));
    await this.#client.apply(addResources(placed(marks.client, "client"), placed(marks.edge, "edge")));
    const names = { client: `${marks.client}forwardProxy`, edge: `${marks.edge}0.0.0.0_80` };
    const found = await this.#client.places(Object.values(names));
    return {
      ...made,
      marks,
      places: { client: found.get(names.client)!, edge: found.get(names.edge)! },
      log: new Log(logPath, MORE_LOGGED),
      serverLog: new Log(server.logPath, MORE_LOGGED),
    };
  }

  async #serve(n: number, snapshot: ProxySnapshot): Promise<{ readonly place: Place; readonly logPath: string }> {
    const logPath = join(this.#server.folder, `${n}.log`);
    const mark = `${n}s~`;
    const placement = {
      mark,
      host: hostOf(n),
      identity: SERVER,
      log: { path: logPath, format: logFormat(MORE_LOGGED) },
      places: new Map([["127.0.0.1:8080", { host: "127.0.0.1", port: this.#applications.golden.port }]]),
    };
    await this.#server.apply(new Placed(placement).resources(snapshot));
    return { place: await this.#server.place(`${mark}meshInbound`), logPath };
  }
}

/** An address of loopback that no listener of the process had yet. */
function hostOf(n: number): string {
  return `127.2.${Math.floor(n / 250) % 250}.${(n % 250) + 1}`;
}
