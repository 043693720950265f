// The client of a Kubernetes API server, for the kinds of the table. It speaks whichever served version the server has and
// hands out objects in the storage version, so that nobody else sees versions.

import { Failure } from "../../base/failure.ts";
import { fetchProblem } from "../../base/fetch-problem.ts";
import { isJsonObject, type Json } from "../json.ts";
import { joinApiVersion, type KubeObject, type NewObject, nameOf, type ObjectName, withApiVersion } from "../object.ts";
import { type ResourceType, storageApiVersion } from "../resources.ts";
import { hasReason, notFound, type Status, StatusFailure } from "../status.ts";
import type { ConnectionRequest, KubeConnection } from "./connection.ts";
import { readEvents, type WatchEvent } from "./events.ts";
import { ServedVersions } from "./served-versions.ts";

/** Objects a page; what client-go asks for. */
const PAGE = 500;

/** A server that accepts a request and never answers must not hold its caller; watches are exempt. */
const REQUEST_TIMEOUT_MS = 60_000;

/** Times a request is repeated because the server asked for it (429, 503 with Retry-After). */
const RETRIES = 4;

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** "" asks for the latest, "0" for whatever the server has at hand, anything else for nothing older. */
  readonly resourceVersion?: string;
}

export interface ObjectList {
  readonly resourceVersion: string;
  readonly objects: readonly KubeObject[];
}

export interface WatchRequest extends Omit<ListOptions, "resourceVersion"> {
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/** Strategic merge patches are for Kubernetes' own kinds only. */
export type ObjectPatch =
  | { readonly kind: "json"; readonly operations: readonly Json[] }
  | { readonly kind: "merge" | "strategic"; readonly patch: Json };

export interface WriteRequest {
  readonly subresource?: "status";
  readonly dryRun?: boolean;
  /** Take fields that others own (apply only). */
  readonly force?: boolean;
  /** What else is changed with it, for who judges the write. */
  readonly together?: readonly string[];
}

export interface DeleteRequest {
  readonly propagation?: "Foreground" | "Background" | "Orphan";
  /** Delete only the object that has this UID. */
  readonly uid?: string;
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: Json | NewObject;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

const PATCH_TYPES = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

/** One server, one identity. Methods reject with a StatusFailure for an answer of the server and a Failure when there is none. */
export class KubeClient {
  readonly #connection: KubeConnection;
  readonly #fieldManager: string;
  readonly #versions: ServedVersions;

  /** `fieldManager` names this program in the ownership of the fields that it writes. */
  constructor(connection: KubeConnection, fieldManager: string) {
    this.#connection = connection;
    this.#fieldManager = fieldManager;
    this.#versions = new ServedVersions((path) => this.#json({ method: "GET", path }));
  }

  /** Where objects go that name no namespace. */
  get namespace(): string {
    return this.#connection.namespace;
  }

