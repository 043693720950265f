// A port whose protocol nobody declared: the client's first bytes tell, and the application is addressed in kind.

import { expect, test } from "bun:test";
import { ByteClient } from "../byte-client.ts";
import { Http2Client } from "../http2-client.ts";
import type { Pair } from "../pair.ts";
import { content, MEBIBYTE, sha256 } from "../polyglot/content.ts";
import type { Seen } from "../polyglot/requests.ts";

export function undeclaredCases(pair: Pair): void {
  test("HTTP/1.1 arrives as HTTP/1.1", async () => {
    const response = await fetch(`http://127.0.0.1:${pair.upstream.any}/describe`, { method: "POST", body: "hello" });
    const { version, bytes, headers } = (await response.json()) as Seen;
    expect({ version, bytes }).toEqual({ version: "1.1", bytes: 5 });
    expect(headers["x-heddle-protocol"]).toBeUndefined();
  });

  test("HTTP/2 arrives as HTTP/2", async () => {
    const client = new Http2Client(pair.upstream.any);
    const { body } = await client.ask("/describe", { method: "POST", body: content(MEBIBYTE) });
    const { version, sha256: hash, headers } = JSON.parse(body.toString()) as Seen;
    expect({ version, hash }).toEqual({ version: "2.0", hash: sha256(content(MEBIBYTE)) });
    expect(headers["x-heddle-protocol"]).toBeUndefined();
    client.close();
  });

  test("bytes that are neither arrive as they are", async () => {
    const bytes = content(MEBIBYTE);
    const client = (await ByteClient.connect(pair.upstream.any)).send("hash\n").send(bytes).end();
    expect((await client.all()).toString()).toBe(sha256(bytes));
  });
}
