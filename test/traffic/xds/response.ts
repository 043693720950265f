// A request as a case writes it, and a response as it reads it.

import type { Echo } from "./behaviour.ts";
import { type Field, fieldOf, fieldsOf, type WireMessage } from "./wire.ts";

/** `:authority` and `Host` unless a case says otherwise. */
export const AUTHORITY = "upstream.test";

export type Fields = Readonly<Record<string, string>> | readonly Field[];

export interface RequestOptions {
  readonly method?: string;
  /** In this order, after `host`. A list may repeat names. */
  readonly headers?: Fields;
  readonly body?: string;
  readonly authority?: string;
}

export interface ClientResponse {
  readonly status: number;
  readonly headers: readonly Field[];
  readonly trailers: readonly Field[];
  readonly body: Buffer;
  readonly text: string;
  /** The first value of a header, or undefined. */
  header(name: string): string | undefined;
  all(name: string): readonly string[];
  /** What the application got, when it answered with an echo. */
  readonly echo: Echo;
}

export function fieldList(fields: Fields = []): readonly Field[] {
  return Array.isArray(fields) ? (fields as readonly Field[]) : Object.entries(fields as Record<string, string>);
}

export function clientResponse(
  status: number,
  { fields, body, trailers }: Pick<WireMessage, "fields" | "body" | "trailers">,
): ClientResponse {
  return {
    status,
    headers: fields,
    trailers,
    body,
    text: body.toString("latin1"),
    header: (name) => fieldOf(fields, name),
    all: (name) => fieldsOf(fields, name),
    get echo() {
      return JSON.parse(this.text) as Echo;
    },
  };
}
