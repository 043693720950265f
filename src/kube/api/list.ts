// GET of one object and of a collection, at the version that the client asks for.

import { type FieldError, forbidden, notSupported } from "../field-error.ts";
import type { KubeObject } from "../object.ts";
import { keyOf, nameOf } from "../object.ts";
import type { ResourceType } from "../resources.ts";
import { matches, type Selector, selectsEverything } from "../selector.ts";
import { badRequest, expired, failure, invalidOptions, notFound, StatusFailure, versionInFuture } from "../status.ts";
import type { Snapshot, Store } from "../store/store.ts";
import type { Query, Target } from "./request.ts";

export interface Page {
  readonly version: number;
  readonly objects: readonly KubeObject[];
  /** Where the next page begins; "" on the last one. */
  readonly continueToken: string;
  /** How many objects follow this page; undefined where Kubernetes does not count either (with a selector). */
  readonly remaining: number | undefined;
}

interface Continuation {
  readonly version: number;
  /** The key of the last object of the page before. */
  readonly after: string;
}

const EXPIRED_CONTINUE =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue " +
  "parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided " +
  "token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was " +
  "returned and now may show up in the list.";

function encodeContinue({ version, after }: Continuation): string {
  return Buffer.from(JSON.stringify({ v: "heddle/1", rv: version, after })).toString("base64url");
}

function decodeContinue(token: string): Continuation {
  try {
    const { v, rv, after } = JSON.parse(Buffer.from(token, "base64url").toString());
    if (v === "heddle/1" && Number.isSafeInteger(rv) && typeof after === "string") return { version: rv, after };
  } catch {
    // Not one of ours, which is all that matters.
  }
  throw badRequest("continue key is not valid: it is not a token that this server made");
}

/** The version of a resourceVersion parameter; undefined when absent. */
export function versionOf(text: string): number | undefined {
  if (text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  }
  return Number(text);
}

function snapshotOf(store: Store, type: ResourceType, query: Query, continuation: Continuation | undefined): Snapshot {
  const version = versionOf(query.text("resourceVersion"));
  const match = query.text("resourceVersionMatch");
  const wrong = (error: FieldError) => invalidOptions("ListOptions", error);
  if (match !== "" && match !== "Exact" && match !== "NotOlderThan") {
    throw wrong(notSupported("resourceVersionMatch", match, ["Exact", "NotOlderThan", ""]));
  }
  if (match !== "" && version === undefined) {
    throw wrong(
      forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    );
  }
  if (continuation) {
    if (version) throw badRequest("specifying resource version is not allowed when using continue");
    return continuation.version === 0
      ? store.list(type)
      : (store.listAt(type, continuation.version) ?? tooOld(continuation));
  }
  if (version !== undefined && version > store.version) throw versionInFuture(version, store.version);
  if (match !== "Exact") return store.list(type);
  if (version === 0) {
    throw wrong(forbidden("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  const snapshot = store.listAt(type, version!);
  if (snapshot) return snapshot;
  throw expired(`The resourceVersion for the provided list is too old: ${version}`);
}

/** 410 with a token that goes on from the same place in the current state, for those who accept the inconsistency. */
function tooOld({ after }: Continuation): never {
  const { status } = failure(410, "Expired", EXPIRED_CONTINUE);
  throw new StatusFailure({ ...status, metadata: { continue: encodeContinue({ version: 0, after }) } });
}

/** One page of a collection, by the query's selectors, limit, continue token and version. Throws 400, 410 or 504. */
export function listPage(store: Store, { type, namespace }: Target, query: Query): Page {
  const selector: Selector = query.selector(type);
  const limit = query.count("limit") ?? 0;
  const token = query.text("continue");
  const continuation = token === "" ? undefined : decodeContinue(token);
  const { version, objects } = snapshotOf(store, type, query, continuation);
  const rest = objects.filter(
    (object) =>
      (namespace === "" || object.metadata.namespace === namespace) &&
      (!continuation || keyOf(nameOf(object)) > continuation.after) &&
      matches(object, selector),
  );
  const page = limit === 0 ? rest : rest.slice(0, limit);
  if (page.length === rest.length) return { version, objects: page, continueToken: "", remaining: undefined };
  return {
    version,
    objects: page,
    continueToken: encodeContinue({ version, after: keyOf(nameOf(page.at(-1)!)) }),
    remaining: selectsEverything(selector) ? rest.length - page.length : undefined,
  };
}

/** The object; throws 404, and 504 when the client has seen a version that this server has not. */
export function getObject(store: Store, target: Target, query: Query): KubeObject {
  const version = versionOf(query.text("resourceVersion"));
  if (version !== undefined && version > store.version) throw versionInFuture(version, store.version);
  const object = store.get(target.type, target);
  if (!object) throw notFound(target.type, target.name);
  return object;
}
