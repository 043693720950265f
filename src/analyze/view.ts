// An object as an analyzer reads it: by its kind's table, with what is wrong with it left to whoever judges the object itself.

import type { Diagnostic } from "../base/diagnostic.ts";
import { decodeObject } from "../dialect/decode.ts";
import type { SourceObject } from "../dialect/object.ts";
import { Reporter } from "../dialect/reporter.ts";
import type { RecordSchema, Value } from "../dialect/schema.ts";
import type { Kind } from "./kinds.ts";

export interface View<T> {
  readonly object: SourceObject;
  readonly namespace: string;
  readonly name: string;
  readonly value: T;
}

export type ViewOf<K> = K extends Kind<infer S> ? View<Value<S>> : never;

export interface ReadView<T> {
  /** Undefined when a field is wrong. */
  readonly view: View<T> | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export function isOfKind({ origin }: SourceObject, { group, kind }: Kind): boolean {
  return origin.kind === kind && origin.group === group;
}

export function readView<S extends RecordSchema>(kind: Kind<S>, object: SourceObject): ReadView<Value<S>> {
  const reporter = new Reporter(object);
  const view = viewOf<Value<S>>(object, decodeObject(kind.schema, object, reporter));
  return { view, diagnostics: reporter.diagnostics };
}

function viewOf<T>(object: SourceObject, value: T | undefined): View<T> | undefined {
  const { namespace, name } = object.origin;
  return value === undefined ? undefined : { object, namespace, name, value };
}

/** The object's view when it is of that kind and nothing is wrong with it. */
export function viewAs<S extends RecordSchema>(kind: Kind<S>, object: SourceObject): View<Value<S>> | undefined {
  return isOfKind(object, kind) ? readView(kind, object).view : undefined;
}

/** `VirtualService shop/web`. */
export function nameOf({ origin }: SourceObject): string {
  return `${origin.kind} ${origin.namespace}/${origin.name}`;
}