  /** The object, or undefined when there is none. Any other answer rejects with a StatusFailure. */
  async get(type: ResourceType, name: ObjectName): Promise<KubeObject | undefined> {
    try {
      return stored(type, await this.#json({ method: "GET", path: await this.#path(type, name) }));
    } catch (error) {
      if (hasReason(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** All objects that match, in pages; a list that expires between pages is asked for at once. */
  async list(type: ResourceType, options: ListOptions = {}): Promise<ObjectList> {
    try {
      return await this.#pages(type, options, PAGE);
    } catch (error) {
      if (!hasReason(error, "Expired")) throw error;
      return this.#pages(type, { ...options, resourceVersion: "" }, 0);
    }
  }

  async create(type: ResourceType, object: NewObject, options: WriteRequest = {}): Promise<KubeObject> {
    const path = await this.#path(type, { namespace: this.#namespaceOf(type, object), name: "" });
    return this.#send(type, { method: "POST", path, body: object }, options);
  }

  /** Replaces the stored object, if it still has the resourceVersion of `object`; else rejects with Conflict. */
  async replace(type: ResourceType, object: KubeObject, options: WriteRequest = {}): Promise<KubeObject> {
    const path = await this.#path(type, nameOf(object), options.subresource);
    return this.#send(type, { method: "PUT", path, body: object }, options);
  }

  async patch(
    type: ResourceType,
    name: ObjectName,
    patch: ObjectPatch,
    options: WriteRequest = {},
  ): Promise<KubeObject> {
    const path = await this.#path(type, name, options.subresource);
    const body = patch.kind === "json" ? patch.operations : patch.patch;
    return this.#send(type, { method: "PATCH", path, body, contentType: PATCH_TYPES[patch.kind] }, options);
  }

  /** Server-side apply: creates the object or sets what `object` mentions. Rejects with Conflict on fields that others own. */
  async apply(type: ResourceType, object: NewObject & KubeObject, options: WriteRequest = {}): Promise<KubeObject> {
    const name = { namespace: this.#namespaceOf(type, object), name: object.metadata.name };
    const path = await this.#path(type, name, options.subresource);
    return this.#send(
      type,
      { method: "PATCH", path, body: object, contentType: "application/apply-patch+yaml" },
      options,
    );
  }

  /** Whether there was something to delete. */
  async delete(type: ResourceType, name: ObjectName, options: DeleteRequest = {}): Promise<boolean> {
    const body = {
      kind: "DeleteOptions",
      apiVersion: "v1",
      propagationPolicy: options.propagation ?? "Background",
      ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
    };
    try {
      await this.#json({ method: "DELETE", path: await this.#path(type, name), body });
      return true;
    } catch (error) {
      if (hasReason(error, "NotFound")) return false;
      throw error;
    }
  }

  /** The changes after a resourceVersion, until the server ends the stream or `signal` aborts. */
  async *watch(type: ResourceType, request: WatchRequest): AsyncGenerator<WatchEvent> {
    const { namespace = "", signal, timeoutSeconds, ...options } = request;
    const path = await this.#path(type, { namespace, name: "" });
    const query = { ...options, watch: "true", allowWatchBookmarks: "true", timeoutSeconds: String(timeoutSeconds) };
    const response = await this.#fetch({ method: "GET", path, query, signal });
    if (!response.body) return;
    for await (const event of readEvents(response.body)) {
      yield event.kind === "error"
        ? event
        : { ...event, object: withApiVersion(event.object, storageApiVersion(type)) };
    }
  }

  #namespaceOf(type: ResourceType, object: NewObject): string {
    return type.namespaced ? (object.metadata.namespace ?? this.namespace) : "";
  }

  async #pages(type: ResourceType, { namespace = "", ...options }: ListOptions, limit: number): Promise<ObjectList> {
    const path = await this.#path(type, { namespace, name: "" });
    const objects: KubeObject[] = [];
    let query: Record<string, string | undefined> = { ...options, ...(limit > 0 ? { limit: String(limit) } : {}) };
    for (;;) {
      const page = await this.#json({ method: "GET", path, query });
      if (!isJsonObject(page) || !Array.isArray(page.items)) throw new Failure(`${path}: the answer is not a list`);
      const metadata = isJsonObject(page.metadata) ? page.metadata : {};
      // The items of a list of Kubernetes' own kinds do not say what they are.
      const head = { apiVersion: storageApiVersion(type), kind: type.kind };
      for (const item of page.items) objects.push({ ...(item as unknown as KubeObject), ...head });
      if (!metadata.continue) return { resourceVersion: String(metadata.resourceVersion ?? ""), objects };
      const { resourceVersion: _, ...rest } = query;
      query = { ...rest, continue: String(metadata.continue) };
    }
  }

  async #path(type: ResourceType, { namespace, name }: ObjectName, subresource?: "status"): Promise<string> {
    const version = await this.#versions.of(type);
    if (version === undefined) throw notFound(type, name);
    const base = type.group === "" ? `/api/${version}` : `/apis/${type.group}/${version}`;
    const scope = type.namespaced && namespace !== "" ? `/namespaces/${encodeURIComponent(namespace)}` : "";
    const object = name === "" ? "" : `/${encodeURIComponent(name)}`;
    return `${base}${scope}/${type.plural}${object}${subresource ? `/${subresource}` : ""}`;
  }

  async #send(type: ResourceType, call: Call, options: WriteRequest): Promise<KubeObject> {
    const query = {
      fieldManager: this.#fieldManager,
      dryRun: options.dryRun ? "All" : undefined,
      force: options.force ? "true" : undefined,
      together: options.together && options.together.length > 0 ? options.together.join(",") : undefined,
    };
    const version = await this.#versions.of(type);
    const apiVersion = joinApiVersion(type.group, version ?? type.storageVersion);
    const isWhole = isJsonObject(call.body) && "metadata" in call.body && call.contentType !== PATCH_TYPES.merge;
    const body = isWhole ? ({ ...(call.body as NewObject), apiVersion } as NewObject) : call.body;
    return stored(type, await this.#json({ ...call, ...(body === undefined ? {} : { body }), query }));
  }

  async #json(call: Call): Promise<unknown> {
    const response = await this.#fetch(call);
    return response.json();
  }

  /** The response of a request that succeeded; repeats it when the server asks to, and once with new credentials after a 401. */
  async #fetch(call: Call): Promise<Response> {
    let rejected = false;
    for (let attempt = 0; ; attempt++) {
      const response = await this.#once(call, rejected);
      if (response.ok) return response;
      const failure = await failureOf(response, call);
      const after = Number(response.headers.get("retry-after") ?? Number.NaN);
      const mayRepeat = attempt < RETRIES && (response.status === 429 || response.status === 503) && after <= 10;
      if (response.status === 401 && !rejected) rejected = true;
      else if (mayRepeat) await Bun.sleep(after * 1_000);
      else throw failure;
    }
  }

