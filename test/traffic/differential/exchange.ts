// Requests of one mesh through one kind of proxy, on HTTP/1.1 and HTTP/2, and everything that can be seen of them from outside.

import { until } from "../../../src/base/until-fixture.ts";
import type { Received } from "../xds/behaviour.ts";
import { Client } from "../xds/client.ts";
import type { Http2Client } from "../xds/client-h2.ts";
import type { LogLine } from "../xds/logs.ts";
import type { ClientResponse } from "../xds/response.ts";
import { type Field, fieldOf } from "../xds/wire.ts";
import { isRefusedEarly } from "./declared.ts";
import type { AskedRequest, Door } from "./requests.ts";
import type { Applications, Running } from "./world.ts";

export const PROTOCOLS = ["HTTP/1.1", "HTTP/2"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface Seen {
  readonly protocol: Protocol;
  /** Text: the connection or the stream ended without an answer. */
  readonly response: ClientResponse | string;
  /** What applications got, golden's first. */
  readonly received: readonly Received[];
  readonly line: LogLine | undefined;
  readonly serverLines: readonly LogLine[];
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function optionsOf({ method, authority, headers }: AskedRequest, id: string): Parameters<Client["request"]>[1] {
  const framing: Field[] = method === "POST" || method === "PUT" ? [["content-length", "0"]] : [];
  return { method, authority, headers: [["x-case", id], ...framing, ...headers] };
}

function targetOf({ absolute, authority, path }: AskedRequest): string {
  return absolute && path.startsWith("/") ? `http://${authority}${path}` : path;
}

class Callers {
  readonly #clients: Readonly<Record<Door, Client>>;
  readonly #http2 = new Map<Door, Http2Client>();

  constructor({ places }: Running) {
    this.#clients = { client: new Client(places.client), edge: new Client(places.edge) };
  }

  async ask(request: AskedRequest, protocol: Protocol, id: string): Promise<ClientResponse | string> {
    const options = optionsOf(request, id);
    if (protocol === "HTTP/1.1") return this.#clients[request.door].outcome(targetOf(request), options);
    const http2 = await this.#connection(request.door);
    return http2.request(request.path, options).catch(textOf);
  }

  async #connection(door: Door): Promise<Http2Client> {
    const open = this.#http2.get(door);
    if (open && !open.closed) return open;
    const made = await this.#clients[door].http2();
    this.#http2.set(door, made);
    return made;
  }

  close(): void {
    for (const client of Object.values(this.#clients)) client.close();
  }
}

function scripted(request: Received): ReturnType<Parameters<Applications["golden"]["script"]>[0]> {
  const status = fieldOf(request.headers, "x-answer");
  const headers: Field[] = [
    ["x-a", "from-application"],
    ["x-gone", "still here"],
    ["server", "application"],
  ];
  return status === undefined
    ? { kind: "echo", headers }
    : { kind: "respond", status: Number(status), headers, body: "as asked" };
}

/** All of the requests, each on both protocols; by request, then by protocol. */
export async function exchange(
  running: Running,
  requests: readonly AskedRequest[],
  applications: Applications,
): Promise<readonly (readonly Seen[])[]> {
  const all = Object.values(applications);
  for (const application of all) {
    application.restart();
    application.script(scripted);
  }
  const callers = new Callers(running);
  try {
    const asked = requests.flatMap((request, i) =>
      PROTOCOLS.map(async (protocol) => {
        const id = `${i}-${protocol}`;
        return { id, of: request, protocol, response: await callers.ask(request, protocol, id) };
      }),
    );
    const answered = await Promise.all(asked);
    const logged = answered.filter(({ response, of }) => typeof response !== "string" && !isRefusedEarly(of));
    await until("the lines of the log", () => hasLines(running, logged), 2_000).catch(() => {});
    await settled(running, all);
    return requests.map((_, i) =>
      answered
        .slice(i * 2, i * 2 + 2)
        .map(({ id, protocol, response }) => seenOf(running, all, id, { protocol, response })),
    );
  } finally {
    callers.close();
  }
}

function hasLines({ log }: Running, answered: readonly { readonly id: string }[]): boolean {
  const known = new Set(log.lines.map((line) => line.case));
  return answered.every(({ id }) => known.has(id));
}

/** Shadows and the server's log come on their own time. */
async function settled({ serverLog }: Running, applications: readonly Applications["golden"][]): Promise<void> {
  const [golden] = applications;
  const forwarded = () => serverLog.lines.filter(({ asked, code }) => asked !== "-" && code !== "403").length;
  await until("the server's log", () => forwarded() >= golden!.requests.length, 2_000).catch(() => {});
  await Bun.sleep(15);
}

function seenOf(
  { log, serverLog }: Running,
  applications: readonly Applications["golden"][],
  id: string,
  answered: Pick<Seen, "protocol" | "response">,
): Seen {
  return {
    ...answered,
    received: applications.flatMap(({ requests }) =>
      requests.filter(({ headers }) => fieldOf(headers, "x-case") === id),
    ),
    line: log.lines.find((line) => line.case === id),
    serverLines: serverLog.lines.filter((line) => line.case === id),
  };
}
