// The embedded Kubernetes API: what list, watch, apply and kubectl need, over the store. It is a function from a request to a
// response; server.ts puts it on a socket, and the control plane's own client may call it without one.

import { type Admit, admitAll } from "../admission.ts";
import { required } from "../field-error.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { timestamp } from "../object.ts";
import { type ResourceType, resource, type Verb } from "../resources.ts";
import type { Schema } from "../schema.ts";
import { Schemas, type SpecSchemas } from "../schemas/core.ts";
import {
  badRequest,
  failure,
  invalidObject,
  methodNotAllowed,
  pathNotFound,
  tooManyRequests,
  unavailable,
} from "../status.ts";
import type { Store } from "../store/store.ts";
import { negotiate } from "./accept.ts";
import { mediaTypeOf, readBody, requireObject } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { seedDefinitions } from "./definitions.ts";
import { deleteCollection, deleteObject, KEPT_NAMESPACES, readDeleteOptions } from "./delete.ts";
import { Documents } from "./documents.ts";
import { Encoder } from "./encode.ts";
import { generatedName } from "./generate-name.ts";
import { getObject, listPage } from "./list.ts";
import { readPatch } from "./patch/read-patch.ts";
import { hasProtobuf, PROTOBUF } from "./protobuf-body.ts";
import { failureReply, reply } from "./reply.ts";
import { Query, readTarget, readWriteOptions, type Target } from "./request.ts";
import { readWatchOptions, watchBody } from "./watch.ts";
import { creating, replacing, type Written, write } from "./write.ts";

export interface KubeApiOptions {
  readonly store: Store;
  /** Judges writes; without it everything well-formed is admitted. */
  readonly admit?: Admit;
  /** Schemas of the `spec` of custom resources; a kind without one takes any fields. */
  readonly specSchemas?: SpecSchemas;
  /** Schemas of whole objects for OpenAPI documents and definitions, which writes are not held against: `admit` says more. */
  readonly documentedSchemas?: ReadonlyMap<ResourceType, Schema>;
  readonly now?: () => Date;
  /** Watches at a time. A thousand is what a few hundred informers need; each is an open connection. */
  readonly maxWatches?: number;
  /** Other requests at a time, as Kubernetes' --max-requests-inflight. */
  readonly maxRequests?: number;
}

const WRITE_TYPES = ["application/json", "application/yaml"];
const DELETE_OPTIONS_TYPES = [...WRITE_TYPES, PROTOBUF];

/** One request about objects, read as far as every verb needs it. */
interface Call {
  readonly request: Request;
  readonly target: Target;
  readonly query: Query;
  readonly encoder: Encoder;
  readonly encoding: "json" | "yaml";
}

/** The API over one store. Making it seeds the namespaces that always exist and the definitions of the custom resources. */
export class KubeApi {
  readonly #context: ApiContext;
  readonly #documents: Documents;
  readonly #maxWatches: number;
  readonly #maxRequests: number;
  readonly #stop = new AbortController();
  #watches = 0;
  #requests = 0;

  constructor(options: KubeApiOptions) {
    const schemas = new Schemas(options.specSchemas, options.documentedSchemas);
    const { store, admit = admitAll, now = () => new Date() } = options;
    this.#context = { store, schemas, admit, now };
    this.#documents = new Documents(schemas);
    this.#maxWatches = options.maxWatches ?? 1_000;
    this.#maxRequests = options.maxRequests ?? 400;
    seedDefinitions(this.#context);
    for (const name of KEPT_NAMESPACES) this.#ensureNamespace(name);
  }

  /** Watches that are open. */
  get watches(): number {
    return this.#watches;
  }

  /** Ends all watches; requests after this are refused with 503. */
  close(): void {
    this.#stop.abort();
  }

  /** Answers any request; never rejects. */
  async handle(request: Request): Promise<Response> {
    this.#requests++;
    try {
      if (this.#stop.signal.aborted) throw unavailable("the server is shutting down");
      if (this.#requests > this.#maxRequests)
        throw tooManyRequests("too many requests at once, please try again later.", 1);
      return await this.#route(request);
    } catch (error) {
      return failureReply(error);
    } finally {
      this.#requests--;
    }
  }

  async #route(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (request.method === "GET") {
      const document = this.#documents.respond(request, url);
      if (document) return document;
    }
    const target = readTarget(url.pathname);
    if (!target) throw pathNotFound();
    const query = new Query(url.searchParams);
    const form = negotiate(request.headers.get("accept"), ["object", "table", "partial"]);
    const encoder = new Encoder(form, target, query, this.#context.now());
    const call: Call = { request, target, query, encoder, encoding: form.encoding };
    return target.name === "" ? this.#collection(call) : this.#object(call);
  }

  async #collection(call: Call): Promise<Response> {
    switch (call.request.method) {
      case "GET":
        return this.#isWatch(call) ? this.#watch(call) : this.#list(call);
      case "POST":
        return this.#create(call);
      case "DELETE":
        return this.#deleteCollection(call);
      default:
        throw methodNotAllowed();
    }
  }

  async #object(call: Call): Promise<Response> {
    const { request, target, query, encoder } = call;
    switch (request.method) {
      case "GET":
        if (this.#isWatch(call)) return this.#watch(call);
        this.#require(call, "get");
        return this.#ok(call, encoder.object(getObject(this.#context.store, target, query)));
      case "PUT":
        return this.#replace(call);
      case "PATCH":
        return this.#patch(call);
      case "DELETE":
        if (target.subresource !== "") throw methodNotAllowed();
        return this.#delete(call);
      default:
        throw methodNotAllowed();
    }
  }

  #require({ target }: Call, verb: Verb): void {
    if (target.type.verbs.includes(verb)) return;
    const details = { kind: target.type.plural, ...(target.type.group === "" ? {} : { group: target.type.group }) };
    throw failure(
      405,
      "MethodNotAllowed",
      `${verb} is not supported on resources of kind "${target.type.plural}"`,
      details,
    );
  }

