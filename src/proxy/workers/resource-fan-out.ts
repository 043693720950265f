// One subscription for all workers: a response goes to each of them, and is answered when all have taken it. What is in force is kept as
// the bytes that came, for workers that start later.

import { create, toBinary } from "@bufbuild/protobuf";
import type { Steps } from "../../base/steps.ts";
import {
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type Resource,
} from "../../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { RESOURCE_TYPES, type ResourceKind, SEND_ORDER } from "../../xds/type-urls.ts";
import type { Rejection, Update } from "../../xds/update.ts";
import type { ResourceSink, WantedResources } from "../resource-sink.ts";
import type { AssignedPorts, ToWorker } from "./messages.ts";

type Message = Extract<ToWorker, { kind: "resources" }>;
type Done = (rejections: readonly Rejection[]) => void;

/** A worker, as far as resources go. */
export interface ResourceTaker {
  readonly wanted: WantedResources;
  apply(message: Message, verdict: Done): void;
  keep(wanted: WantedResources): void;
}

interface Arrived {
  readonly kind: "update";
  readonly update: Update;
  readonly response: DeltaDiscoveryResponse;
  readonly done: Done;
}

/** One after the other: a worker that starts has what came before it, and gets what comes after. */
type Step = Arrived | { readonly kind: "worker"; readonly worker: ResourceTaker };

/** The part of a response that was asked for and can be read. */
function encoded({ kind, resources }: Update, response: DeltaDiscoveryResponse): Uint8Array {
  const names = new Set(resources.map(({ name }) => name));
  return responseOf(
    kind,
    response.resources.filter(({ name }) => names.has(name)),
    response.removedResources,
  );
}

function responseOf(
  kind: ResourceKind,
  resources: readonly Resource[],
  removedResources: readonly string[],
): Uint8Array {
  const { typeUrl } = RESOURCE_TYPES[kind];
  return toBinary(
    DeltaDiscoveryResponseSchema,
    create(DeltaDiscoveryResponseSchema, {
      typeUrl,
      resources: [...resources],
      removedResources: [...removedResources],
    }),
  );
}

function routeOf(virtualHost: string): string {
  return virtualHost.slice(0, virtualHost.indexOf("/"));
}

function union(
  workers: readonly ResourceTaker[],
  names: (wanted: WantedResources) => ReadonlySet<string>,
): Set<string> {
  return new Set(workers.flatMap(({ wanted }) => [...names(wanted)]));
}

export class ResourceFanOut implements ResourceSink {
  readonly #workers = new Set<ResourceTaker>();
  readonly #ports: () => AssignedPorts;
  readonly #onWanted: () => void;
  readonly #held = new Map<ResourceKind, Map<string, Resource>>();
  /** Route configurations of which VHDS said that they have no virtual hosts, as `<route configuration>/`. */
  readonly #hostless = new Set<string>();
  readonly #waiting: Step[] = [];
  #busy = false;
  #ids = 0;

  /** `ports`: what the system gave listeners that asked for any; `onWanted`: a worker that came asks for more than was wanted. */
  constructor(ports: () => AssignedPorts, onWanted: () => void) {
    this.#ports = ports;
    this.#onWanted = onWanted;
  }

  /** A worker takes part from now on, beginning with everything that is in force. */
  add(worker: ResourceTaker): void {
    this.#waiting.push({ kind: "worker", worker });
    this.#next();
  }

  remove(worker: ResourceTaker): void {
    this.#workers.delete(worker);
  }

  get wanted(): WantedResources {
    const workers = [...this.#workers];
    return {
      endpoints: union(workers, ({ endpoints }) => endpoints),
      routes: union(workers, ({ routes }) => routes),
      secrets: union(workers, ({ secrets }) => secrets),
    };
  }

  keep(wanted: WantedResources): void {
    const forget = (kind: ResourceKind, isKept: (name: string) => boolean): void => {
      const held = this.#held.get(kind);
      for (const name of held?.keys() ?? []) if (!isKept(name)) held?.delete(name);
    };
    forget("eds", (name) => wanted.endpoints.has(name));
    forget("rds", (name) => wanted.routes.has(name));
    forget("vhds", (name) => wanted.routes.has(routeOf(name)));
    for (const name of this.#hostless) if (!wanted.routes.has(routeOf(name))) this.#hostless.delete(name);
    for (const worker of this.#workers) worker.keep(wanted);
  }

  // biome-ignore lint/correctness/useYield: it goes on with the workers' verdicts, not with its own steps
  *apply(update: Update, response: DeltaDiscoveryResponse, done: Done): Steps<void> {
    this.#waiting.push({ kind: "update", update, response, done });
    this.#next();
  }

  #next(): void {
    if (this.#busy) return;
    // What nobody has taken must not be acknowledged.
    const at = this.#workers.size > 0 ? 0 : this.#waiting.findIndex(({ kind }) => kind === "worker");
    const [step] = at === -1 ? [] : this.#waiting.splice(at, 1);
    if (!step) return;
    this.#busy = true;
    const done = (): void => {
      this.#busy = false;
      this.#next();
    };
    if (step.kind === "worker") this.#replay(step.worker, done);
    else
      this.#distribute(encoded(step.update, step.response), (rejections) => {
        this.#hold(step, rejections);
        step.done(rejections);
        done();
      });
  }

  /** The first worker goes ahead: a listener that asks for any port gets one there, and the others bind the same. */
  #distribute(response: Uint8Array, done: Done): void {
    const [first, ...others] = this.#workers;
    if (!first) {
      done([]);
      return;
    }
    const id = ++this.#ids;
    first.apply(this.#message(id, response), (rejections) => {
      let owed = others.length;
      if (owed === 0) done(rejections);
      const message = this.#message(id, response);
      for (const worker of others)
        worker.apply(message, () => {
          if (--owed === 0) done(rejections);
        });
    });
  }

  #message(id: number, response: Uint8Array): Message {
    return { kind: "resources", id, response, ports: this.#ports() };
  }

  #hold({ update: { kind, resources }, response }: Arrived, rejections: readonly Rejection[]): void {
    const held = this.#held.get(kind) ?? new Map<string, Resource>();
    this.#held.set(kind, held);
    const taken = new Set(resources.map(({ name }) => name));
    for (const { name } of rejections) taken.delete(name);
    for (const resource of response.resources) if (taken.has(resource.name)) held.set(resource.name, resource);
    for (const name of response.removedResources) {
      if (kind !== "sds") held.delete(name); // secrets stay until they are replaced
      if (kind === "vhds" && name.endsWith("/")) this.#hostless.add(name);
    }
  }

  #replay(worker: ResourceTaker, done: () => void): void {
    this.#workers.add(worker);
    let owed = 1;
    const taken = (): void => {
      if (--owed > 0) return;
      this.#onWanted();
      done();
    };
    for (const kind of SEND_ORDER) {
      const held = this.#held.get(kind);
      if (!held) continue;
      owed++;
      const response = responseOf(kind, [...held.values()], kind === "vhds" ? [...this.#hostless] : []);
      worker.apply(this.#message(++this.#ids, response), taken);
    }
    taken();
  }
}
