// A message from its JSON, without what the library leaves behind. `fromJson` compiles a reader for every message that the type can
// reach, and keeps them: from Bootstrap that is all of Envoy's API, 40,000 objects and 2 MB of a process that reads one document and no more. Here
// it sees only the fields that the document names, in descriptors that are forgotten with it.

import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageShape,
  type Registry,
} from "@bufbuild/protobuf";
import { jsonRegistry } from "./any.ts";

function collectKeys(json: JsonValue, keys: Set<string>): void {
  if (Array.isArray(json)) for (const item of json) collectKeys(item, keys);
  else if (typeof json === "object" && json !== null) {
    for (const [key, value] of Object.entries(json)) {
      keys.add(key);
      collectKeys(value, keys);
    }
  }
}

/** `target` with some members of its own in place of the target's. A proxy, because descriptors have private fields. */
function overlay<T extends object>(target: T, members: Readonly<Record<string, () => unknown>>): T {
  return new Proxy(target, {
    get: (_, key) =>
      typeof key === "string" && Object.hasOwn(members, key) ? members[key]!() : Reflect.get(target, key, target),
  });
}

class Narrowed {
  readonly #keys = new Set<string>();
  readonly #messages = new Map<DescMessage, DescMessage>();

  constructor(json: JsonValue) {
    collectKeys(json, this.#keys);
  }

  message<T extends DescMessage>(desc: T): T {
    // Well-known types have a JSON form of their own, which does not name their fields.
    if (desc.typeName.startsWith("google.protobuf.")) return desc;
    let narrowed = this.#messages.get(desc);
    if (!narrowed) {
      let fields: readonly DescField[] | undefined;
      narrowed = overlay<DescMessage>(desc, {
        fields: () => {
          fields ??= desc.fields
            .filter(({ name, jsonName }) => this.#keys.has(name) || this.#keys.has(jsonName))
            .map((field) => this.#field(field));
          return fields;
        },
      });
      this.#messages.set(desc, narrowed);
    }
    return narrowed as T;
  }

  #field(field: DescField): DescField {
    const { message } = field;
    return message ? overlay(field, { message: () => this.message(message) }) : field;
  }

  registry(whole: Registry): Registry {
    const getMessage = (name: string) => {
      const desc = whole.getMessage(name);
      return desc && this.message(desc);
    };
    return overlay(whole, { getMessage: () => getMessage });
  }
}

/** @throws Error naming the field when `json` is not a `schema`, or holds an Any of a type that Heddle does not know. */
export function readJson<Schema extends DescMessage>(schema: Schema, json: JsonValue): MessageShape<Schema> {
  const narrowed = new Narrowed(json);
  return fromJson(narrowed.message(schema), json, { registry: narrowed.registry(jsonRegistry()) });
}
