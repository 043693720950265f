// gRPC: the four kinds of call, metadata and trailers, statuses of the application's and of the proxies' own, deadlines.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { status } from "@grpc/grpc-js";
import { GrpcClient } from "../grpc-client.ts";
import { eventually } from "../mesh.ts";
import type { Pair } from "../pair.ts";
import { content, MEBIBYTE, sha256 } from "../polyglot/content.ts";
import type { SeenCall } from "../polyglot/grpc.ts";

const TO_POLYGLOT = "route: [{destination: {host: polyglot, port: {number: 82}}}]";

const read = <T>(messages: readonly Buffer[]): T => JSON.parse(messages[0]!.toString()) as T;

export function grpcCases(pair: Pair): void {
  let client: GrpcClient;
  beforeAll(() => {
    client = new GrpcClient(`127.0.0.1:${pair.upstream.grpc}`);
  });
  afterAll(async () => {
    client?.close();
    await pair.unroutePolyglot("grpc");
  });

  test("a unary call carries metadata there, and both kinds of it back", async () => {
    const { code, messages, initial, trailing } = await client.unary("Describe", "", {
      metadata: { "x-mine": "kept", "x-mine-bin": Buffer.from([0, 1, 254, 255]) },
    });
    expect(code).toBe(status.OK);
    const seen = read<SeenCall>(messages);
    expect(seen.metadata).toMatchObject({ "x-mine": "kept", "x-mine-bin": "0001feff" });
    expect(seen.metadata["x-forwarded-client-cert"]).toContain("URI=spiffe://cluster.local/ns/default/sa/client");
    expect(seen.host).toBe("polyglot.default.svc.cluster.local:82");
    expect(initial?.get("x-initial")).toEqual(["first"]);
    expect(trailing.get("x-trailing")).toEqual(["last"]);
    expect(trailing.get("x-trailing-bin")).toEqual([Buffer.from([0, 1, 254, 255])]);
  });

  test("messages of a mebibyte pass whole both ways", async () => {
    expect(String((await client.unary("Hash", content(MEBIBYTE))).messages[0])).toBe(sha256(content(MEBIBYTE)));
    const [message] = (await client.unary("Bytes", String(MEBIBYTE))).messages;
    expect(sha256(message!)).toBe(sha256(content(MEBIBYTE)));
  });

  test("a server's stream comes in order, and its trailers behind it", async () => {
    const { code, messages, trailing } = await client.stream("Count").send('{"messages":500}').end();
    expect(code).toBe(status.OK);
    expect(messages.map(String)).toEqual(Array.from({ length: 500 }, (_, i) => String(i)));
    expect(trailing.get("x-trailing")).toEqual(["last"]);
  });

  test("a server's stream that fails keeps what came before its status", async () => {
    const request = `{"messages":3,"code":${status.ABORTED}}`;
    const { code, details, messages } = await client.stream("Count").send(request).end();
    expect({ code, details }).toEqual({ code: status.ABORTED, details: "after the messages" });
    expect(messages.map(String)).toEqual(["0", "1", "2"]);
  });

  test("a client's stream arrives whole and in order", async () => {
    const stream = client.stream("Join");
    const parts = Array.from({ length: 100 }, (_, i) => content(1 + i * 211));
    for (const part of parts) stream.send(part);
    const { code, messages } = await stream.end();
    expect(code).toBe(status.OK);
    expect(read(messages)).toEqual({ messages: 100, sha256: sha256(Buffer.concat(parts)) });
  });

  test("both ends of a stream talk in turns: nothing waits for the end of the other direction", async () => {
    const stream = client.stream("Chat");
    for (const word of ["one", "two", "three"]) {
      const answer = stream.next();
      stream.send(word);
      expect(String(await answer)).toBe(`re: ${word}`);
    }
    const { code, messages, trailing } = await stream.end();
    expect([code, messages.length, trailing.get("x-trailing")]).toEqual([status.OK, 3, ["last"]]);
  });

  test("many calls of one connection keep apart", async () => {
    const hashes = await Promise.all(
      Array.from({ length: 50 }, async (_, i) =>
        String((await client.unary("Hash", content(1 + i * 997))).messages[0]),
      ),
    );
    expect(hashes).toEqual(Array.from({ length: 50 }, (_, i) => sha256(content(1 + i * 997))));
  });

  test("a status without a message passes with its text and its metadata, in a head alone", async () => {
    const details = 'no such thing: "ä%\n"';
    const request = JSON.stringify({ code: status.NOT_FOUND, details });
    const { code, details: told, messages, trailing } = await client.unary("Fail", request);
    expect({ code, told, messages }).toEqual({ code: status.NOT_FOUND, told: details, messages: [] });
    expect(trailing.get("x-trailing-bin")).toEqual([Buffer.from([0, 1, 254, 255])]);
  });

  test("an unknown method is the application's to refuse", async () => {
    const { headers } = await fetch(`http://127.0.0.1:${pair.upstream.grpc}/traffic.Polyglot/Nothing`, {
      method: "POST",
      headers: { "content-type": "application/grpc", te: "trailers" },
      body: new Uint8Array(5),
    });
    expect(headers.get("grpc-status")).toBe(String(status.UNIMPLEMENTED));
  });

  test("a deadline is told to the server, and ends the call on both sides", async () => {
    const { messages } = await client.unary("Describe", "", { timeoutMs: 8_000 });
    expect(read<SeenCall>(messages).hasDeadline).toBe(true);
    const cancelled = async () => read<number>((await client.unary("Cancelled", "")).messages);
    const before = await cancelled();
    // The client, each proxy and the server keep it; a proxy's word for it is UNAVAILABLE, as for any 504. Where the server's proxy is the
    // first to say it, the client's tries once more in what is left of the time: that call is cancelled as well.
    const { code } = await client.unary("Hang", "", { timeoutMs: 200 });
    expect([status.DEADLINE_EXCEEDED, status.UNAVAILABLE]).toContain(code);
    expect(await eventually(cancelled, (count) => count > before)).toBeGreaterThan(before);
  });

  test("a call that its client cancels is cancelled at the server", async () => {
    const cancelled = async () => read<number>((await client.unary("Cancelled", "")).messages);
    const before = await cancelled();
    const stream = client.stream("Hang").send("");
    await eventually(
      async () => (await client.unary("Describe", "")).code,
      (code) => code === status.OK,
    );
    stream.cancel();
    expect((await stream.outcome).code).toBe(status.CANCELLED);
    expect(await eventually(cancelled, (count) => count > before)).toBe(before + 1);
  });

  test("the proxies' own replies are statuses, by Envoy's mapping of HTTP's", async () => {
    await pair.routePolyglot(
      "grpc",
      `  - match: [{uri: {exact: /traffic.Polyglot/Fail}}]
    directResponse: {status: 404, body: {string: "not here"}}
  - match: [{uri: {exact: /traffic.Polyglot/Hash}}]
    directResponse: {status: 403}
  - match: [{uri: {exact: /traffic.Polyglot/Bytes}}]
    directResponse: {status: 429}
  - match: [{uri: {exact: /traffic.Polyglot/Join}}]
    route: [{destination: {host: nowhere, port: {number: 82}}}]
  - match: [{uri: {exact: /traffic.Polyglot/Hang}}]
    timeout: 0.2s
    route: [{destination: {host: polyglot, port: {number: 81}}}]
  - match: [{uri: {exact: /traffic.Polyglot/Describe}}]
    ${TO_POLYGLOT}`,
    );
    const outcome = async (method: "Fail" | "Hash" | "Bytes" | "Join" | "Hang" | "Flaky" | "Describe") => {
      const { code, details } = await client.unary(method, "{}");
      return { code, details };
    };
    expect(await outcome("Describe")).toEqual({ code: status.OK, details: "OK" });
    expect(await outcome("Fail")).toEqual({ code: status.UNIMPLEMENTED, details: "not here" });
    expect((await outcome("Hash")).code).toBe(status.PERMISSION_DENIED);
    expect((await outcome("Bytes")).code).toBe(status.UNAVAILABLE);
    expect((await outcome("Join")).code).toBe(status.UNAVAILABLE);
    expect(await outcome("Hang")).toEqual({ code: status.UNAVAILABLE, details: "upstream request timeout" });
    expect((await outcome("Flaky")).code).toBe(status.UNIMPLEMENTED); // no route
  });

  test("a route's time-out is the deadline that the server is told", async () => {
    await pair.routePolyglot("grpc", `  - timeout: 5s\n    ${TO_POLYGLOT}`);
    const seen = read<SeenCall>((await client.unary("Describe", "")).messages);
    expect(seen.hasDeadline).toBe(true);
    expect(seen.metadata["x-envoy-expected-rq-timeout-ms"]).toBe("5000");
  });

  test("a status that is retried is told no more", async () => {
    await pair.routePolyglot(
      "grpc",
      `  - match: [{uri: {exact: /traffic.Polyglot/Flaky}}]
    retries: {attempts: 2, retryOn: unavailable}
    ${TO_POLYGLOT}
  - ${TO_POLYGLOT}`,
    );
    const flaky = (times: number) => client.unary("Flaky", JSON.stringify({ key: crypto.randomUUID(), times }));
    const twice = await flaky(2);
    expect([twice.code, String(twice.messages[0])]).toEqual([status.OK, '{"calls":3}']);
    const thrice = await flaky(3);
    expect([thrice.code, thrice.details]).toEqual([status.UNAVAILABLE, "not yet"]);
  });
}
