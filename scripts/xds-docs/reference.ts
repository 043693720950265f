// Every message that is reached from a resource, with what becomes of its fields. A message is probed where it is met first with an effect.

import type { DescEnum, DescField, DescMessage, Registry } from "@bufbuild/protobuf";
import { EXTENSION_TYPES } from "../../src/xds/any.ts";
import {
  isValue,
  type Outcome,
  outcome,
  type Place,
  placeFor,
  placesIn,
  sampleOf,
  setField,
  type Verdict,
  valuesOf,
  verdictOf,
  withoutField,
} from "./probe.ts";
import { type Json, type JsonMessage, OPAQUE } from "./samples.ts";

export interface FieldReference {
  readonly name: string;
  readonly verdict: Verdict;
  /** Type as people read it. */
  readonly type: string;
  /** Messages that an Any may hold here. */
  readonly extensions: readonly string[];
  /** Values of an enum that are refused, when others are taken. */
  readonly refusedValues: readonly string[];
  readonly deprecated: boolean;
}

export interface MessageReference {
  readonly typeName: string;
  readonly fields: readonly FieldReference[];
}

interface Pending {
  readonly message: DescMessage;
  readonly place: Place;
}

/** Scalars by ScalarType's number. */
const SCALARS = [
  "",
  "double",
  "float",
  "int64",
  "uint64",
  "int32",
  "fixed64",
  "fixed32",
  "bool",
  "string",
  "",
  "",
  "bytes",
  "uint32",
];

function typeText(field: DescField): string {
  const name = field.message?.name ?? field.enum?.name ?? SCALARS[field.scalar ?? 0] ?? "number";
  return field.fieldKind === "list" ? `list of ${name}` : field.fieldKind === "map" ? `map to ${name}` : name;
}

/** A message in which nothing is read makes the field that holds it one without effect. */
interface Described extends MessageReference {
  readonly fields: readonly DescribedField[];
}

interface DescribedField extends FieldReference {
  readonly holds: string | undefined;
}

/** A flag that is refused one way is refused. */
const STRONGEST: readonly Verdict[] = ["refused", "taken", "no-effect"];

/** Places where a message is probed until one is found in which it has an effect. */
const MAX_TRIES = 4;

/** An Any that takes more than this takes everything: nobody looks at it. */
const MAX_EXTENSIONS_UNREAD = 40;

export class Reference {
  readonly faults: string[] = [];
  readonly #registry: Registry;
  readonly #met = new Map<string, Described>();
  readonly #tries = new Map<string, number>();
  /** Messages of fields with an effect are probed there, before another place is looked at where nobody reads them. */
  #read: Pending[] = [];
  #unread: Pending[] = [];

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Probes every message that can be reached from a resource. */
  probe(place: Place): void {
    this.#read.push({ message: place.root, place });
    for (let next = this.#next(); next; next = this.#next()) {
      const { message, place: at } = next;
      if (isValue(message) || !this.#isWorthProbing(message)) continue;
      this.#met.set(message.typeName, this.#describe(message, at));
    }
  }

  /** Again where nothing of it was read before: it may have been met where nobody looks at it. */
  #isWorthProbing({ typeName }: DescMessage): boolean {
    const tries = this.#tries.get(typeName) ?? 0;
    this.#tries.set(typeName, tries + 1);
    if (tries === 0) return true;
    return tries < MAX_TRIES && !this.#met.get(typeName)?.fields.some(({ verdict }) => verdict === "taken");
  }

