// Where a request goes and by which path, read alike by routes, policies and upstream (classes 7 and 8 of docs/security.md).

import { afterEach, describe, expect, test } from "bun:test";
import { headers } from "../../http/h2/raw-peer.ts";
import { type Message, routeTo, TestProxy } from "../proxy-fixture.ts";
import { answering, type RawServer } from "../raw-peer-fixture.ts";
import { Http2Peer } from "./http2-peer.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const open: { proxy: TestProxy; upstream: RawServer }[] = [];

function start(settings: Message = {}): { proxy: TestProxy; upstream: RawServer } {
  const upstream = answering(OK);
  const admin: Message = { name: "admin", match: { prefix: "/admin" }, direct_response: { status: 403 } };
  const proxy = new TestProxy({ ports: [upstream.port], routes: [admin, routeTo("upstream")], settings });
  open.push({ proxy, upstream });
  return { proxy, upstream };
}

afterEach(async () => {
  for (const { proxy, upstream } of open.splice(0)) {
    await proxy.close();
    upstream.close();
  }
});

describe("the host", () => {
  const REFUSED: Readonly<Record<string, string>> = {
    "missing on HTTP/1.1": "GET / HTTP/1.1\r\n\r\n",
    "given twice": "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
    "a list": "GET / HTTP/1.1\r\nhost: a, b\r\n\r\n",
    "with user information": "GET / HTTP/1.1\r\nhost: b@a\r\n\r\n",
    "with a path": "GET / HTTP/1.1\r\nhost: a/admin\r\n\r\n",
    "with a port out of range": "GET / HTTP/1.1\r\nhost: a:99999\r\n\r\n",
    empty: "GET / HTTP/1.1\r\nhost:\r\n\r\n",
    "of an absolute target with user information": "GET http://b@a/ HTTP/1.1\r\nhost: a\r\n\r\n",
    "of an absolute target of another scheme": "GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n",
    "hidden by a connection option": "GET / HTTP/1.1\r\nhost: a\r\nconnection: host\r\n\r\n",
    "beside a fragment": "GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n",
    "of * without OPTIONS": "GET * HTTP/1.1\r\nhost: a\r\n\r\n",
  };
  for (const [what, bytes] of Object.entries(REFUSED)) {
    test(`${what} is refused`, async () => {
      const { proxy, upstream } = start();
      const client = await proxy.sends(bytes);
      await client.isClosed();
      expect(client.text).toStartWith("HTTP/1.1 400 ");
      expect(upstream.connections).toHaveLength(0);
      expect((await proxy.log(1))[0]).toStartWith("400 ");
    });
  }

  test("of an absolute target wins over Host, and is what the upstream reads", async () => {
    const { proxy, upstream } = start();
    const client = await proxy.sends("GET http://real/x HTTP/1.1\r\nhost: other\r\n\r\n");
    await client.hears("ok");
    expect(upstream.text).toStartWith("GET /x HTTP/1.1\r\nhost: real\r\n");
    expect(upstream.text).not.toContain("other");
  });

  test("chooses the virtual host whatever its case and port", async () => {
    const { proxy, upstream } = start();
    const client = await proxy.sends("GET / HTTP/1.1\r\nhost: A:80\r\n\r\n");
    await client.hears("ok");
    expect(upstream.text).toContain("host: A:80");
  });
});

const PATHS: Readonly<Record<string, string>> = {
  "escaped dots": "/x/%2e%2e/admin",
  "half-escaped dots": "/x/.%2E/admin",
  "dots with a parameter": "/x/..;/admin",
  "escaped dots with a parameter": "/x/%2e%2e;a=b/admin",
  "a backslash": "\\admin",
  "a backslash behind dots": "/x/..\\admin",
  "escaped letters": "/%61dm%69n",
  "a dot segment": "/./admin",
  "a dot segment with a parameter": "/.;x/admin",
};

