// What a sidecar tells its peer of its workload: Istio's `x-envoy-peer-metadata`, a google.protobuf.Struct in base64. The few fields that
// matter are read and written by hand: the generated Struct codec would be the only protobuf message on the proxy's request path.

import type { Workload } from "./traffic-labels.ts";

export const PEER_METADATA_HEADER = "x-envoy-peer-metadata";
/** Environment variable of either proxy with the header's value, which routes read: so they are the same for every workload. */
export const PEER_METADATA_VARIABLE = "HEDDLE_PEER_METADATA";

/** Istio's proxies send 300 to 1,500 bytes; the decoder's work stays bounded whatever a client sends. */
const MAX_HEADER_LENGTH = 8_192;
const MAX_FIELDS = 256;

const CANONICAL_NAME = "service.istio.io/canonical-name";
const CANONICAL_REVISION = "service.istio.io/canonical-revision";

// Wire format: Struct { map<string, Value> fields = 1 }, a map entry { key = 1, value = 2 }, Value { string = 3, struct = 5 }.
const ENTRY = 0x0a;
const KEY = 0x0a;
const VALUE = 0x12;
const STRING = 0x1a;
const STRUCT = 0x2a;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function field(tag: number, content: readonly number[]): number[] {
  const length: number[] = [];
  let rest = content.length;
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return [tag, ...length, rest, ...content];
}

function entry(key: string, value: readonly number[]): number[] {
  return field(ENTRY, [...field(KEY, [...encoder.encode(key)]), ...field(VALUE, value)]);
}

function stringEntries(fields: readonly (readonly [key: string, value: string])[]): number[] {
  return fields.flatMap(([key, value]) => (value === "" ? [] : entry(key, field(STRING, [...encoder.encode(value)]))));
}

/** The header's value for a workload; fields that are not known are left out. Sorted by key, so that equal workloads give equal bytes. */
export function encodePeerMetadata(workload: Workload): string {
  const labels = stringEntries([
    ["app", workload.app],
    [CANONICAL_NAME, workload.canonicalName],
    [CANONICAL_REVISION, workload.canonicalRevision],
    ["version", workload.version],
  ]);
  const bytes = [
    ...stringEntries([["CLUSTER_ID", workload.cluster]]),
    ...entry("LABELS", field(STRUCT, labels)),
    ...stringEntries([
      ["NAMESPACE", workload.namespace],
      ["WORKLOAD_NAME", workload.name],
    ]),
  ];
  return Uint8Array.from(bytes).toBase64();
}

/** Reads one message: `visit` gets each length-delimited field. False when the bytes are no message. */
function readFields(bytes: Uint8Array, visit: (tag: number, content: Uint8Array) => boolean): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 35 && at < bytes.length; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return -1;
  };
  for (let fields = 0; at < bytes.length; fields++) {
    if (fields === MAX_FIELDS) return false;
    const tag = varint();
    const wire = tag & 7;
    if (tag <= 0) return false;
    if (wire === 0) {
      // Values of other kinds (null, bool) are skipped; 64-bit ones are doubles.
      if (varint() < 0) return false;
    } else if (wire === 1) {
      at += 8;
    } else if (wire === 2) {
      const length = varint();
      if (length < 0 || length > bytes.length - at) return false;
      if (!visit(tag, bytes.subarray(at, at + length))) return false;
      at += length;
    } else {
      return false;
    }
  }
  return at === bytes.length;
}

type StructVisitor = (key: string, value: string, nested: Uint8Array | undefined) => boolean;

/** Reads a Struct: `visit` gets each field's key with its string, or with its nested Struct. */
function readStruct(bytes: Uint8Array, visit: StructVisitor): boolean {
  return readFields(bytes, (tag, content) => {
    if (tag !== ENTRY) return true;
    let key = "";
    let value = "";
    let nested: Uint8Array | undefined;
    const read = readFields(content, (entryTag, part) => {
      if (entryTag === KEY) key = decoder.decode(part);
      if (entryTag !== VALUE) return true;
      return readFields(part, (valueTag, inner) => {
        if (valueTag === STRING) value = decoder.decode(inner);
        if (valueTag === STRUCT) nested = inner;
        return true;
      });
    });
    return read && visit(key, value, nested);
  });
}

/**
 * The workload that a header describes, or undefined when it is not base64 of a Struct or too long. A claim, not a proof: only the
 * certificate's namespace is to be trusted. The caller caches by the header's value, which a peer repeats on every request.
 */
export function decodePeerMetadata(header: string): Workload | undefined {
  if (header.length > MAX_HEADER_LENGTH) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(header);
  } catch {
    return undefined; // not base64: the client's fault, not ours
  }
  const top = new Map<string, string>();
  const labels = new Map<string, string>();
  const read = readStruct(bytes, (key, value, nested) => {
    top.set(key, value);
    if (key !== "LABELS" || !nested) return true;
    return readStruct(nested, (label, text) => labels.set(label, text) !== undefined);
  });
  if (!read) return undefined;
  return {
    name: top.get("WORKLOAD_NAME") ?? "",
    namespace: top.get("NAMESPACE") ?? "",
    canonicalName: labels.get(CANONICAL_NAME) ?? "",
    canonicalRevision: labels.get(CANONICAL_REVISION) ?? "",
    app: labels.get("app") ?? "",
    version: labels.get("version") ?? "",
    cluster: top.get("CLUSTER_ID") ?? "",
  };
}

/**
 * The workload that an endpoint's metadata `istio.workload` describes, `name;namespace;canonical name;canonical revision;cluster`,
 * or undefined when it has fewer parts.
 */
export function parseEndpointWorkload(text: string): Workload | undefined {
  const [name, namespace, canonicalName, canonicalRevision, cluster] = text.split(";", 5);
  if (name === undefined || namespace === undefined || canonicalName === undefined) return undefined;
  if (canonicalRevision === undefined || cluster === undefined) return undefined;
  return { name, namespace, canonicalName, canonicalRevision, app: "", version: "", cluster };
}

/** The value of an endpoint's metadata `istio.workload`. */
export function formatEndpointWorkload({
  name,
  namespace,
  canonicalName,
  canonicalRevision,
  cluster,
}: Workload): string {
  return [name, namespace, canonicalName, canonicalRevision, cluster].join(";");
}
