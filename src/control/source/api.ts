// Objects from an API server, Kubernetes' own or the embedded one: every kind that a dialect reads, kept current by list and watch.

import { logger } from "../../base/log.ts";
import { type SourceObject, sourceObject } from "../../dialect/object.ts";
import { DIALECTS } from "../../dialect/readers.ts";
import type { KubeClient } from "../../kube/client/client.ts";
import { Informer } from "../../kube/client/informer.ts";
import { equalJson, isJsonObject } from "../../kube/json.ts";
import { type KubeObject, keyOf, nameOf } from "../../kube/object.ts";
import { type ResourceType, resourceByKind } from "../../kube/resources.ts";
import { conditionsOf, hasMeshStatus, isObjectCondition } from "../status/condition.ts";
import type { Source, SourceListener } from "./source.ts";

const log = logger("control");

/** The kinds that dialects read, as the API serves them. */
function watchedTypes(): ResourceType[] {
  return DIALECTS.flatMap(({ kinds }) => kinds.flatMap(({ group, kind }) => resourceByKind(group, kind) ?? []));
}

export class ApiSource implements Source {
  readonly name = "the API";
  readonly #client: KubeClient;
  readonly #informers: Informer[] = [];
  readonly #held = new Map<string, SourceObject>();
  /** Hears of objects that say the same as before, but for what the control plane writes into their status. */
  readonly #onStatus: (object: SourceObject) => void;

  constructor(client: KubeClient, onStatus: (object: SourceObject) => void = () => {}) {
    this.#client = client;
    this.#onStatus = onStatus;
  }

  start(told: SourceListener): void {
    const listener = this.#remembering(told);
    for (const type of watchedTypes()) this.#informers.push(this.#informer(type, listener));
    for (const informer of this.#informers) informer.start();
    void Promise.all(this.#informers.map((informer) => informer.synced)).then(() => listener.onSynced());
  }

  #remembering(listener: SourceListener): SourceListener {
    return {
      onObject: (object) => {
        const before = this.#held.get(object.key);
        this.#held.set(object.key, object);
        if (before && saysTheSame(before, object)) this.#onStatus(object);
        else listener.onObject(object);
      },
      onDeleted: (key) => {
        this.#held.delete(key);
        listener.onDeleted(key);
      },
      onUnreadable: (place, diagnostics) => listener.onUnreadable(place, diagnostics),
      onSynced: () => listener.onSynced(),
    };
  }

  #informer(type: ResourceType, listener: SourceListener): Informer {
    let known = new Map<string, string>();
    const tell = (object: KubeObject): void => {
      const key = tellObject(object, listener);
      if (key !== undefined) known.set(keyOf(nameOf(object)), key);
    };
    return new Informer(this.#client, type, {
      onSnapshot(objects) {
        const before = known;
        known = new Map();
        for (const object of objects) tell(object);
        for (const [name, key] of before) if (!known.has(name)) listener.onDeleted(key);
      },
      onAdded: tell,
      onModified: tell,
      onDeleted(object) {
        const name = keyOf(nameOf(object));
        const key = known.get(name);
        known.delete(name);
        if (key !== undefined) listener.onDeleted(key);
      },
    });
  }

  /** Everything that it has told and not taken back. */
  get held(): Iterable<SourceObject> {
    return this.#held.values();
  }

  stop(): void {
    for (const informer of this.#informers) void informer.stop();
  }
}

/** Whether two versions of an object differ in nothing but our conditions and the server's book-keeping. */
function saysTheSame(a: SourceObject, b: SourceObject): boolean {
  return hasMeshStatus(a.origin) && equalJson(said(a.value), said(b.value));
}

function said(value: SourceObject["value"]): unknown {
  const { metadata, status, ...content } = value;
  const { resourceVersion: _, managedFields: __, ...kept } = isJsonObject(metadata) ? metadata : {};
  const { conditions: ___, ...reported } = isJsonObject(status) ? status : {};
  const others = conditionsOf(value).filter((condition) => !isObjectCondition(condition));
  return { ...content, metadata: kept, status: reported, conditions: others };
}

/** @returns the object's key, or undefined when even its envelope is wrong, which an API server would not have let in. */
function tellObject(object: KubeObject, listener: SourceListener): string | undefined {
  const read = sourceObject(object);
  if (read.kind === "invalid") {
    log.warn("object cannot be read", {
      kind: object.kind,
      name: object.metadata.name,
      reason: read.diagnostics[0]?.message,
    });
    return undefined;
  }
  listener.onObject(read.object);
  return read.object.key;
}
