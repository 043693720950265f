// Requests that are shaped to slip past a policy (classes 9 and 10 of docs/security.md): several values of a header, methods in another
// case, CONNECT without a path, rules that no request matches.

import { afterEach, describe, expect, test } from "bun:test";
import { headers } from "../../http/h2/raw-peer.ts";
import { type Message, routeTo, TestProxy } from "../proxy-fixture.ts";
import { answering, type RawServer } from "../raw-peer-fixture.ts";
import { Http2Peer } from "./http2-peer.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const open: { proxy: TestProxy; upstream: RawServer }[] = [];

function guarded(action: "ALLOW" | "DENY", permission: Message, settings: Message = {}): TestProxy {
  const upstream = answering(OK);
  const rules = { action, policies: { p: { permissions: [permission], principals: [{ any: true }] } } };
  const filter: Message = {
    name: "envoy.filters.http.rbac",
    typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC", rules },
  };
  const proxy = new TestProxy({ ports: [upstream.port], routes: [routeTo("upstream")], filters: [filter], settings });
  open.push({ proxy, upstream });
  return proxy;
}

afterEach(async () => {
  for (const { proxy, upstream } of open.splice(0)) {
    await proxy.close();
    upstream.close();
  }
});

async function statusOf(proxy: TestProxy, request: string): Promise<string> {
  const client = await proxy.sends(`${request}\r\n\r\n`);
  await client.hears("\r\n\r\n");
  return client.text.slice(9, 12);
}

const ROLE = { header: { name: "x-role", string_match: { exact: "guest" } } };
const METHOD = { header: { name: ":method", string_match: { exact: "DELETE" } } };

describe("several values of a header (CVE-2026-26308)", () => {
  test("a deny rule is met by any of them", async () => {
    const proxy = guarded("DENY", ROLE);
    expect(await statusOf(proxy, "GET / HTTP/1.1\r\nhost: a\r\nx-role: guest")).toBe("403");
    expect(await statusOf(proxy, "GET / HTTP/1.1\r\nhost: a\r\nx-role: admin\r\nx-role: guest")).toBe("403");
    expect(await statusOf(proxy, "GET / HTTP/1.1\r\nhost: a\r\nx-role: guest\r\nx-role: admin")).toBe("403");
    expect(await statusOf(proxy, "GET / HTTP/1.1\r\nhost: a\r\nx-role: admin")).toBe("200");
  });

  test("an allow rule is not met by one of them", async () => {
    const proxy = guarded("ALLOW", ROLE);
    expect(await statusOf(proxy, "GET / HTTP/1.1\r\nhost: a\r\nx-role: guest")).toBe("200");
    expect(await statusOf(proxy, "GET / HTTP/1.1\r\nhost: a\r\nx-role: guest\r\nx-role: admin")).toBe("403");
    expect(await statusOf(proxy, "GET / HTTP/1.1\r\nhost: a")).toBe("403");
  });
});

describe("methods", () => {
  test("in lower case are refused by either codec, before any rule", async () => {
    const proxy = guarded("DENY", METHOD);
    expect(await statusOf(proxy, "DELETE / HTTP/1.1\r\nhost: a")).toBe("403");
    expect(await statusOf(proxy, "delete / HTTP/1.1\r\nhost: a")).toBe("400");
    const client = await Http2Peer.open(proxy);
    client.send(headers(1, [":method", "delete", ":scheme", "http", ":path", "/", ":authority", "a"], true));
    await client.hears("rstStream 1 protocolError");
  });
});

describe("paths", () => {
  const path = { url_path: { path: { prefix: "/admin" } } };

  test("the rule sees what the upstream will see, without the query", async () => {
    const proxy = guarded("DENY", path, { normalize_path: true });
    for (const target of ["/admin", "/x/../admin", "/x/..;y/admin", "/%61dmin", "/admin?x=1", "/./admin/x"])
      expect(await statusOf(proxy, `GET ${target} HTTP/1.1\r\nhost: a`)).toBe("403");
    expect(await statusOf(proxy, "GET /public?x=/admin HTTP/1.1\r\nhost: a")).toBe("200");
  });

  test("CONNECT has none, which is no path that a rule would allow, and harms nobody (CVE-2026-73547)", async () => {
    const allowing = guarded("ALLOW", path);
    expect(await statusOf(allowing, "CONNECT a:80 HTTP/1.1\r\nhost: a:80")).toMatch(/^40[34]$/);
    const denying = guarded("DENY", { not_rule: path });
    expect(await statusOf(denying, "CONNECT a:80 HTTP/1.1\r\nhost: a:80")).toMatch(/^40[34]$/);
    const client = await Http2Peer.open(denying);
    client.send(headers(1, [":method", "CONNECT", ":authority", "a:80"]));
    await client.hears("headers 1");
    expect(await statusOf(denying, "GET /admin HTTP/1.1\r\nhost: a")).toBe("200");
  });
});

test("rules that nothing meets: allow lets nobody in, deny keeps nobody out", async () => {
  expect(await statusOf(guarded("ALLOW", METHOD), "GET / HTTP/1.1\r\nhost: a")).toBe("403");
  expect(await statusOf(guarded("DENY", METHOD), "GET / HTTP/1.1\r\nhost: a")).toBe("200");
});

test("a regex meets bytes beyond ASCII, and does not fail open (CVE-2026-73552)", async () => {
  const regex = { header: { name: "x-role", string_match: { safe_regex: { regex: "gu.*st" } } } };
  const proxy = guarded("DENY", regex);
  expect(await statusOf(proxy, "GET / HTTP/1.1\r\nhost: a\r\nx-role: gu\xff\xfe\xc0st")).toBe("403");
});
