import { describe, expect, test } from "bun:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { DeltaClient } from "./delta-client.ts";
import { encodeDeltaResponse } from "./delta-response.ts";
import { DeltaServer } from "./delta-server.ts";
import { NodeSchema } from "./gen/envoy/config/core/v3/base_pb.ts";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryResponseSchema,
} from "./gen/envoy/service/discovery/v3/discovery_pb.ts";
import { referencesOf } from "./references.ts";
import type { Resource } from "./resource.ts";
import {
  assignment,
  cluster,
  listener,
  messageIn,
  routeConfiguration,
  snapshotOf,
  virtualHost,
} from "./resource-fixtures.ts";
import { resourcesOf, type Snapshot } from "./snapshot.ts";
import type { ResourceKind } from "./type-urls.ts";
import type { Rejection, Update } from "./update.ts";

const BAD = 13;

interface Plan {
  /** Of cluster c0 to c3: absent, or the variant; BAD is one that the client refuses. */
  readonly clusters: readonly (number | undefined)[];
  readonly ports: readonly number[];
  /** Of listener l0 and l1: absent, or the index of its cluster. */
  readonly listeners: readonly (number | undefined)[];
  /** Of each listener's route configuration, whose virtual hosts h0 to h2 have which clusters; undefined for no such host. */
  readonly hosts: readonly (readonly number[] | undefined)[];
  readonly badHost: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  clusters: fc.array(fc.constantFrom(undefined, 1, 2, 3, BAD), { minLength: 4, maxLength: 4 }),
  ports: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 4 }),
  listeners: fc.array(fc.constantFrom(undefined, 0, 1, 2, 3), { minLength: 2, maxLength: 2 }),
  hosts: fc.array(fc.option(fc.subarray([0, 1, 2, 3]), { nil: undefined }), { minLength: 6, maxLength: 6 }),
  badHost: fc.boolean(),
});

function snapshotFrom(plan: Plan): Snapshot {
  const resources: Resource[] = [];
  const present = (index: number): boolean => plan.clusters[index] !== undefined;
  plan.clusters.forEach((connectTimeoutMs, index) => {
    if (connectTimeoutMs === undefined) return;
    resources.push(cluster(`c${index}`, { connectTimeoutMs }), assignment(`c${index}`, plan.ports[index]!));
  });
  plan.listeners.forEach((target, index) => {
    if (target === undefined) return;
    resources.push(listener(`l${index}`, present(target) ? `c${target}` : undefined), routeConfiguration(`l${index}`));
    for (const [host, targets] of plan.hosts.slice(index * 3, index * 3 + 3).entries()) {
      const domains = plan.badHost && host === 0 ? ["bad"] : [`h${host}`];
      const clusters = targets?.filter(present).map((target) => `c${target}`);
      if (clusters) resources.push(virtualHost(`l${index}/h${host}`, clusters, domains));
    }
  });
  return snapshotOf(resources);
}

/** The part of a proxy that this is about: it holds what it took, refuses what is bad, and asks for what that needs. */
class TestProxy {
  readonly client = new DeltaClient(create(NodeSchema, { id: "proxy" }));
  readonly held: Record<ResourceKind, Map<string, { version: string; references: readonly string[] }>> = {
    cds: new Map(),
    eds: new Map(),
    sds: new Map(),
    lds: new Map(),
    rds: new Map(),
    vhds: new Map(),
    nds: new Map(),
  };

  constructor() {
    this.client.wantAll("cds");
    this.client.wantAll("lds");
    this.client.wantAll("vhds");
  }

  take(update: Update): void {
    for (const { name } of update.kind === "vhds" ? update.resources : []) {
      // As Envoy does: a virtual host of a route configuration that is not there is acknowledged and forgotten.
      if (!this.held.rds.has(name.split("/")[0]!)) throw new Error(`${name} came before its route configuration`);
    }
    const rejections = this.#reject(update);
    const rejected = new Set(rejections.map(({ name }) => name));
    const table = this.held[update.kind];
    for (const name of update.removed) table.delete(name);
    for (const resource of update.resources) {
      const { name, version } = resource;
      if (rejected.has(name)) continue;
      table.set(name, { version, references: referencesOf(update.kind, messageIn(update.kind, resource)) });
    }
    this.#checkClusters();
    if (update.kind === "cds") this.#want("eds", table.keys());
    if (update.kind === "lds") this.#want("rds", table.keys());
    this.client.answer(update, rejections);
  }

  #want(kind: "eds" | "rds", names: Iterable<string>): void {
    const wanted = new Set(names);
    this.client.want(kind, wanted);
    for (const name of this.held[kind].keys()) if (!wanted.has(name)) this.held[kind].delete(name);
    if (kind !== "rds") return;
    for (const name of this.held.vhds.keys()) if (!wanted.has(name.split("/")[0]!)) this.held.vhds.delete(name);
  }

  #reject(update: Update): Rejection[] {
    if (update.kind === "cds") {
      const bad = update.resources.filter(
        (resource) => messageIn("cds", resource).connectTimeout?.nanos === BAD * 1_000_000,
      );
      return bad.map(({ name }) => ({ name, path: "connect_timeout", reason: "unlucky" }));
    }
    if (update.kind !== "vhds") return [];
    const bad = update.resources.filter((resource) => messageIn("vhds", resource).domains.includes("bad"));
    return bad.map(({ name }) => ({ name, path: "domains[0]", reason: "bad" }));
  }

  /** Make before break: at no moment is there a route to a cluster that is not there. */
  #checkClusters(): void {
    for (const kind of ["lds", "rds", "vhds"] as const) {
      for (const [name, { references }] of this.held[kind]) {
        for (const reference of references) {
          if (!this.held.cds.has(reference))
            throw new Error(`${kind} ${name} refers to ${reference}, which is not held`);
        }
      }
    }
  }
}

