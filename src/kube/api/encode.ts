// Objects on their way out, in the version and the form that the client asked for.

import type { JsonObject } from "../json.ts";
import { asJson, joinApiVersion, type KubeObject, withApiVersion } from "../object.ts";
import type { Form } from "./accept.ts";
import type { Page } from "./list.ts";
import type { Query, Target } from "./request.ts";
import { partialObject, readRowObject, type TableOptions, table } from "./table.ts";
import type { Encode } from "./watch.ts";

/** Encodes for one request: its version, its form, its time. */
export class Encoder {
  readonly #form: Form;
  readonly #apiVersion: string;
  readonly #target: Target;
  readonly #table: TableOptions;

  constructor(form: Form, target: Target, query: Query, now: Date) {
    const { type, version } = target;
    this.#form = form;
    this.#target = target;
    this.#apiVersion = joinApiVersion(type.group, version);
    this.#table = { type, version: form.version, rowObject: readRowObject(query.text("includeObject")), now };
  }

  #versioned(object: KubeObject): KubeObject {
    return withApiVersion(object, this.#apiVersion);
  }

  object(object: KubeObject): JsonObject {
    const versioned = this.#versioned(object);
    if (this.#form.shape === "partial") return partialObject(versioned, this.#form.version);
    if (this.#form.shape !== "table") return asJson(versioned);
    return table([versioned], { resourceVersion: object.metadata.resourceVersion ?? "" }, this.#table);
  }

  list({ version, objects, continueToken, remaining }: Page): JsonObject {
    const { shape } = this.#form;
    const versioned = objects.map((object) => this.#versioned(object));
    const metadata = {
      resourceVersion: String(version),
      ...(continueToken === "" ? {} : { continue: continueToken }),
      ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
    };
    if (shape === "table") return table(versioned, metadata, this.#table);
    if (shape === "partial") {
      const items = versioned.map((object) => partialObject(object, this.#form.version));
      return { kind: "PartialObjectMetadataList", apiVersion: `meta.k8s.io/${this.#form.version}`, metadata, items };
    }
    const kind = `${this.#target.type.kind}List`;
    return { kind, apiVersion: this.#apiVersion, metadata, items: versioned.map(asJson) };
  }

  /** For the objects of a watch. A Table names its columns in the first event only. */
  events(): Encode {
    let headed = true;
    return (object, type) => {
      const versioned = this.#versioned(object);
      if (this.#form.shape === "partial") return partialObject(versioned, this.#form.version);
      if (this.#form.shape !== "table") return asJson(versioned);
      const rows = type === "BOOKMARK" ? [] : [versioned];
      const encoded = table(rows, { resourceVersion: object.metadata.resourceVersion ?? "" }, this.#table, headed);
      headed = false;
      return encoded;
    };
  }
}
