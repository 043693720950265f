// What an application can do with a request, and what it remembers of it.

import type { Field } from "./wire.ts";

/** A request as an application saw it. */
export interface Received {
  /** Name of the application: v1, v2, … */
  readonly app: string;
  readonly protocol: "HTTP/1.1" | "HTTP/2";
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** Without the pseudo-header fields of HTTP/2. */
  readonly headers: readonly Field[];
  readonly body: Buffer;
  readonly trailers: readonly Field[];
  /** From 0: which of the application's connections it came on. */
  readonly connection: number;
}

/** What an application does with a request. Everything left out of `respond` is as in a plain 200. */
export type Behaviour =
  /** 200 with the request as JSON: `Echo`. */
  | { readonly kind: "echo"; readonly delayMs?: number; readonly headers?: readonly Field[] }
  | {
      readonly kind: "respond";
      readonly status?: number;
      readonly headers?: readonly Field[];
      /** Several parts are sent in chunks. */
      readonly body?: string | readonly string[];
      readonly trailers?: readonly Field[];
      /** Before the head, and between the parts of the body. */
      readonly delayMs?: number;
      readonly partDelayMs?: number;
      /** Informational responses before it. */
      readonly inform?: readonly number[];
      /** After the last part, instead of the end: RST (h2: RST_STREAM), or FIN. */
      readonly ending?: "reset" | "close";
    }
  /** Never answers. */
  | { readonly kind: "hang" }
  /** RST of the connection; on HTTP/2, RST_STREAM with `code` (INTERNAL_ERROR unless told otherwise). */
  | { readonly kind: "reset"; readonly code?: "internal" | "refused" | "cancel" }
  /** FIN before any answer; on HTTP/2 the connection. */
  | { readonly kind: "close" }
  /** These very bytes, and FIN when `close`. HTTP/1.1 only. */
  | { readonly kind: "raw"; readonly bytes: string; readonly close?: boolean };

/** The body of an echo. */
export interface Echo {
  readonly app: string;
  readonly protocol: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: readonly Field[];
  readonly body: string;
}

/** `n`: how many requests this application had before this one, in this case. */
export type Script = (request: Received, n: number) => Behaviour;

export const ECHO: Behaviour = { kind: "echo" };

function echoOf({ body, trailers: _, connection: __, ...request }: Received): Buffer {
  return Buffer.from(JSON.stringify({ ...request, body: body.toString("latin1") }));
}

/** What is answered, made of a behaviour that answers. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly Field[];
  readonly parts: readonly Buffer[];
  readonly trailers: readonly Field[];
  readonly delayMs: number;
  readonly partDelayMs: number;
  readonly inform: readonly number[];
  readonly ending: "end" | "reset" | "close";
}

const PLAIN = { trailers: [], partDelayMs: 0, inform: [], ending: "end" } as const;

/** Undefined for what is no answer. */
export function answerOf(behaviour: Behaviour, request: Received): Answer | undefined {
  switch (behaviour.kind) {
    case "echo": {
      const headers: Field[] = [["content-type", "application/json"], ...(behaviour.headers ?? [])];
      return { ...PLAIN, status: 200, headers, parts: [echoOf(request)], delayMs: behaviour.delayMs ?? 0 };
    }
    case "respond": {
      const { status = 200, headers = [], body = "", trailers = [], delayMs = 0, partDelayMs = 0 } = behaviour;
      const parts = (typeof body === "string" ? [body] : body).map((part) => Buffer.from(part, "latin1"));
      const { inform = [], ending = "end" } = behaviour;
      return { status, headers, parts, trailers, delayMs, partDelayMs, inform, ending };
    }
    default:
      return undefined;
  }
}

/** Who asks what to do, and is told when it is done. */
export interface Owner {
  readonly name: string;
  take(request: Received): Behaviour;
  answered(): void;
}

/** What reads the bytes of a connection once its protocol is known. */
export interface Codec {
  onData(chunk: Buffer): void;
  onEnd(): void;
  onClose(): void;
  flush(): void;
}