/** A proxy and a control plane with two queues between them, which lose what is in them when the stream breaks. */
class World {
  readonly proxy = new TestProxy();
  server: DeltaServer;
  #snapshot: Snapshot;
  #toServer: DeltaDiscoveryRequest[] = [];
  #toClient: Uint8Array[] = [];
  #undecided: Update[] = [];

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.server = new DeltaServer(snapshot, { maxResponseBytes: 300 });
    this.reconnect();
  }

  update(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.server.update(snapshot);
  }

  reconnect(): void {
    this.server = new DeltaServer(this.#snapshot, { maxResponseBytes: 300 });
    this.#toServer = [];
    this.#toClient = [];
    this.proxy.client.opened();
  }

  /** Each step says whether there was something to do. */
  clientSends(): boolean {
    const request = this.proxy.client.next();
    if (request) this.#toServer.push(request);
    return request !== undefined;
  }

  serverReceives(): boolean {
    const request = this.#toServer.shift();
    if (request) this.server.receive(request);
    return request !== undefined;
  }

  serverSends(): boolean {
    const response = this.server.next();
    if (response) this.#toClient.push(encodeDeltaResponse(response));
    return response !== undefined;
  }

  clientReceives(): boolean {
    const bytes = this.#toClient.shift();
    if (!bytes) return false;
    const update = this.proxy.client.receive(fromBinary(DeltaDiscoveryResponseSchema, bytes));
    if (update) this.#undecided.push(update);
    return true;
  }

  clientDecides(): boolean {
    const update = this.#undecided.shift();
    if (update) this.proxy.take(update);
    return update !== undefined;
  }

  /** Until nothing happens any more; the bound is far above what any plan needs, so that a loop of resending is a failure. */
  settle(): void {
    const steps = [this.clientSends, this.serverReceives, this.serverSends, this.clientReceives, this.clientDecides];
    for (let round = 0; round < 500; round++) {
      if (!steps.map((step) => step.call(this)).includes(true)) return;
    }
    throw new Error("the two ends do not come to rest");
  }
}

type Action = { readonly kind: "update"; readonly plan: Plan } | { readonly kind: "reconnect" | Step };
type Step = "clientSends" | "serverReceives" | "serverSends" | "clientReceives" | "clientDecides";

const step = fc.constantFrom<Step>("clientSends", "serverReceives", "serverSends", "clientReceives", "clientDecides");
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: step.map((kind) => ({ kind })) },
  { weight: 2, arbitrary: plan.map((plan) => ({ kind: "update" as const, plan })) },
  { weight: 1, arbitrary: fc.constant({ kind: "reconnect" as const }) },
);

function run(world: World, actions: readonly Action[]): void {
  for (const action of actions) {
    if (action.kind === "update") world.update(snapshotFrom(action.plan));
    else if (action.kind === "reconnect") world.reconnect();
    else world[action.kind]();
  }
}

const KINDS = ["cds", "eds", "lds", "rds", "vhds"] as const;

function versions(resources: Iterable<readonly [string, { version: string }]>): Record<string, string> {
  return Object.fromEntries([...resources].map(([name, { version }]) => [name, version] as const).sort());
}

function acknowledged(
  server: DeltaServer,
  kind: ResourceKind,
  names: Iterable<string>,
): Record<string, string | undefined> {
  return Object.fromEntries([...names].sort().map((name) => [name, server.acknowledged(kind, name)]));
}

describe("server and client of delta xDS", () => {
  test("converge to the snapshot, whatever was updated, refused and cut off before, and never break before they make", () => {
    fc.assert(
      fc.property(plan, fc.array(action, { maxLength: 80 }), plan, (first, actions, last) => {
        const world = new World(snapshotFrom(first));
        run(world, actions);
        const clusters = last.clusters.map((variant) => (variant === BAD ? 1 : variant));
        const final = snapshotFrom({ ...last, clusters, badHost: false });
        world.update(final);
        world.settle();
        for (const kind of KINDS) {
          expect(versions(world.proxy.held[kind])).toEqual(versions(resourcesOf(final, kind)));
          expect(acknowledged(world.server, kind, world.proxy.held[kind].keys())).toEqual(
            versions(world.proxy.held[kind]),
          );
        }
        expect(world.server.status().filter(({ synced, refusals }) => !synced || refusals.length > 0)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  }, 30_000);

  test("come to rest with bad resources refused and everything that does not need them in force", () => {
    fc.assert(
      fc.property(plan, fc.array(action, { maxLength: 40 }), plan, (first, actions, last) => {
        const world = new World(snapshotFrom(first));
        run(world, actions);
        const final = snapshotFrom(last);
        world.update(final);
        world.settle();
        const refused = new Set(world.server.status().flatMap(({ refusals }) => refusals.map(({ name }) => name)));
        for (const kind of KINDS) {
          for (const [name, { version, references }] of resourcesOf(final, kind)) {
            const needed = [name, name.split("/")[0]!, ...references];
            if (kind === "eds" ? !world.proxy.held.cds.has(name) : needed.some((name) => refused.has(name))) continue;
            if (kind === "rds" || kind === "vhds" ? !world.proxy.held.lds.has(name.split("/")[0]!) : false) continue;
            expect([kind, name, world.proxy.held[kind].get(name)?.version]).toEqual([kind, name, version]);
          }
        }
      }),
      { numRuns: 100 },
    );
  }, 30_000);
});
