// Reading the body of a write: bounded while it arrives, then parsed as JSON, YAML or protobuf.

import { type ParsedJson, parseJsonText } from "../../base/json-text.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { badRequest, tooLarge, unsupportedMediaType } from "../status.ts";
import { PROTOBUF, parseProtobuf } from "./protobuf-body.ts";
import { parseYamlText } from "./yaml-body.ts";

/** Kubernetes' limit on request bodies: twice the largest object, so that a patch can replace all of it. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

export interface Body {
  readonly value: Json;
  /** Paths of fields that are written twice. */
  readonly duplicates: readonly string[];
}

/** The media type without parameters; JSON when the client does not say, as in Kubernetes. */
export function mediaTypeOf(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase() || "application/json";
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? "0") > MAX_BODY_BYTES)
    throw tooLarge(`limit is ${MAX_BODY_BYTES}`);
  if (!request.body) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw tooLarge(`limit is ${MAX_BODY_BYTES}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw badRequest("the body is not valid UTF-8");
  }
}

/** JSON is YAML, and what kubectl sends under the name of YAML is JSON: the stricter and faster reader tries first. */
function parseText(text: string, isYaml: boolean): ParsedJson {
  const json = isYaml && !/^\s*[{[]/.test(text) ? undefined : parseJsonText(text);
  return json && (json.kind === "ok" || !isYaml) ? json : parseYamlText(text);
}

/** Reads a body of one of the media types `accepted`; refuses others with 415. An empty body is undefined. */
export async function readBody(request: Request, accepted: readonly string[]): Promise<Body | undefined> {
  const mediaType = mediaTypeOf(request);
  if (!accepted.includes(mediaType)) throw unsupportedMediaType(accepted);
  const bytes = await readBytes(request);
  if (bytes.length === 0) return undefined;
  const parsed = mediaType === PROTOBUF ? parseProtobuf(bytes) : parseText(decode(bytes), mediaType.endsWith("yaml"));
  if (parsed.kind === "error") throw badRequest(`the object provided is unrecognized: ${parsed.message}`);
  return { value: parsed.value as Json, duplicates: parsed.duplicates };
}

/** The object in a body; throws 400 for an empty body and for anything else. */
export function requireObject(body: Body | undefined): JsonObject {
  if (!body) throw badRequest("the request has no body: an object is needed");
  if (!isJsonObject(body.value)) throw badRequest("the body must be an object");
  return body.value;
}
