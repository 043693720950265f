// The HTTP forward proxy, for each protocol that goes through one: absolute requests, and tunnels in which requests are routed like any
// others and bytes stay what they are.

import { expect, test } from "bun:test";
import { status } from "@grpc/grpc-js";
import { ByteClient } from "../byte-client.ts";
import { GrpcClient } from "../grpc-client.ts";
import { eventually } from "../mesh.ts";
import type { Described, Pair } from "../pair.ts";
import { content, MEBIBYTE, sha256 } from "../polyglot/content.ts";
import type { Seen } from "../polyglot/requests.ts";
import { HI, HI_MASKED, upgradeRequest } from "./websocket.ts";

export function forwardProxyCases(pair: Pair): void {
  /** A connection on which a tunnel stands. */
  const tunnel = async (target: string) => {
    const client = await ByteClient.connect(pair.client.ports.forwardProxy);
    client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    const head = await client.hears("\r\n\r\n");
    expect(head).toStartWith("HTTP/1.1 200 OK\r\n");
    return { client, headBytes: head.indexOf("\r\n\r\n") + 4 };
  };
  const curl = async (...options: readonly string[]) => {
    const child = Bun.spawn(["curl", "-sS", "--max-time", "10", "-x", pair.forwardProxy, ...options], {
      stdin: content(MEBIBYTE),
      stdout: "pipe",
    });
    return new Response(child.stdout).json();
  };

  test("absolute requests and tunnels carry the caller's identity", async () => {
    const absolute = await fetch("http://golden/through", {
      proxy: pair.forwardProxy,
      signal: AbortSignal.timeout(10_000),
    });
    expect(((await absolute.json()) as Described).headers["x-forwarded-client-cert"]).toContain("sa/client");
    const described = (await curl("-p", "http://golden.default:80/tunnel")) as Described;
    expect(described.path).toBe("/tunnel");
  });

  test("an absolute request reaches an application of HTTP/2", async () => {
    const { version, sha256: hash } = (await curl("--data-binary", "@-", "http://polyglot:81/describe")) as Seen;
    expect({ version, hash }).toEqual({ version: "2.0", hash: sha256(content(MEBIBYTE)) });
  });

  test("HTTP/2 with prior knowledge goes through a tunnel", async () => {
    const options = ["-p", "--http2-prior-knowledge", "--data-binary", "@-", "http://polyglot:81/describe"];
    const { version, sha256: hash } = (await curl(...options)) as Seen;
    expect({ version, hash }).toEqual({ version: "2.0", hash: sha256(content(MEBIBYTE)) });
  });

  test("gRPC goes through a tunnel, as grpc-js makes it of its variable", async () => {
    const { grpc_proxy: before } = process.env;
    process.env.grpc_proxy = pair.forwardProxy;
    const client = new GrpcClient("polyglot:82");
    try {
      const { code, messages } = await client.unary("Hash", content(MEBIBYTE), { timeoutMs: 10_000 });
      expect([code, String(messages[0])]).toEqual([status.OK, sha256(content(MEBIBYTE))]);
      expect((await client.stream("Chat", { timeoutMs: 10_000 }).send("one").end()).messages.map(String)).toEqual([
        "re: one",
      ]);
    } finally {
      client.close();
      if (before === undefined) delete process.env.grpc_proxy;
      else process.env.grpc_proxy = before;
    }
  });

  test("a WebSocket is asked for with an absolute URL, and inside of a tunnel", async () => {
    const absolute = await ByteClient.connect(pair.client.ports.forwardProxy);
    absolute.send(upgradeRequest("http://golden/socket", "golden"));
    expect(await absolute.hears("\r\n\r\n")).toStartWith("HTTP/1.1 101 ");
    expect(await absolute.send(HI_MASKED).hears(HI)).toEndWith(HI);
    absolute.close();
    const { client } = await tunnel("golden:80");
    client.send(upgradeRequest("/socket", "golden"));
    expect(await client.hears(" 101 ")).toContain("HTTP/1.1 101 ");
    expect(await client.send(HI_MASKED).hears(HI)).toEndWith(HI);
    client.close();
  });

  // Not the client's end: Envoy's HTTP/1.1 knows no half-closed connection, Heddle's does (forwarding.test.ts).
  test("bytes pass through a tunnel both ways, with the server's end", async () => {
    const bytes = content(MEBIBYTE);
    const echo = await tunnel("polyglot:83");
    echo.client.send("echo\n").send(bytes);
    const received = () => echo.client.received.subarray(echo.headBytes);
    await eventually(
      async () => received().length,
      (length) => length === MEBIBYTE,
    );
    expect(sha256(received())).toBe(sha256(bytes));
    echo.client.close();
    const send = await tunnel("polyglot:83");
    const sent = await send.client.send(`send ${MEBIBYTE}\n`).all();
    expect(sha256(sent.subarray(send.headBytes))).toBe(sha256(bytes));
    send.client.close();
  });

  test("a port that nobody declared takes requests by URL, and bytes in a tunnel", async () => {
    const { version, sha256: hash } = (await curl("--data-binary", "@-", "http://polyglot:85/describe")) as Seen;
    expect({ version, hash }).toEqual({ version: "1.1", hash: sha256(content(MEBIBYTE)) });
    const { client } = await tunnel("polyglot:85");
    expect(await client.send("echo\nbytes").hears("bytes")).toEndWith("bytes");
    client.close();
  });

  test("a server that speaks first does so in a tunnel", async () => {
    const { client } = await tunnel("polyglot:84");
    expect(await client.hears("220 ready\n")).toEndWith("220 ready\n");
    expect((await client.send("helo\n").all()).toString()).toEndWith("220 ready\n250 helo\n");
    client.close();
  });
}
