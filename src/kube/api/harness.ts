// For tests of the API: a server in memory and a way to send it a request and read the answer.

import type { KubeObject } from "../object.ts";
import { DEFAULT_HISTORY } from "../store/history.ts";
import { Store } from "../store/store.ts";
import { KubeApi, type KubeApiOptions } from "./api.ts";

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
  readonly warnings: readonly string[];
  readonly headers: Headers;
}

export interface SendOptions {
  readonly type?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An API over an empty store in memory. */
export function newApi(options: Partial<KubeApiOptions> = {}): { readonly api: KubeApi; readonly store: Store } {
  const store = options.store ?? Store.open(":memory:", DEFAULT_HISTORY);
  return { api: new KubeApi({ ...options, store }), store };
}

/** Sends one request. A body that is not a string is sent as JSON. */
export async function send(
  api: KubeApi,
  method: string,
  path: string,
  body?: unknown,
  { type = "application/json", accept = "application/json", headers = {} }: SendOptions = {},
): Promise<Answer> {
  const request = new Request(`http://127.0.0.1${path}`, {
    method,
    headers: { accept, "user-agent": "test/1.0", ...(body === undefined ? {} : { "content-type": type }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const response = await api.handle(request);
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  const warnings = (response.headers.get("warning") ?? "").match(/299 - "(?:[^"\\]|\\.)*"/g) ?? [];
  return {
    status: response.status,
    body: isJson && text !== "" ? JSON.parse(text) : text,
    warnings: warnings.map((warning) => warning.slice(7, -1).replaceAll(/\\(.)/g, "$1")),
    headers: response.headers,
  };
}

export const MERGE: SendOptions = { type: "application/merge-patch+json" };
export const JSON_PATCH: SendOptions = { type: "application/json-patch+json" };
export const STRATEGIC: SendOptions = { type: "application/strategic-merge-patch+json" };
export const APPLY: SendOptions = { type: "application/apply-patch+yaml" };

export const VIRTUAL_SERVICES = "/apis/networking.istio.io/v1/namespaces/default/virtualservices";
export const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
export const SERVICES = "/api/v1/namespaces/default/services";

export function virtualService(name: string, spec: object = { hosts: [name] }, metadata: object = {}): KubeObject {
  return { apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata: { name, ...metadata }, spec };
}

export function configMap(name: string, data: Record<string, string> = {}, metadata: object = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, data };
}

/** Events of a watch, one at a time. */
export class Events {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #lines: string[] = [];
  #rest = "";

  constructor(response: Response) {
    this.#chunks = response.body![Symbol.asyncIterator]();
  }

  static async open(api: KubeApi, path: string, accept = "application/json"): Promise<Events> {
    const response = await api.handle(new Request(`http://127.0.0.1${path}`, { headers: { accept } }));
    if (!response.ok) throw new Error(await response.text());
    return new Events(response);
  }

  /** The next event, or undefined at the end of the stream. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every shape
  async next(): Promise<any> {
    while (this.#lines.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return undefined;
      const parts = (this.#rest + new TextDecoder().decode(value)).split("\n");
      this.#rest = parts.pop()!;
      this.#lines.push(...parts.filter((line) => line !== ""));
    }
    return JSON.parse(this.#lines.shift()!);
  }

  /** Types and names of the next `count` events. */
  async take(count: number): Promise<readonly string[]> {
    const taken: string[] = [];
    while (taken.length < count) {
      const event = await this.next();
      taken.push(`${event.type} ${event.object.metadata.name}`);
    }
    return taken;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
