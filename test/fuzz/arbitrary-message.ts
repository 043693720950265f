// Messages of any type, made by reflection: fields set or not, numbers at their edges, strings that mean something somewhere, an Any with
// a message of a type that may stand there, of one that may not, or with bytes that are no message.

import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";

const MAX_DEPTH = 7;

const TEXTS = [
  "",
  "a",
  "*",
  "*.example.com",
  "outbound|80|v1|a.default.svc.cluster.local",
  "/path",
  "x-header",
  ":method",
  "x_y",
  "%REQ(X)%",
  "%",
  "127.0.0.1",
  "::1",
  "0.0.0.0/0",
  "(",
  "(a+)+$",
  "\0",
  "é\r\n",
  "__proto__",
  "constructor",
  "spiffe://cluster.local/ns/a/sa/b",
  "default",
  "x".repeat(300),
];
const INTEGERS = [0, 1, 2, 80, 443, 100, 65_535, 65_536, 2 ** 31 - 1, 2 ** 32 - 1];
const LONGS = [0n, 1n, 60n, 10_000n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n, -1n];
const DOUBLES = [0, 1, 0.5, 100, -1, 1e308, Number.NaN, Number.POSITIVE_INFINITY];

/** Numbers from a seed (mulberry32): a failure is repeated by it. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer below `bound`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

export class MessageMaker {
  readonly #dice: Dice;
  /** What an Any may hold. */
  readonly #types: readonly DescMessage[];
  /** Of fields that are set, in percent. */
  readonly #density: number;

  constructor(dice: Dice, types: readonly DescMessage[], density: number) {
    this.#dice = dice;
    this.#types = types;
    this.#density = density;
  }

  make<D extends DescMessage>(schema: D, depth = 0): MessageShape<D> {
    if (schema.typeName === AnySchema.typeName) return this.#any(depth) as unknown as MessageShape<D>;
    const init: { [name: string]: unknown } = {};
    for (const member of schema.members) {
      if (depth > MAX_DEPTH || !this.#dice.chance(this.#density)) continue;
      if (member.kind === "oneof") {
        const field = this.#dice.pick(member.fields);
        const value = field.fieldKind === "message" ? this.make(field.message, depth + 1) : this.#value(field, depth);
        init[member.localName] = { case: field.localName, value };
      } else init[member.localName] = this.#value(member, depth);
    }
    return create(schema, init as MessageInitShape<D>);
  }

  #any(depth: number): Message {
    const dice = this.#dice;
    const schema = dice.pick(this.#types);
    const typeUrl = dice.chance(90) ? `type.googleapis.com/${schema.typeName}` : dice.pick(TEXTS);
    const value = dice.chance(90)
      ? toBinary(schema, this.make(schema, depth + 1))
      : Uint8Array.from({ length: dice.below(20) }, () => dice.below(256));
    return create(AnySchema, { typeUrl, value });
  }

  #value(field: DescField, depth: number): unknown {
    const dice = this.#dice;
    switch (field.fieldKind) {
      case "scalar":
        return this.#scalar(field.scalar);
      case "enum":
        return this.#enum(field.enum);
      case "message":
        return this.#singular(field.message, depth);
      case "list":
        return Array.from({ length: 1 + dice.below(3) }, () => this.#item(field, depth));
      case "map":
        return Object.fromEntries(
          Array.from({ length: 1 + dice.below(2) }, () => [
            field.mapKey === ScalarType.STRING ? dice.pick(TEXTS) : dice.pick(INTEGERS),
            this.#item(field, depth),
          ]),
        );
    }
  }

  /** protobuf-es has wrappers and structs as the plain values that they hold, but for those in lists and oneofs. */
  #singular(schema: DescMessage, depth: number): unknown {
    const [wrapped] = schema.fields;
    if (schema.file.name === "google/protobuf/wrappers" && wrapped?.fieldKind === "scalar")
      return this.#scalar(wrapped.scalar);
    if (schema.typeName === "google.protobuf.Struct")
      return { [this.#dice.pick(TEXTS)]: this.#dice.pick(TEXTS), list: [1, null, { a: true }] };
    return this.make(schema, depth + 1);
  }

  #item(field: DescField & { fieldKind: "list" | "map" }, depth: number): unknown {
    const kind = field.fieldKind === "list" ? field.listKind : field.mapKind;
    if (kind === "message") return this.make(field.message as DescMessage, depth + 1);
    return kind === "enum" ? this.#enum(field.enum as DescEnum) : this.#scalar(field.scalar as ScalarType);
  }

  #enum(desc: DescEnum): number {
    return this.#dice.chance(95) ? this.#dice.pick(desc.values).number : 999;
  }

  #scalar(type: ScalarType): unknown {
    const dice = this.#dice;
    switch (type) {
      case ScalarType.STRING:
        return dice.pick(TEXTS);
      case ScalarType.BOOL:
        return dice.chance(50);
      case ScalarType.BYTES:
        return Uint8Array.from({ length: dice.below(8) }, () => dice.below(256));
      case ScalarType.DOUBLE:
      case ScalarType.FLOAT:
        return dice.pick(type === ScalarType.FLOAT ? DOUBLES.filter((value) => Math.abs(value) < 1e30) : DOUBLES);
      case ScalarType.INT64:
      case ScalarType.SINT64:
      case ScalarType.SFIXED64:
        return dice.pick(LONGS);
      case ScalarType.UINT64:
      case ScalarType.FIXED64:
        return dice.pick(LONGS.filter((value) => value >= 0n));
      case ScalarType.INT32:
      case ScalarType.SINT32:
      case ScalarType.SFIXED32:
        return dice.pick([...INTEGERS.filter((value) => value < 2 ** 31), -1]);
      default:
        return dice.pick(INTEGERS);
    }
  }
}
