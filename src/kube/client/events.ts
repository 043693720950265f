// The body of a watch: one JSON document a line, of any size, cut anywhere by the network.

import { Failure } from "../../base/failure.ts";
import { isJsonObject } from "../json.ts";
import type { KubeObject } from "../object.ts";
import type { Status } from "../status.ts";

/** `bookmark` is news about the version alone. After `error` the server ends the stream. */
export type WatchEvent =
  | { readonly kind: "added" | "modified" | "deleted" | "bookmark"; readonly object: KubeObject }
  | { readonly kind: "error"; readonly status: Status };

/** Ten times the largest object of an API server; a stream without a line end is not one of its watches. */
const MAX_LINE = 16 * 1024 * 1024;

const KINDS = { ADDED: "added", MODIFIED: "modified", DELETED: "deleted", BOOKMARK: "bookmark" } as const;

function parseEvent(line: string): WatchEvent {
  const event: unknown = JSON.parse(line);
  if (!isJsonObject(event) || !isJsonObject(event.object)) throw new Failure("a line of the watch is not an event");
  if (event.type === "ERROR") return { kind: "error", status: event.object as unknown as Status };
  const kind = KINDS[event.type as keyof typeof KINDS];
  if (!kind) throw new Failure(`the watch has an event of the unknown type ${JSON.stringify(event.type)}`);
  return { kind, object: event.object as unknown as KubeObject };
}

/** The events of a watch, as they come. Ends with the stream; a last line that is cut off is dropped, for it will come again. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<WatchEvent> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of body) {
    const lines = decoder.decode(chunk, { stream: true }).split("\n");
    for (const [index, part] of lines.entries()) {
      pieces.push(part);
      length += part.length;
      if (length > MAX_LINE) throw new Failure(`a line of the watch is longer than ${MAX_LINE} characters`);
      if (index === lines.length - 1) break;
      const line = pieces.join("");
      pieces = [];
      length = 0;
      if (line !== "") yield parseEvent(line);
    }
  }
}
