// WebSocket (RFC 6455), which crosses the leg as an extended CONNECT (RFC 8441).

import { beforeAll, expect, test } from "bun:test";
import { ByteClient } from "../byte-client.ts";
import { Http2Client } from "../http2-client.ts";
import type { Pair } from "../pair.ts";
import { content, MEBIBYTE, sha256 } from "../polyglot/content.ts";

interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A client whose messages are asked for one by one. */
class SocketClient {
  readonly closed: Promise<Closed>;
  readonly #socket: WebSocket;
  readonly #messages: (string | Buffer)[] = [];
  #waiting: (() => void) | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      this.#messages.push(typeof data === "string" ? data : Buffer.from(data));
      this.#waiting?.();
    };
    this.closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => resolve({ code, reason });
    });
  }

  /** Rejects when the upgrade is refused. */
  static open(url: string): Promise<SocketClient> {
    const socket = new WebSocket(url);
    return new Promise((resolve, reject) => {
      const client = new SocketClient(socket);
      socket.onopen = () => resolve(client);
      socket.onerror = () => reject(new Error("refused"));
    });
  }

  send(message: string | Uint8Array): void {
    this.#socket.send(message);
  }

  async next(): Promise<string | Buffer> {
    if (this.#messages.length === 0)
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    return this.#messages.shift()!;
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
}

/** "hi", masked with zeros, as a client sends it; and as a server sends it back. */
export const HI_MASKED = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
export const HI = "\x81\x02hi";

export function upgradeRequest(target: string, host: string): string {
  return [
    `GET ${target} HTTP/1.1`,
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n");
}

export function webSocketCases(pair: Pair): void {
  const open = (path = "/socket") => SocketClient.open(`ws://127.0.0.1:${pair.golden}${path}`);
  beforeAll(() => pair.route("  - route: [{destination: {host: golden, subset: v1}}]"));

  test("text and binary messages pass both ways, in their order", async () => {
    const client = await open();
    client.send("one");
    expect(await client.next()).toBe("one");
    client.send(Buffer.from([0, 255]));
    client.send("three");
    expect(await client.next()).toEqual(Buffer.from([0, 255]));
    expect(await client.next()).toBe("three");
    client.close(1000, "");
    expect((await client.closed).code).toBe(1000);
  });

  test("a message of a mebibyte comes back whole", async () => {
    const client = await open();
    client.send(content(MEBIBYTE));
    expect(sha256((await client.next()) as Buffer)).toBe(sha256(content(MEBIBYTE)));
    client.close(1000, "");
  });

  test("either end closes with its code and reason", async () => {
    const byServer = await open();
    byServer.send("close 4001 enough");
    expect(await byServer.closed).toEqual({ code: 4001, reason: "enough" });
    const byClient = await open();
    byClient.close(4002, "done");
    expect(await byClient.closed).toEqual({ code: 4002, reason: "done" });
  });

  test("the client gets 101 with the application's key, and frames behind it", async () => {
    const client = (await ByteClient.connect(pair.golden)).send(upgradeRequest("/socket", "golden"));
    const head = (await client.hears("\r\n\r\n")).toLowerCase();
    expect(head).toStartWith("http/1.1 101 switching protocols\r\n");
    expect(head).toContain("\r\nupgrade: websocket\r\n");
    expect(head).toContain("\r\nconnection: upgrade\r\n");
    expect(head).toContain("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n");
    expect(await client.send(HI_MASKED).hears(HI)).toEndWith(HI);
    client.close();
  });

  test("a client of HTTP/2 asks with an extended CONNECT, and gets 200 in place of 101", async () => {
    const { session } = new Http2Client(pair.golden);
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":authority": "golden",
      ":path": "/socket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", // RFC 8441 needs none, but an application of HTTP/1.1 does
    });
    const head = await new Promise<{ readonly ":status"?: number | undefined }>((resolve) =>
      stream.once("response", resolve),
    );
    expect(head[":status"]).toBe(200);
    stream.write(HI_MASKED);
    const [frame] = await new Promise<Buffer[]>((resolve) => stream.once("data", (chunk: Buffer) => resolve([chunk])));
    expect(frame!.toString("latin1")).toBe(HI);
    stream.close();
    session.close();
  });

  test("an application that does not upgrade answers as to any request", async () => {
    const client = (await ByteClient.connect(pair.golden)).send(upgradeRequest("/status/418", "golden"));
    expect(await client.hears("status 418")).toStartWith("HTTP/1.1 418");
    client.close();
    await expect(open("/status/403")).rejects.toThrow("refused");
  });

  test("another upgrade is refused", async () => {
    const request = upgradeRequest("/socket", "golden").replace("Upgrade: websocket", "Upgrade: dance");
    const client = (await ByteClient.connect(pair.golden)).send(request);
    expect(await client.hears("\r\n\r\n")).toStartWith("HTTP/1.1 403 Forbidden\r\n");
    client.close();
  });
}
