// One line of an access log: text, or JSON as Envoy's formatter writes it.

import { isUtf8 } from "node:buffer";
import type { JsonNode, LineFormat } from "../table/format/line-format.ts";
import type { Format } from "../table/format/part.ts";
import { type FormatSource, type FormatValue, partText, partValue } from "./format-value.ts";
import type { LogBuffer } from "./log-buffer.ts";

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const ESCAPED = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g;

/**
 * The text of a string of bytes between the quotes. Bytes that are no UTF-8 are escaped one by one, as code points below 256, and then
 * so are quotes and backslashes (Envoy: Json::sanitize).
 */
function jsonText(bytes: string): string {
  if (PLAIN.test(bytes)) return bytes;
  if (isUtf8(Buffer.from(bytes, "latin1"))) return JSON.stringify(bytes).slice(1, -1);
  return bytes.replace(ESCAPED, (char) => `\\u00${(char.charCodeAt(0) & 0xff).toString(16).padStart(2, "0")}`);
}

function putValue(buffer: LogBuffer, value: FormatValue): void {
  if (typeof value === "string") {
    buffer.put('"');
    buffer.put(jsonText(value));
    buffer.put('"');
  } else if (typeof value === "number") buffer.put(String(value));
  else buffer.put(value === undefined ? "null" : JSON.stringify(value));
}

function putJoined(buffer: LogBuffer, format: Format, source: FormatSource, absent: string): void {
  let text = "";
  for (let i = 0; i < format.length; i++) text += partText(format[i]!, source, absent);
  putValue(buffer, text);
}

function putList(buffer: LogBuffer, items: readonly JsonNode[], source: FormatSource, omitEmpty: boolean): void {
  buffer.put("[");
  let first = true;
  for (const item of items) {
    const mark = buffer.mark();
    if (!first) buffer.put(",");
    if (putNode(buffer, item, source, omitEmpty)) first = false;
    else buffer.rewind(mark);
  }
  buffer.put("]");
}

/** True when it has a field, or may be empty. */
function putObject(
  buffer: LogBuffer,
  fields: (JsonNode & { kind: "object" })["fields"],
  source: FormatSource,
  omitEmpty: boolean,
): boolean {
  buffer.put("{");
  let first = true;
  for (const { key, node } of fields) {
    const mark = buffer.mark();
    if (!first) buffer.put(",");
    buffer.put(key);
    if (putNode(buffer, node, source, omitEmpty)) first = false;
    else buffer.rewind(mark);
  }
  buffer.put("}");
  return !first || !omitEmpty;
}

/** False when there is nothing to be written, and what was is to be taken back. */
function putNode(buffer: LogBuffer, node: JsonNode, source: FormatSource, omitEmpty: boolean): boolean {
  switch (node.kind) {
    case "constant":
      buffer.put(node.json);
      return true;
    case "null":
      buffer.put("null");
      return !omitEmpty;
    case "value": {
      const value = partValue(node.part, source);
      putValue(buffer, value);
      return value !== undefined || !omitEmpty;
    }
    case "text":
      putJoined(buffer, node.format, source, omitEmpty ? "" : "-");
      return true;
    case "list":
      putList(buffer, node.items, source, omitEmpty);
      return true;
    case "object":
      return putObject(buffer, node.fields, source, omitEmpty);
  }
}

export function putLine(buffer: LogBuffer, line: LineFormat, source: FormatSource): void {
  if (line.kind === "json") {
    putNode(buffer, line.root, source, line.omitEmpty);
    buffer.put("\n");
    return;
  }
  const { format } = line;
  const absent = line.omitEmpty ? "" : "-";
  for (let i = 0; i < format.length; i++) buffer.put(partText(format[i]!, source, absent));
}
