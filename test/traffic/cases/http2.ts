// HTTP/2 in the clear with prior knowledge, from the client and to the application.

import { expect, test } from "bun:test";
import http2 from "node:http2";
import { answerOn, Http2Client } from "../http2-client.ts";
import type { Pair } from "../pair.ts";
import { content, MEBIBYTE, sha256 } from "../polyglot/content.ts";
import type { Seen } from "../polyglot/requests.ts";

const seenIn = (body: Buffer) => JSON.parse(body.toString()) as Seen;

export function http2Cases(pair: Pair): void {
  const withClient = async (run: (client: Http2Client) => Promise<void>, port = pair.upstream.http2) => {
    const client = new Http2Client(port);
    try {
      await run(client);
    } finally {
      client.close();
    }
  };

  test("a request stays HTTP/2 all the way, with its authority told to the service", () =>
    withClient(async (client) => {
      const { status, body } = await client.ask("/describe?x=1", { headers: { "x-mine": "kept" } });
      expect(status).toBe(200);
      const { version, path, authority, headers } = seenIn(body);
      expect({ version, path }).toEqual({ version: "2.0", path: "/describe?x=1" });
      expect(authority).toBe("polyglot.default.svc.cluster.local:81");
      expect(headers["x-mine"]).toBe("kept");
      expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://cluster.local/ns/default/sa/client");
    }));

  test("a mebibyte passes whole both ways", () =>
    withClient(async (client) => {
      const bytes = content(MEBIBYTE);
      const up = await client.ask("/describe", { method: "POST", body: bytes });
      expect(seenIn(up.body).sha256).toBe(sha256(bytes));
      expect(sha256((await client.ask(`/bytes/${MEBIBYTE}`)).body)).toBe(sha256(bytes));
    }));

  test("trailers pass both ways", () =>
    withClient(async (client) => {
      const up = await client.ask("/describe", {
        method: "POST",
        body: Buffer.from("abc"),
        trailers: { "x-sum": "42" },
      });
      expect(seenIn(up.body).trailers).toEqual({ "x-sum": "42" });
      const down = await client.ask("/chunks/30000");
      expect(down.trailers["x-sha256"]).toBe(sha256(content(30_000)));
      expect(sha256(down.body)).toBe(sha256(content(30_000)));
    }));

  test("trailers cross from HTTP/2 to HTTP/1.1 and back", () =>
    withClient(async (client) => {
      const up = await client.ask("/describe", {
        method: "POST",
        body: Buffer.from("abc"),
        trailers: { "x-sum": "42" },
      });
      expect(seenIn(up.body)).toMatchObject({ version: "1.1", bytes: 3, trailers: { "x-sum": "42" } });
      expect((await client.ask("/chunks/100")).trailers["x-sha256"]).toBe(sha256(content(100)));
    }, pair.upstream.http));

  test("HEAD, 204 and 304 have no body", () =>
    withClient(async (client) => {
      const head = await client.ask("/bytes/1000", { method: "HEAD" });
      expect([head.status, head.headers["content-length"], head.body.length]).toEqual([200, "1000", 0]);
      const noContent = await client.ask("/status/204");
      expect([noContent.status, noContent.body.length]).toEqual([204, 0]);
      const notModified = await client.ask("/status/304");
      expect([notModified.status, notModified.headers.etag, notModified.body.length]).toEqual([304, '"one"', 0]);
    }));

  test("the application answers `expect: 100-continue` itself, and the body follows its 100", () =>
    withClient(async (client) => {
      const stream = client.session.request({
        ":method": "POST",
        ":path": "/describe",
        expect: "100-continue",
      });
      stream.on("continue", () => stream.end("hello"));
      const { body } = await answerOn(stream);
      expect(seenIn(body)).toMatchObject({ bytes: 5, headers: { expect: "100-continue" } });
    }));

  test("many streams of one connection keep apart", () =>
    withClient(async (client) => {
      const lengths = Array.from({ length: 40 }, (_, i) => 1 + i * 7_919);
      const hashes = await Promise.all(
        lengths.map(async (length) => {
          const { body } = await client.ask("/describe", { method: "POST", body: content(length) });
          return seenIn(body).sha256;
        }),
      );
      expect(hashes).toEqual(lengths.map((length) => sha256(content(length))));
    }));

  test("a stream that the client gives up leaves its connection and the others alone", () =>
    withClient(async (client) => {
      const given = client.session.request({ ":path": `/bytes/${8 * MEBIBYTE}` });
      given.on("error", () => {});
      const closed = new Promise((resolve) => given.on("close", resolve));
      given.once("data", () => given.close(http2.constants.NGHTTP2_CANCEL));
      const other = client.ask(`/bytes/${MEBIBYTE}`);
      await closed;
      expect(sha256((await other).body)).toBe(sha256(content(MEBIBYTE)));
      expect((await client.ask("/status/204")).status).toBe(204);
    }));

  test("curl speaks HTTP/2 with prior knowledge through the mesh", async () => {
    const curl = Bun.spawn(
      [
        ...["curl", "-sS", "--max-time", "10", "--http2-prior-knowledge", "--data-binary", "@-"],
        `http://127.0.0.1:${pair.upstream.http2}/describe`,
      ],
      { stdin: content(MEBIBYTE), stdout: "pipe" },
    );
    const { version, sha256: hash } = (await new Response(curl.stdout).json()) as Seen;
    expect({ version, hash }).toEqual({ version: "2.0", hash: sha256(content(MEBIBYTE)) });
  });
}
