// What a request is about, read from its path and query the way Kubernetes' RequestInfo does.

import { invalid, notSupported, tooLong } from "../field-error.ts";
import { type ResourceType, resourceByPath } from "../resources.ts";
import { parseFieldSelector, parseLabelSelector, type Selector } from "../selector.ts";
import { badRequest, invalidOptions, pathNotFound } from "../status.ts";

/** Objects of one kind: one (`name`) or a collection (`name` ""), in one namespace or (`namespace` "") in all. */
export interface Target {
  readonly type: ResourceType;
  /** The version of the kind that the client speaks. */
  readonly version: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: "" | "status";
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest(`the path segment ${JSON.stringify(segment)} is not valid percent-encoding`);
  }
}

/** Reads `/api/v1/...` and `/apis/GROUP/VERSION/...`; undefined for paths that are not about objects. */
export function readTarget(path: string): Target | undefined {
  const segments = path.split("/").slice(1);
  if (segments.at(-1) === "") segments.pop();
  const core = segments[0] === "api";
  if (!core && segments[0] !== "apis") return undefined;
  const [group, version, ...rest] = core
    ? ["", segments[1] ?? "", ...segments.slice(2).map(decoded)]
    : [decoded(segments[1] ?? ""), segments[2] ?? "", ...segments.slice(3).map(decoded)];
  if (rest.length === 0) return undefined;

  // `namespaces/x` alone is the namespace itself, `namespaces/x/pods` what is in it, `namespaces/x/status` its status.
  const inNamespace =
    rest[0] === "namespaces" && rest.length > 2 && !(core && rest[2] === "status" && rest.length === 3);
  const [namespace, plural, name, subresource, ...beyond] = inNamespace
    ? [rest[1]!, rest[2]!, rest[3], rest[4], ...rest.slice(5)]
    : ["", rest[0]!, rest[1], rest[2], ...rest.slice(3)];
  const type = resourceByPath(group!, version!, plural!);
  if (!type || beyond.length > 0) throw pathNotFound();
  if (subresource !== undefined && !(subresource === "status" && type.status)) throw pathNotFound();
  if (inNamespace !== type.namespaced && (name !== undefined || inNamespace)) throw pathNotFound();
  return {
    type,
    version: version!,
    namespace: namespace!,
    name: name ?? "",
    subresource: subresource === "status" ? "status" : "",
  };
}

/** Query parameters as Kubernetes reads them: the first of a name counts, unknown ones are ignored. */
export class Query {
  readonly #parameters: URLSearchParams;

  constructor(parameters: URLSearchParams) {
    this.#parameters = parameters;
  }

  text(name: string): string {
    return this.#parameters.get(name) ?? "";
  }

  all(name: string): readonly string[] {
    return this.#parameters.getAll(name).filter((value) => value !== "");
  }

  /** Go's strconv.ParseBool, and a bare `?watch` is true. */
  flag(name: string): boolean {
    const value = this.#parameters.get(name);
    if (value === null || value === "0" || /^(f|false)$/i.test(value)) return false;
    if (value === "" || value === "1" || /^(t|true)$/i.test(value)) return true;
    throw badRequest(`the query parameter ${name} must be true or false: ${JSON.stringify(value)}`);
  }

  /** A whole number from 0, or undefined when absent. */
  count(name: string): number | undefined {
    const value = this.text(name);
    if (value === "") return undefined;
    if (!/^\d{1,15}$/.test(value))
      throw badRequest(`the query parameter ${name} must be a whole number: ${JSON.stringify(value)}`);
    return Number(value);
  }

  selector(type: ResourceType): Selector {
    const labels = parseLabelSelector(this.text("labelSelector"));
    if (labels.kind === "error") throw badRequest(labels.message);
    const fields = parseFieldSelector(this.text("fieldSelector"), type.selectable);
    if (fields.kind === "error") throw badRequest(fields.message);
    return { labels: labels.value, fields: fields.value };
  }
}

/** How a write is to be done, whatever the verb. */
export interface WriteOptions {
  readonly dryRun: boolean;
  /** What happens to unknown and duplicate fields. */
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  /** Who writes, for the ownership of fields. */
  readonly fieldManager: string;
  readonly force: boolean;
  /** For who judges the write (kube/admission.ts): what else the writer is about to change. Kubernetes has no such parameter, and ignores it. */
  readonly together: readonly string[];
}

/** The kinds of options that Kubernetes names when one of them is wrong. */
export type OptionsKind = "CreateOptions" | "UpdateOptions" | "PatchOptions" | "DeleteOptions";

/** Whether this is a dry run; `All` is the one value there is. */
export function isDryRun(values: readonly unknown[], kind: OptionsKind): boolean {
  if (values.some((value) => value !== "All")) throw invalidOptions(kind, notSupported("dryRun", values, ["All"]));
  return values.length > 0;
}

/** Options of a create, update or patch. Throws 422 for values that Kubernetes does not have. */
export function readWriteOptions(query: Query, kind: OptionsKind, userAgent: string): WriteOptions {
  const fieldValidation = query.text("fieldValidation") || "Warn";
  if (fieldValidation !== "Strict" && fieldValidation !== "Warn" && fieldValidation !== "Ignore") {
    const supported = ["", "Ignore", "Strict", "Warn"];
    throw invalidOptions(kind, notSupported("fieldValidation", fieldValidation, supported));
  }
  const fieldManager = query.text("fieldManager");
  if (fieldManager.length > 128) throw invalidOptions(kind, tooLong("fieldManager", 128));
  if (/[^\x20-\x7e]/.test(fieldManager)) {
    throw invalidOptions(kind, invalid("fieldManager", fieldManager, "should only contain printable characters"));
  }
  return {
    dryRun: isDryRun(query.all("dryRun"), kind),
    fieldValidation,
    // Kubernetes takes the program's name from the user agent: `kubectl/v1.34.0 (linux/amd64)` is "kubectl".
    fieldManager: fieldManager || (userAgent.split("/")[0] ?? "").slice(0, 128),
    force: query.flag("force"),
    together: query
      .text("together")
      .split(",")
      .filter((key) => key !== ""),
  };
}
