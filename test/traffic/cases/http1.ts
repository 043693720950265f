// HTTP/1.1 to an application of HTTP/1.1, over a leg that is HTTP/2.

import { expect, test } from "bun:test";
import { ByteClient } from "../byte-client.ts";
import type { Pair } from "../pair.ts";
import { content, MEBIBYTE, sha256 } from "../polyglot/content.ts";
import type { Seen } from "../polyglot/requests.ts";

const lines = (...fields: readonly string[]) => `${fields.join("\r\n")}\r\n\r\n`;

/** The JSON at the end of what came. */
function seenIn(text: string): Seen {
  return JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as Seen;
}

export function http1Cases(pair: Pair): void {
  const url = (path: string) => `http://127.0.0.1:${pair.upstream.http}${path}`;
  const send = async (...requests: readonly string[]) =>
    (await ByteClient.connect(pair.upstream.http)).send(requests.join(""));
  /** Everything that came back until the connection closed, fields in lower case. */
  const answerTo = async (...requests: readonly string[]) => (await (await send(...requests)).all()).toString("latin1");

  test("bodies of a megabyte pass both ways, without their length known", async () => {
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
    const text = await (await pair.get("/body/1000000")).text();
    expect(text.length).toBe(1_000_000);
    expect((await pair.described("/", { method: "POST", body: "y".repeat(1_000_000) })).body).toBe(1_000_000);
  });

  test("a mebibyte passes whole both ways, with its length known and without", async () => {
    const bytes = content(MEBIBYTE);
    const up = await fetch(url("/describe"), { method: "POST", body: bytes });
    const seen = (await up.json()) as Seen;
    expect({ bytes: seen.bytes, sha256: seen.sha256 }).toEqual({ bytes: MEBIBYTE, sha256: sha256(bytes) });
    expect(seen.headers["content-length"]).toBe(String(MEBIBYTE));
    for (const path of [`/bytes/${MEBIBYTE}`, `/chunks/${MEBIBYTE}`]) {
      const down = await fetch(url(path));
      expect(sha256(await down.bytes())).toBe(sha256(bytes));
    }
  });

  test("a chunked request arrives with its trailers", async () => {
    const text = await answerTo(
      lines("POST /describe HTTP/1.1", "Host: a", "Connection: close", "Transfer-Encoding: chunked", "Trailer: x-sum"),
      "3\r\nabc\r\n2\r\nde\r\n",
      lines("0", "x-sum: 42"),
    );
    const { bytes, sha256: hash, trailers } = seenIn(text);
    expect({ bytes, hash, trailers }).toEqual({
      bytes: 5,
      hash: sha256(Buffer.from("abcde")),
      trailers: { "x-sum": "42" },
    });
  });

  test("a chunked response arrives with its trailers", async () => {
    const text = await answerTo(lines("GET /chunks/30000 HTTP/1.1", "Host: a", "Connection: close"));
    expect(text).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(text.toLowerCase()).toContain("\r\ntransfer-encoding: chunked\r\n");
    expect(text).toEndWith(`\r\n0\r\nx-sha256: ${sha256(content(30_000))}\r\n\r\n`);
  });

  test("HEAD, 204 and 304 have no body, and the connection goes on behind them", async () => {
    const text = await answerTo(
      lines("HEAD /bytes/1000 HTTP/1.1", "Host: a"),
      lines("GET /status/204 HTTP/1.1", "Host: a"),
      lines("GET /status/304 HTTP/1.1", "Host: a", 'If-None-Match: "one"'),
      lines("HEAD /describe HTTP/1.1", "Host: a"),
      lines("GET /bytes/4 HTTP/1.1", "Host: a", "Connection: close"),
    );
    const [head = "", noContent = "", notModified = "", chunked = "", last = "", body] = text.split("\r\n\r\n");
    expect(head).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(head).toContain("\r\ncontent-length: 1000");
    expect(noContent).toStartWith("HTTP/1.1 204 No Content\r\n");
    expect(noContent).not.toMatch(/content-length|transfer-encoding/i);
    expect(notModified).toStartWith("HTTP/1.1 304 Not Modified\r\n");
    expect(notModified).toContain('\r\netag: "one"');
    expect(chunked).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(last).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(body).toBe(content(4).toString("latin1"));
  });

  test("the application answers `Expect: 100-continue` itself, and the body follows its 100", async () => {
    const client = await send(
      lines("POST /describe HTTP/1.1", "Host: a", "Connection: close", "Expect: 100-continue", "Content-Length: 5"),
    );
    expect(await client.hears("\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    const seen = seenIn((await client.send("hello").all()).toString());
    expect(seen.headers.expect).toBe("100-continue");
    expect(seen.sha256).toBe(sha256(Buffer.from("hello")));
  });

  test("an application that refuses the expectation gets no body", async () => {
    const client = await send(
      lines("POST /refuse HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 1000000"),
    );
    expect(await client.hears("\r\n\r\n")).toStartWith("HTTP/1.1 417 Expectation Failed\r\n");
    client.close();
  });

  test("curl's upload of a mebibyte waits for the 100", async () => {
    const curl = Bun.spawn(
      ["curl", "-sS", "--max-time", "10", "-T", "-", "-H", "Expect: 100-continue", url("/describe")],
      {
        stdin: content(MEBIBYTE),
        stdout: "pipe",
      },
    );
    const { method, sha256: hash } = (await new Response(curl.stdout).json()) as Seen;
    expect({ method, hash }).toEqual({ method: "PUT", hash: sha256(content(MEBIBYTE)) });
  });

  test("a response may come before the request is whole", async () => {
    const client = await send(lines("POST /early HTTP/1.1", "Host: a", "Content-Length: 100000"), "only this");
    expect(await client.hears("early\n")).toContain("early\n");
    client.close();
  });

  test("an HTTP/1.1 client reaches an application of HTTP/2, and curl's HTTP/2 one of HTTP/1.1", async () => {
    const up = (await (await fetch(`http://127.0.0.1:${pair.upstream.http2}/describe`)).json()) as Seen;
    expect(up.version).toBe("2.0");
    const curl = Bun.spawn(
      ["curl", "-sS", "--max-time", "10", "--http2-prior-knowledge", "-w", "%{http_version}", url("/describe")],
      {
        stdout: "pipe",
      },
    );
    const text = await new Response(curl.stdout).text();
    expect(seenIn(text).version).toBe("1.1");
    expect(text).toEndWith("}2");
  });
}
