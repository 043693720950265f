// A client outside of the mesh: one request a connection, under any Host and server name, in the clear or over TLS.

import { ByteClient } from "./byte-client.ts";
import { eventually } from "./mesh.ts";
import type { Described } from "./pair.ts";
import { TlsClient, type TlsOptions } from "./xds/tls-client.ts";
import { MessageReader } from "./xds/wire.ts";

export interface Outside {
  /** Of this machine; or the path of a Unix socket. */
  readonly port: number | string;
  readonly host: string;
  readonly path?: string;
  readonly headers?: readonly string[];
  /** Undefined: in the clear. */
  readonly tls?: TlsOptions;
}

export interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
  /** The URI that the server's certificate is of; "" in the clear. */
  readonly certificate: string;
}

/** `refused`: no connection, or none that lived to carry an answer. */
export type Outcome = Answer | "refused";

function requestOf({ host, path = "/", headers = [] }: Outside): string {
  return [`GET ${path} HTTP/1.1`, `host: ${host}`, "connection: close", ...headers, "", ""].join("\r\n");
}

/** A whole response: its end of the connection Envoy may put off for a second (delayed_close_timeout). */
function isWhole(bytes: Buffer): boolean {
  const reader = new MessageReader();
  reader.push(bytes);
  return reader.nextResponse("GET") !== undefined;
}

async function exchange(outside: Outside): Promise<{ readonly text: string; readonly certificate: string }> {
  if (!outside.tls) {
    const client = await ByteClient.connect(outside.port);
    client.send(requestOf(outside));
    await eventually(async () => client.ended || isWhole(client.received), Boolean);
    client.close();
    return { text: client.received.toString("latin1"), certificate: "" };
  }
  const { port } = outside;
  const place = typeof port === "number" ? { host: "127.0.0.1", port } : { path: port };
  const client = await TlsClient.connect(place, outside.tls);
  const certificate = client.server;
  client.socket.write(requestOf(outside));
  await eventually(async () => client.ended || isWhole(Buffer.from(client.text, "latin1")), Boolean);
  client.close();
  return { text: client.text, certificate };
}

export async function ask(outside: Outside): Promise<Outcome> {
  try {
    const { text, certificate } = await exchange(outside);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? Number.NaN);
    if (Number.isNaN(status)) return "refused";
    const [headers = "", ...rest] = text.split("\r\n\r\n");
    return { status, headers, body: rest.join("\r\n\r\n"), certificate };
  } catch {
    return "refused";
  }
}

export function statusOf(outcome: Outcome): number | "refused" {
  return outcome === "refused" ? outcome : outcome.status;
}

/** What golden said of the request. */
export function described(outcome: Outcome): Described {
  if (outcome === "refused") throw new Error("refused");
  return JSON.parse(outcome.body.slice(outcome.body.indexOf("{"), outcome.body.lastIndexOf("}") + 1)) as Described;
}

/** Asks until the status is this one, and tells the last outcome. */
export function askUntil(outside: Outside, status: number | "refused"): Promise<Outcome> {
  return eventually(
    () => ask(outside),
    (outcome) => statusOf(outcome) === status,
  );
}
