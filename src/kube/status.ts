// What a Kubernetes API answers instead of an object: metav1.Status, and the failure that carries it to either side's caller.
// Reasons and wording: k8s.io/apimachinery/pkg/api/errors, because kubectl and controllers read both.

import { EXIT, type ExitCode, Failure } from "../base/failure.ts";
import type { FieldError } from "./field-error.ts";
import type { ResourceType } from "./resources.ts";

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The resource (plural) for most reasons, the kind for Invalid. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: { readonly continue?: string };
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

/** An answer other than the one asked for. The server throws it to refuse; the client rejects with what the server said. */
export class StatusFailure extends Failure {
  readonly status: Status;

  constructor(status: Status, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(status.message ?? status.reason ?? `status ${status.code}`, { ...options, exit: exitOf(status) });
    this.name = "StatusFailure";
    this.status = status;
  }

  get reason(): string {
    return this.status.reason ?? "";
  }
}

/** What is wrong with the object itself is bad data; anything else went wrong on the way. */
function exitOf({ reason }: Status): ExitCode {
  return reason === "Invalid" || reason === "BadRequest" ? EXIT.data : EXIT.failure;
}

/** Any Status that refuses. The functions below are the ones with fixed wording. */
export function failure(code: number, reason: string, message: string, details?: StatusDetails): StatusFailure {
  return new StatusFailure({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details ? { details } : {}),
    code,
  });
}

/** Whether a promise was rejected for this reason: `NotFound`, `Conflict`, `Expired`, … */
export function hasReason(thrown: unknown, reason: string): thrown is StatusFailure {
  return thrown instanceof StatusFailure && thrown.reason === reason;
}

/** `virtualservices.networking.istio.io`, `services`. */
export function qualifiedResource({ plural, group }: ResourceType): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function detailsOf({ plural, group }: ResourceType, name: string): StatusDetails {
  return { name, ...(group === "" ? {} : { group }), kind: plural };
}

/** 400: the request itself is wrong. */
export function badRequest(message: string): StatusFailure {
  return failure(400, "BadRequest", message);
}

/** 403: this is not allowed, whoever asks. */
export function forbidden(type: ResourceType, name: string, why: string): StatusFailure {
  const message = `${qualifiedResource(type)} ${JSON.stringify(name)} is forbidden: ${why}`;
  return failure(403, "Forbidden", message, detailsOf(type, name));
}

/** 404 for an object. */
export function notFound(type: ResourceType, name: string): StatusFailure {
  const message = `${qualifiedResource(type)} ${JSON.stringify(name)} not found`;
  return failure(404, "NotFound", message, detailsOf(type, name));
}

/** 404 for a path, as kubectl knows it from a server without the kind. */
export function pathNotFound(): StatusFailure {
  return failure(404, "NotFound", "the server could not find the requested resource", {});
}

/** 405: the path exists, the method does not. */
export function methodNotAllowed(): StatusFailure {
  return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

/** 409 for a create of what is there. */
export function alreadyExists(type: ResourceType, name: string): StatusFailure {
  const message = `${qualifiedResource(type)} ${JSON.stringify(name)} already exists`;
  return failure(409, "AlreadyExists", message, detailsOf(type, name));
}

/** 409 for an update of what has changed since. */
export function conflict(type: ResourceType, name: string, why: string): StatusFailure {
  const message = `Operation cannot be fulfilled on ${qualifiedResource(type)} ${JSON.stringify(name)}: ${why}`;
  return failure(409, "Conflict", message, detailsOf(type, name));
}

export const MODIFIED = "the object has been modified; please apply your changes to the latest version and try again";

/** A resourceVersion from before the retained history: list again, watch from there. */
export function expired(message: string): StatusFailure {
  return failure(410, "Expired", message);
}

/** 413: more than the limits allow. */
export function tooLarge(message: string): StatusFailure {
  return failure(413, "RequestEntityTooLarge", `Request entity too large: ${message}`);
}

/** 415, with the types that would be accepted. */
export function unsupportedMediaType(accepted: readonly string[]): StatusFailure {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return failure(415, "UnsupportedMediaType", message);
}

/** 422 with one cause for each field that is wrong. */
export function invalidObject(type: ResourceType, name: string, errors: readonly FieldError[]): StatusFailure {
  const texts = errors.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
  const kind = type.group === "" ? type.kind : `${type.kind}.${type.group}`;
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return failure(422, "Invalid", `${kind} ${JSON.stringify(name)} is invalid: ${list}`, {
    name,
    ...(type.group === "" ? {} : { group: type.group }),
    kind: type.kind,
    causes: errors.map(({ reason, field, message }) => ({ reason, message, field })),
  });
}

/** 422 for query parameters, which Kubernetes treats as an object of the kind `PatchOptions`, `ListOptions`, …. */
export function invalidOptions(kind: string, error: FieldError): StatusFailure {
  const { field, message, reason } = error;
  const causes = [{ reason, message, field }];
  return failure(422, "Invalid", `${kind}.meta.k8s.io "" is invalid: ${field}: ${message}`, {
    group: "meta.k8s.io",
    kind,
    causes,
  });
}

/** 429: the client may ask again after so many seconds. */
export function tooManyRequests(why: string, retryAfterSeconds: number): StatusFailure {
  return failure(429, "TooManyRequests", `Too many requests: ${why}`, { retryAfterSeconds });
}

/** 500: the fault is here. */
export function internalError(message: string): StatusFailure {
  return failure(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
}

/** A resourceVersion that this server has not reached: it was read from another one, or from before a restore. */
export function versionInFuture(wanted: number, current: number): StatusFailure {
  const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`;
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
  return failure(504, "Timeout", message, { causes, retryAfterSeconds: 1 });
}

/** 503: not now. */
export function unavailable(why: string): StatusFailure {
  return failure(503, "ServiceUnavailable", why, { retryAfterSeconds: 1 });
}