  #next(): Pending | undefined {
    return this.#read.shift() ?? this.#unread.shift();
  }

  /** Messages with something in them that is taken, in the order in which fields lead to them; those of `shown` and `elsewhere` left out. */
  messagesOf(typeName: string, shown: Set<string>, elsewhere: readonly string[]): readonly MessageReference[] {
    const effective = this.#effective();
    const messages: MessageReference[] = [];
    const queue = [typeName];
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const described = this.#met.get(name);
      if (!described || shown.has(name) || (name !== typeName && elsewhere.includes(name))) continue;
      shown.add(name);
      const fields = described.fields.map((field) => this.#judged(field, effective));
      messages.push({ typeName: name, fields });
      for (const { verdict, holds, extensions } of fields) {
        if (verdict !== "taken") continue;
        if (holds !== undefined && effective.has(holds)) queue.push(holds);
        queue.push(...extensions);
      }
    }
    return messages;
  }

  #judged(field: DescribedField, effective: ReadonlySet<string>): DescribedField {
    const { verdict, holds } = field;
    return verdict === "no-effect" && holds !== undefined && effective.has(holds)
      ? { ...field, verdict: "taken" }
      : field;
  }

  /** Messages with a field that has an effect, or that lead to one. */
  #effective(): ReadonlySet<string> {
    const effective = new Set<string>();
    for (let size = -1; size !== effective.size; ) {
      size = effective.size;
      for (const [name, described] of this.#met)
        if (
          described?.fields.some(
            ({ verdict, holds }) =>
              verdict === "taken" || (verdict === "no-effect" && holds !== undefined && effective.has(holds)),
          )
        )
          effective.add(name);
    }
    return effective;
  }

  #describe(message: DescMessage, place: Place): Described {
    const before = outcome(place, this.#registry);
    for (const { path, reason } of before.rejections)
      this.faults.push(`scripts/xds-docs/samples.ts: the sample of ${message.typeName} is refused: ${path}: ${reason}`);
    const fields = message.fields.map((field) => this.#field(field, place, before));
    return { typeName: message.typeName, fields };
  }

  #field(field: DescField, at: Place, outcomeThere: Outcome): DescribedField {
    const place = placeFor(at, field);
    const before = place === at ? outcomeThere : outcome(place, this.#registry);
    const common = { name: field.name, type: typeText(field), deprecated: field.deprecated, holds: undefined };
    if (field.message?.typeName === "google.protobuf.Any") return { ...common, ...this.#any(field, place, before) };
    if (field.enum) return { ...common, extensions: [], ...this.#enum(field, field.enum, place, before) };
    const { message } = field;
    if (!message || isValue(message)) {
      const verdicts = valuesOf(field).map((value) =>
        this.#verdict(field, place, before, setField(place, field, value).resource),
      );
      return {
        ...common,
        verdict: STRONGEST.find((verdict) => verdicts.includes(verdict))!,
        extensions: [],
        refusedValues: [],
      };
    }
    const { resource, inner } = setField(place, field);
    const verdict = this.#verdict(field, place, before, resource);
    if (OPAQUE.has(message.typeName)) return { ...common, verdict, extensions: [], refusedValues: [] };
    if (verdict === "taken") this.#read.push({ message, place: inner });
    else if (verdict === "no-effect") this.#unread.push({ message, place: inner });
    return { ...common, verdict, extensions: [], refusedValues: [], holds: message.typeName };
  }

  /** A value that the sample has already is compared with what comes without it. */
  #verdict(field: DescField, place: Place, before: Outcome, resource: JsonMessage): Verdict {
    const after = outcome({ ...place, resource }, this.#registry);
    const verdict = verdictOf(field, before, after);
    if (verdict !== "no-effect") return verdict;
    const without = outcome({ ...place, resource: withoutField(place, field) }, this.#registry);
    return without.table === after.table ? "no-effect" : "taken";
  }

  #enum(
    field: DescField,
    { values }: DescEnum,
    place: Place,
    before: Outcome,
  ): Pick<FieldReference, "verdict" | "refusedValues"> {
    const verdicts = values.map((value): readonly [string, Verdict] => {
      const { resource } = setField(place, field, value.name);
      return [value.name, this.#verdict(field, place, before, resource)];
    });
    const set = verdicts.filter((_, i) => values[i]!.number !== 0);
    const refused = set.filter(([, verdict]) => verdict === "refused").map(([name]) => name);
    if (refused.length === set.length && set.length > 0) return { verdict: "refused", refusedValues: [] };
    return { verdict: set.some(([, one]) => one === "taken") ? "taken" : "no-effect", refusedValues: refused };
  }

  #any(
    field: DescField,
    place: Place,
    before: Outcome,
  ): Pick<FieldReference, "verdict" | "extensions" | "refusedValues"> {
    const found: { readonly schema: DescMessage; readonly inner: Place }[] = [];
    for (const schema of EXTENSION_TYPES) {
      const sample = sampleOf(schema);
      const content = isValue(schema) ? { value: sample } : (sample as JsonMessage);
      const value: Json = { "@type": `type.googleapis.com/${schema.typeName}`, ...content };
      for (const one of placesIn(place, field)) {
        const { resource, inner } = setField(one, field, value);
        if (!takesExtension(field, before, outcome({ ...one, resource }, this.#registry))) continue;
        found.push({ schema, inner });
        break;
      }
    }
    if (found.length > MAX_EXTENSIONS_UNREAD) return { verdict: "no-effect", extensions: [], refusedValues: [] };
    for (const { schema, inner } of found) this.#read.push({ message: schema, place: inner });
    const extensions = found.map(({ schema }) => schema.typeName);
    return { verdict: extensions.length > 0 ? "taken" : "refused", extensions, refusedValues: [] };
  }
}

function takesExtension(field: DescField, before: Outcome, after: Outcome): boolean {
  return (
    verdictOf(field, before, after) !== "refused" &&
    !after.rejections.some(({ reason }) => /^type "|^filter "|^configuration "|not supported/.test(reason))
  );
}
