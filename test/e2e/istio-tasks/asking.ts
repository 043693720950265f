// Requests as readers of Istio's pages send them, and what they see of the answers.

import type { JsonObject } from "@bufbuild/protobuf";
import type { Explanation } from "../../../src/explain/explanation.ts";
import { ask } from "../../traffic/gateway-client.ts";
import type { TestGateway, TestWorkload } from "../../traffic/mesh.ts";
import type { Identity } from "../../traffic/xds/certificates.ts";

const LIMIT_MS = 5_000;

/** A program of the mesh, by the forward proxy beside it; or a client outside, at a port of a gateway's Service. */
export type Asker = TestWorkload | { readonly gateway: TestGateway; readonly port: number };

export interface Asked {
  /** As the client writes it. At a gateway it says the host, in the clear or over TLS by that server name. */
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM of the authorities that a client of https trusts. */
  readonly roots?: string;
  /** Which a client of https shows. */
  readonly identity?: Identity;
  /** Of its token, for the explanation. */
  readonly claims?: JsonObject;
}

export interface Answer {
  /** 0: the connection ended without one. */
  readonly status: number;
  /** Who answered; undefined: a proxy. */
  readonly application: string | undefined;
  readonly headers: Headers;
  readonly body: string;
}

export interface Seen {
  readonly status: number;
  /** Undefined: whoever. */
  readonly by?: string | RegExp | "proxy";
  readonly text?: string | RegExp;
  /** To whom the asker's proxy hands it, where that is not who answers. */
  readonly via?: string;
  /** `forwarded`: the explanation says where it goes, not what comes of it there; `not`: what cannot be explained. */
  readonly explained?: "forwarded" | "not";
}

const NOTHING: Answer = { status: 0, application: undefined, headers: new Headers(), body: "" };

function answerOf(status: number, headers: Headers, body: string): Answer {
  return { status, application: headers.get("x-application") ?? undefined, headers, body };
}

export async function askFrom({ ports }: TestWorkload, { url, method, headers, body, roots, identity }: Asked) {
  try {
    const response = await fetch(url, {
      proxy: `http://127.0.0.1:${ports.forwardProxy}`,
      redirect: "manual",
      signal: AbortSignal.timeout(LIMIT_MS),
      headers: { ...headers, connection: "close" },
      ...(method !== undefined && { method }),
      ...(body !== undefined && { body }),
      ...(roots !== undefined && {
        tls: { ca: roots, ...(identity && { cert: identity.chain, key: identity.key }) },
      }),
    });
    return answerOf(response.status, response.headers, await response.text());
  } catch {
    return NOTHING;
  }
}

export async function askGateway(
  { gateway, port }: Exclude<Asker, TestWorkload>,
  { url, headers = {}, identity }: Asked,
): Promise<Answer> {
  const { protocol, host, hostname, pathname, search } = new URL(url);
  const outcome = await ask({
    port: gateway.ports.get(port)!,
    host: headers.host ?? host,
    path: `${pathname}${search}`,
    headers: Object.entries(headers).flatMap(([name, value]) => (name === "host" ? [] : [`${name}: ${value}`])),
    ...(protocol === "https:" && { tls: { serverName: hostname, ...(identity && { identity }) } }),
  });
  if (outcome === "refused") return NOTHING;
  const [, ...lines] = outcome.headers.split("\r\n");
  const pairs = lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  return answerOf(outcome.status, new Headers(pairs as [string, string][]), outcome.body);
}

/** What is otherwise; undefined: nothing. */
export function differs({ status, application, body }: Answer, seen: Seen): string | undefined {
  const shown = `${status} of ${application ?? "a proxy"}: ${body.slice(0, 300)}`;
  if (status !== seen.status) return shown;
  if (seen.by !== undefined && !matches(application ?? "proxy", seen.by)) return shown;
  return seen.text === undefined || contains(body, seen.text) ? undefined : shown;
}

function matches(text: string, wanted: string | RegExp): boolean {
  return typeof wanted === "string" ? text === wanted : wanted.test(text);
}

function contains(text: string, wanted: string | RegExp): boolean {
  return typeof wanted === "string" ? text.includes(wanted) : wanted.test(text);
}

export function explanationLines({ outcome, status, steps }: Explanation): string {
  return [`${outcome} ${status ?? ""}`, ...steps.map(({ stage, decision }) => `${stage}: ${decision}`)].join("\n");
}