  async #once(call: Call, rejected: boolean): Promise<Response> {
    const { server, tls, proxy, credentials, fetch } = this.#connection;
    const { headers, tls: own } = await credentials(rejected);
    const parameters = Object.entries(call.query ?? {}).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const query = parameters.length > 0 ? `?${new URLSearchParams(parameters)}` : "";
    const request: ConnectionRequest = {
      method: call.method,
      headers: {
        accept: "application/json",
        "user-agent": this.#fieldManager,
        ...(call.body === undefined ? {} : { "content-type": call.contentType ?? "application/json" }),
        ...headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      signal: call.signal ?? AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      tls: { ...tls, ...own },
      timeout: false,
      redirect: "error",
      ...(proxy === undefined ? {} : { proxy }),
    };
    try {
      return await fetch(`${server}${call.path}${query}`, request);
    } catch (cause) {
      throw new Failure(`cannot reach the Kubernetes API at ${server}: ${fetchProblem(cause)}`, {
        hint: "check that it runs, its address, and the certificate authority that is expected",
        cause,
      });
    }
  }
}

function stored(type: ResourceType, body: unknown): KubeObject {
  return withApiVersion(body as KubeObject, storageApiVersion(type));
}

/** What the server said, or as much as can be told when it was not an API server that said it. */
async function failureOf(response: Response, { method, path }: Call): Promise<StatusFailure> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (isJsonObject(body) && body.kind === "Status") return new StatusFailure(body as unknown as Status);
  } catch {
    // Not JSON: a proxy in between, or not an API server.
  }
  const message = `${method} ${path}: the server answered ${response.status}${text === "" ? "" : `: ${text.slice(0, 200)}`}`;
  const status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    code: response.status,
  } as const;
  return new StatusFailure({ ...status, reason: response.status === 404 ? "NotFound" : "Unknown" });
}