  #ok({ encoding }: Call, body: JsonObject, warnings: readonly string[] = [], status = 200): Response {
    return reply(body, { encoding, warnings, status });
  }

  #written(call: Call, { object, created, warnings }: Written): Response {
    return this.#ok(call, call.encoder.object(object), warnings, created ? 201 : 200);
  }

  #isWatch({ query }: Call): boolean {
    return query.flag("watch");
  }

  #list(call: Call): Response {
    this.#require(call, "list");
    return this.#ok(call, call.encoder.list(listPage(this.#context.store, call.target, call.query)));
  }

  #watch(call: Call): Response {
    const { target, query, encoder, encoding } = call;
    this.#require(call, "watch");
    if (encoding === "yaml") throw failure(406, "NotAcceptable", "a watch is a stream of JSON");
    if (this.#watches >= this.#maxWatches)
      throw tooManyRequests(`at most ${this.#maxWatches} watches are served at once`, 5);
    const options = readWatchOptions(query, target);
    const body = watchBody(this.#context.store, options, encoder.events(), this.#stop.signal, () => this.#watches--);
    this.#watches++;
    return new Response(body, {
      headers: { "content-type": "application/json", "cache-control": "no-cache, private" },
    });
  }

  async #create(call: Call): Promise<Response> {
    const { request, target, query } = call;
    this.#require(call, "create");
    if (target.type.namespaced && target.namespace === "") throw methodNotAllowed();
    const options = readWriteOptions(query, "CreateOptions", request.headers.get("user-agent") ?? "");
    const body = await readBody(request, writeTypes(target.type));
    const input = requireObject(body);
    const named = { ...target, name: newName(target.type, input) };
    return this.#written(call, await write(this.#context, named, options, creating(named, input, body!.duplicates)));
  }

  async #replace(call: Call): Promise<Response> {
    const { request, target, query } = call;
    this.#require(call, "update");
    const options = readWriteOptions(query, "UpdateOptions", request.headers.get("user-agent") ?? "");
    const body = await readBody(request, writeTypes(target.type));
    const propose = replacing(target, requireObject(body), body!.duplicates);
    return this.#written(call, await write(this.#context, target, options, propose));
  }

  async #patch(call: Call): Promise<Response> {
    const { request, target, query } = call;
    this.#require(call, "patch");
    // An applier must name itself: what it stops mentioning is taken away by that name.
    const isApply = mediaTypeOf(request).startsWith("application/apply-patch");
    const options = readWriteOptions(query, "PatchOptions", isApply ? "" : (request.headers.get("user-agent") ?? ""));
    const propose = await readPatch(request, this.#context, target, options);
    return this.#written(call, await write(this.#context, target, options, propose));
  }

  async #delete(call: Call): Promise<Response> {
    const { request, target, query } = call;
    this.#require(call, "delete");
    const options = readDeleteOptions(query, await readDeleteBody(request));
    const { object, waits, warnings } = await deleteObject(this.#context, target, options);
    if (waits) return this.#ok(call, call.encoder.object(object), warnings);
    return this.#ok(call, deletedStatus(target.type, object.metadata.name, object.metadata.uid ?? ""), warnings);
  }

  async #deleteCollection(call: Call): Promise<Response> {
    const { request, target, query, encoder } = call;
    this.#require(call, "deletecollection");
    if (target.type.namespaced && target.namespace === "") throw methodNotAllowed();
    const options = readDeleteOptions(query, await readDeleteBody(request));
    const objects = await deleteCollection(this.#context, target, query.selector(target.type), options);
    const { version } = this.#context.store;
    return this.#ok(call, encoder.list({ version, objects, continueToken: "", remaining: undefined }));
  }

  #ensureNamespace(name: string): void {
    const { store, now } = this.#context;
    const type = resource.namespaces;
    if (store.get(type, { namespace: "", name })) return;
    const metadata = {
      name,
      uid: crypto.randomUUID(),
      creationTimestamp: timestamp(now()),
      labels: { "kubernetes.io/metadata.name": name },
    };
    const next = { apiVersion: "v1", kind: "Namespace", metadata, spec: {}, status: { phase: "Active" } };
    store.commit([{ type, previous: undefined, next }], true);
  }
}

function newName(type: ResourceType, input: JsonObject): string {
  const { metadata = {} } = input;
  if (!isJsonObject(metadata)) throw badRequest("metadata must be an object");
  const { name = "", generateName = "" } = metadata;
  if (typeof name !== "string" || typeof generateName !== "string") throw badRequest("metadata.name must be a string");
  if (name !== "") return name;
  if (generateName === "")
    throw invalidObject(type, "", [required("metadata.name", "name or generateName is required")]);
  return generatedName(generateName);
}

function writeTypes({ builtIn, kind }: ResourceType): readonly string[] {
  return builtIn && hasProtobuf(kind) ? [...WRITE_TYPES, PROTOBUF] : WRITE_TYPES;
}

async function readDeleteBody(request: Request): Promise<JsonObject | undefined> {
  const body = await readBody(request, DELETE_OPTIONS_TYPES);
  return body ? requireObject(body) : undefined;
}

function deletedStatus({ plural, group }: ResourceType, name: string, uid: string): JsonObject {
  const details = { name, ...(group === "" ? {} : { group }), kind: plural, uid };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}