describe("the path, where it is normalised", () => {
  for (const [what, path] of Object.entries(PATHS)) {
    test(`${what} does not get around a route`, async () => {
      const { proxy, upstream } = start({ normalize_path: true });
      const target = path.startsWith("/") ? path : `/${path}`;
      const client = await proxy.sends(`GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`);
      await client.hears("\r\n\r\n");
      const http2 = await Http2Peer.open(proxy);
      http2.send(headers(1, [":method", "GET", ":scheme", "http", ":path", target, ":authority", "a"], true));
      await http2.hears("headers 1");
      // "/\admin" is "//admin", which is another path where slashes are not merged.
      const refused = !path.startsWith("\\");
      expect(client.text.startsWith("HTTP/1.1 403 ")).toBe(refused);
      expect(http2.lines.some((line) => line.startsWith("headers 1 end :status=403"))).toBe(refused);
      expect(upstream.connections.length === 0).toBe(refused);
    });
  }

  test("doubled slashes do not, where they are merged", async () => {
    const { proxy, upstream } = start({ normalize_path: true, merge_slashes: true });
    for (const path of ["//admin", "/\\admin", "/x/..//admin"]) {
      const client = await proxy.sends(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
      await client.hears("HTTP/1.1 403 ");
    }
    expect(upstream.connections).toHaveLength(0);
  });

  test("an escape that is none, or of NUL, has no path", async () => {
    const { proxy, upstream } = start({ normalize_path: true });
    for (const path of ["/a%zz", "/a%0", "/a%00b"]) {
      const client = await proxy.sends(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
      await client.hears("HTTP/1.1 400 ");
    }
    expect(upstream.connections).toHaveLength(0);
    expect(await proxy.log(3)).toEqual(Array(3).fill("400 - path_normalization_failed 0"));
  });

  test("what the route saw is what the upstream gets", async () => {
    const { proxy, upstream } = start({ normalize_path: true });
    const client = await proxy.sends("GET /a/%2e%2e/%62;p/./c%2fd?q=/../%2e HTTP/1.1\r\nhost: a\r\n\r\n");
    await client.hears("ok");
    expect(upstream.text).toStartWith("GET /b;p/c%2fd?q=/../%2e HTTP/1.1\r\n");
  });
});

describe("escaped slashes", () => {
  const cases = [
    ["KEEP_UNCHANGED", "HTTP/1.1 200 ", "GET /x/..%2fadmin%5cb "],
    ["REJECT_REQUEST", "HTTP/1.1 400 ", undefined],
    ["UNESCAPE_AND_REDIRECT", "HTTP/1.1 307 ", undefined],
    ["UNESCAPE_AND_FORWARD", "HTTP/1.1 403 ", undefined],
  ] as const;
  for (const [action, answer, forwarded] of cases) {
    test(action, async () => {
      const { proxy, upstream } = start({ normalize_path: true, path_with_escaped_slashes_action: action });
      const client = await proxy.sends("GET /x/..%2fadmin%5cb HTTP/1.1\r\nhost: a\r\n\r\n");
      await client.hears("\r\n\r\n");
      expect(client.text).toStartWith(answer);
      if (action === "UNESCAPE_AND_REDIRECT") expect(client.text).toContain("\r\nlocation: /admin/b\r\n");
      if (forwarded) expect(upstream.text).toStartWith(forwarded);
      else expect(upstream.connections).toHaveLength(0);
    });
  }

  test("are resolved once, and only in the path", async () => {
    const { proxy, upstream } = start({ path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD" });
    const client = await proxy.sends("GET /a%252fb%2fc?q=%2f HTTP/1.1\r\nhost: a\r\n\r\n");
    await client.hears("ok");
    expect(upstream.text).toStartWith("GET /a%252fb/c?q=%2f HTTP/1.1\r\n");
  });

  test("redirect to no other host", async () => {
    const { proxy } = start({ path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT" });
    const client = await proxy.sends("GET /%2fevil.example/x HTTP/1.1\r\nhost: a\r\n\r\n");
    await client.hears("\r\nlocation: /evil.example/x\r\n");
  });
});

describe("names with underscores", () => {
  const request = "GET / HTTP/1.1\r\nhost: a\r\nx_forwarded_for: 10.0.0.1\r\nx-kept: 1\r\n\r\n";

  test("are refused where that was asked for, on either protocol", async () => {
    const { proxy, upstream } = start({
      common_http_protocol_options: { headers_with_underscores_action: "REJECT_REQUEST" },
    });
    const client = await proxy.sends(request);
    await client.hears("HTTP/1.1 400 ");
    const http2 = await Http2Peer.open(proxy);
    http2.send(headers(1, [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "x_y", "1"], true));
    await http2.hears("rstStream 1 protocolError");
    expect(upstream.connections).toHaveLength(0);
    expect([...(await proxy.log(2))].sort()).toEqual([
      "0 DPE http2.unexpected_underscore 0",
      "400 DPE http1.unexpected_underscore 0",
    ]);
  });

  test("are dropped where that was asked for, and pass otherwise", async () => {
    for (const [action, passes] of [
      ["DROP_HEADER", false],
      ["ALLOW", true],
    ] as const) {
      const { proxy, upstream } = start({ common_http_protocol_options: { headers_with_underscores_action: action } });
      const client = await proxy.sends(request);
      await client.hears("ok");
      expect(upstream.text.includes("x_forwarded_for")).toBe(passes);
      expect(upstream.text).toContain("x-kept: 1");
    }
  });
});
