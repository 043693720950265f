// A request on the wire, byte by byte as it is asked, and what became of it.

import { ByteClient } from "../byte-client.ts";
import type { AskedRequest } from "./requests.ts";

export interface Answer {
  /** Undefined: the connection ended without an answer. */
  readonly status: number | undefined;
  readonly location: string | undefined;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** `port`: of the door. */
export async function exchange(request: AskedRequest, port: number, id: string): Promise<Answer> {
  const client = await ByteClient.connect(port);
  try {
    return answerOf((await client.send(headOf(request, id)).all()).toString("latin1"));
  } finally {
    client.close();
  }
}

/** As the client writes it in its Host header, where it is not led by the URL. */
export function authorityOf({ host, port }: AskedRequest): string {
  return port === undefined ? host : `${host}:${port}`;
}

/** As a client of HTTP takes it apart: dots are gone, and the port that is usual. */
export function urlOf(request: AskedRequest): URL {
  return new URL(`http://${authorityOf(request)}${request.path}`);
}

function headOf(request: AskedRequest, id: string): string {
  const { door, method, headers, token } = request;
  const { host, pathname, search } = urlOf(request);
  const path = `${pathname}${search}`;
  const authority = door.kind === "forward-proxy" ? host : authorityOf(request);
  const target = door.kind === "forward-proxy" ? `http://${authority}${path}` : path;
  const length = method === "GET" || method === "HEAD" ? [] : ["content-length: 0"];
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `host: ${authority}`,
    "connection: close",
    `x-case: ${id}`,
    ...length,
    ...(token ? [`authorization: Bearer ${token.text}`] : []),
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function answerOf(text: string): Answer {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const status = /^HTTP\/1\.1 (\d{3})/.exec(first)?.[1];
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return {
    status: status === undefined ? undefined : Number(status),
    location: headers.get("location"),
    headers,
    body: rest.join("\r\n\r\n"),
  };
}
