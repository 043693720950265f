// Field by field: what istio.io/api has is in the kinds' tables, with its type, names and oneofs, or stands here with the reason why not; and
// what only the tables have stands here as well.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RecordSchema, Schema } from "../schema.ts";
import { KINDS } from "./kinds.ts";

interface Message {
  /** In the fixture's words. */
  readonly fields: Map<string, string>;
  readonly oneofs: (readonly string[])[];
}

const { kinds, messages } = parse(readFileSync(join(import.meta.dir, "fields.fixture.txt"), "utf8"));

/** Types, names or oneofs that are another way here, by message and field. */
const OTHERWISE: Readonly<Record<string, string>> = {
  "HTTPFaultInjection.Abort.grpcStatus": "Istio takes the names of gRPC's codes alone",
  "TrafficPolicy.TunnelSettings.protocol": "Istio takes CONNECT and POST alone",
  "HTTPHealthCheckConfig.scheme": "Istio takes HTTP and HTTPS alone",
  "EnvoyFilter.EnvoyConfigObjectPatch.applyTo": "Istio refuses INVALID",
  "EnvoyFilter.Patch.operation": "Istio refuses INVALID",
  "TrafficExtension.phase": "later versions have an enum of its own, EXECUTION_PHASE_AUTHN and so on",
};

/** What the fixture's messages have not. */
const BEYOND: Readonly<Record<string, string>> = {
  "OutlierDetection.failurePercentageThreshold": "of 1.32",
  "ClientTLSSettings.caCertCredentialName": "of 1.32",
  "ServerTLSSettings.alpnProtocols": "of 1.32",
  "ServerTLSSettings.ecdhCurves": "of 1.32",
};

describe("the fields of istio.io/api", () => {
  for (const [kind, root] of kinds) {
    test(kind, () => {
      const table = KINDS.find((one) => one.kind === kind)!;
      expect(differences(table.schema.fields.spec as RecordSchema, root)).toEqual([]);
    });
  }

  test("no reason stands for nothing", () => {
    const all = [...kinds].flatMap(([kind, root]) => {
      const spec = KINDS.find((one) => one.kind === kind)?.schema.fields.spec as RecordSchema | undefined;
      return spec ? differences(spec, root, new Set(), true) : [];
    });
    const told = new Set(all.map((line) => line.slice(0, line.indexOf(":"))));
    expect([...Object.keys(OTHERWISE), ...Object.keys(BEYOND)].filter((name) => !told.has(name))).toEqual([]);
  });
});

/** `path: what differs`, of the message and those in it. `whole`: with those that have a reason. */
function differences(record: RecordSchema, name: string, seen = new Set<string>(), whole = false): readonly string[] {
  const message = messages.get(name);
  if (!message) return [`${name}: no such message`];
  const found: string[] = [];
  const tell = (field: string, what: string, reasons: Readonly<Record<string, string>>) => {
    if (whole || !Object.hasOwn(reasons, `${name}.${field}`)) found.push(`${name}.${field}: ${what}`);
  };
  for (const [field, type] of message.fields) {
    const schema = record.fields[field];
    if (!schema) tell(field, "is not in the table", {});
    else {
      const own = typeDifference(schema, type);
      if (own) tell(field, own, OTHERWISE);
      for (const [inner, of] of recordsIn(schema, type)) {
        const key = `${of} ${JSON.stringify(inner)}`;
        if (seen.has(key)) continue;
        seen.add(key);
        found.push(...differences(inner, of, seen, whole));
      }
    }
  }
  for (const field of Object.keys(record.fields))
    if (!message.fields.has(field)) tell(field, "is in the table alone", BEYOND);
  for (const oneof of message.oneofs) {
    const acted = oneof.filter((field) => record.fields[field]?.type !== "later");
    const isGroup = (record.exclusive ?? []).some((group) => acted.every((field) => group.includes(field)));
    if (acted.length > 1 && !isGroup) tell(oneof[0]!, `one of ${oneof.join(" ")}`, OTHERWISE);
  }
  return found;
}

const TYPES: Readonly<Record<string, readonly Schema["type"][]>> = {
  text: ["text"],
  bytes: ["text"],
  int: ["whole"],
  number: ["number"],
  flag: ["flag"],
  duration: ["duration"],
};

/** What is read and left out, with what happens instead, may be anything. */
function typeDifference(schema: Schema, type: string): string | undefined {
  if (schema.type === "later") return undefined;
  const inner = type.slice(1, -1);
  if (type.startsWith("[")) return schema.type === "list" ? typeDifference(schema.items, inner) : wrong(schema, type);
  if (type.startsWith("{")) return schema.type === "map" ? typeDifference(schema.values, inner) : wrong(schema, type);
  if (type.startsWith("<")) {
    if (schema.type !== "choice") return wrong(schema, type);
    const names = [...schema.choices].sort().join("|");
    return names === inner.split("|").sort().join("|") ? undefined : `<${names}> is ${type}`;
  }
  if (type === "struct") return schema.type === "record" && schema.open ? undefined : wrong(schema, type);
  const wanted = TYPES[type];
  if (wanted) return wanted.includes(schema.type) ? undefined : wrong(schema, type);
  return schema.type === "record" && !schema.open ? undefined : wrong(schema, type);
}

function wrong(schema: Schema, type: string): string {
  return `${schema.type} is ${type}`;
}

/** The records that a schema holds, with the names of their messages. */
function recordsIn(schema: Schema, type: string): readonly (readonly [RecordSchema, string])[] {
  switch (schema.type) {
    case "list":
      return recordsIn(schema.items, type.slice(1, -1));
    case "map":
      return recordsIn(schema.values, type.slice(1, -1));
    case "record":
      return schema.open ? [] : [[schema, type]];
    default:
      return [];
  }
}

function parse(text: string): { readonly kinds: Map<string, string>; readonly messages: Map<string, Message> } {
  const kinds = new Map<string, string>();
  const messages = new Map<string, Message>();
  let message: Message | undefined;
  for (const line of text.split("\n")) {
    const [first = "", second = "", ...rest] = line.trim().split(" ");
    if (first === "" || first === "#") continue;
    if (line.startsWith("  ")) {
      if (first === "one" && second === "of") message!.oneofs.push(rest);
      else message!.fields.set(first, second);
    } else if (first === "kind") kinds.set(second, rest[0]!);
    else {
      message = { fields: new Map(), oneofs: [] };
      messages.set(second, message);
    }
  }
  return { kinds, messages };
}
