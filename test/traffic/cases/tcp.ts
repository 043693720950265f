// Byte streams on ports that are declared TCP, over mutual TLS.

import { expect, test } from "bun:test";
import { ByteClient } from "../byte-client.ts";
import type { Pair } from "../pair.ts";
import { content, MEBIBYTE, sha256 } from "../polyglot/content.ts";

export function tcpCases(pair: Pair): void {
  const connect = (port: "tcp" | "tcp-greeter" = "tcp") => ByteClient.connect(pair.upstream[port]);

  test("bytes pass both ways as they come", async () => {
    const client = (await connect()).send("echo\n");
    for (const word of ["one", "two", "three"]) expect(await client.send(word).hears(word)).toEndWith(word);
    expect((await client.end().all()).toString()).toBe("onetwothree");
  });

  test("a server that speaks first is heard before the client says anything", async () => {
    const client = await connect("tcp-greeter");
    expect(await client.hears("\n")).toBe("220 ready\n");
    expect((await client.send("helo\n").all()).toString()).toBe("220 ready\n250 helo\n");
    client.close();
  });

  test("a client's end reaches the server, whose answer still comes", async () => {
    const bytes = content(MEBIBYTE);
    const client = (await connect()).send("hash\n").send(bytes).end();
    expect((await client.all()).toString()).toBe(sha256(bytes));
  });

  test("a server's end comes behind all of its bytes, and the client may still send", async () => {
    const client = (await connect()).send(`send ${MEBIBYTE}\n`);
    expect(sha256(await client.all())).toBe(sha256(content(MEBIBYTE)));
    client.send("more").end();
  });

  test("a mebibyte each way at once", async () => {
    const bytes = content(MEBIBYTE);
    const client = (await connect()).send(`both ${MEBIBYTE}\n`).send(bytes).end();
    const answer = await client.all();
    expect(answer.length).toBe(MEBIBYTE + 64);
    expect(sha256(answer.subarray(0, MEBIBYTE))).toBe(sha256(bytes));
    expect(answer.subarray(MEBIBYTE).toString()).toBe(sha256(bytes));
  });

  test("a server's reset ends the client's connection", async () => {
    const client = (await connect()).send("reset\n");
    expect((await client.all()).length).toBe(0);
    client.close();
  });

  test("many connections keep apart", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const client = (await connect())
          .send("hash\n")
          .send(content(10_000 + i))
          .end();
        return (await client.all()).toString();
      }),
    );
    expect(answers).toEqual(Array.from({ length: 20 }, (_, i) => sha256(content(10_000 + i))));
  });
}
