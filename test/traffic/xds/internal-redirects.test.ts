// Redirects of the application that the proxy follows itself.

import { expect } from "bun:test";
import type { Behaviour } from "./behaviour.ts";
import { DIRECT } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const follows = (fields: Message = {}): Message => ({ internal_redirect_policy: fields });
const redirect = (location: string, status = 302): Behaviour => ({
  kind: "respond",
  status,
  headers: [["location", location]],
});

traffic(
  "a redirect is followed, and the client sees the answer of its target",
  { route: follows() },
  async ({ client, leg, application: { v1 } }) => {
    v1.script(({ path }) => (path === "/old?a" ? redirect("http://new.test/new?b") : { kind: "echo" }));
    const { status } = await client.request("/old?a");
    expect(status).toBe(200);
    expect(v1.requests.map(({ authority, path }) => authority + path)).toEqual([
      "upstream.test/old?a",
      "new.test/new?b",
    ]);
    // A second proxy does not believe it of a stranger.
    if (leg === "plaintext")
      expect(fieldOf(v1.requests[1]!.headers, "x-envoy-original-url")).toBe("http://upstream.test/old?a");
  },
);

traffic(
  "one redirect is the most unless told otherwise, and only 302 is followed",
  { route: follows(), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.script(({ path }) => redirect(`http://upstream.test${path}x`, path.startsWith("/301") ? 301 : 302));
    expect((await client.request("/a")).status).toBe(302);
    expect((await client.request("/301")).status).toBe(301);
    expect(v1.requests.map(({ path }) => path)).toEqual(["/a", "/ax", "/301"]);
  },
);

traffic(
  "more redirects and other codes where the policy says so",
  { route: follows({ max_internal_redirects: 3, redirect_response_codes: [301, 307, 308] }), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.script((_, n) => (n < 3 ? redirect(`http://upstream.test/${n}`, [301, 307, 308][n]!) : { kind: "echo" }));
    expect((await client.request("/", { method: "POST", body: "kept" })).status).toBe(200);
    expect(v1.requests.map(({ method, body }) => `${method} ${body}`)).toEqual(Array(4).fill("POST kept"));
  },
);

traffic(
  "a 303 is followed with GET and without a body",
  { route: follows({ redirect_response_codes: [303] }), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.script((_, n) => (n === 0 ? redirect("http://upstream.test/see", 303) : { kind: "echo" }));
    expect((await client.request("/", { method: "POST", body: "gone" })).status).toBe(200);
    expect(v1.requests.map(({ method, body }) => `${method} ${body}`)).toEqual(["POST gone", "GET "]);
  },
);

traffic(
  "another scheme is not followed, nor a route that is not on the list",
  {
    legs: DIRECT,
    routes: [
      { name: "listed", match: { prefix: "/listed" }, route: { cluster: "upstream" } },
      {
        name: "first",
        match: { prefix: "/" },
        route: {
          cluster: "upstream",
          ...follows({
            predicates: [
              extension(
                "envoy.internal_redirect_predicates.allow_listed_routes",
                "extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig",
                { allowed_route_names: ["listed"] },
              ),
            ],
          }),
        },
      },
    ],
  },
  async ({ client, application: { v1 } }) => {
    v1.script(({ path }) => {
      if (path === "/https") return redirect("https://upstream.test/listed");
      if (path === "/unlisted") return redirect("http://upstream.test/b");
      return path === "/a" ? redirect("http://upstream.test/listed") : { kind: "echo" };
    });
    const statuses: number[] = [];
    for (const path of ["/https", "/unlisted", "/a"]) statuses.push((await client.request(path)).status);
    expect(statuses).toEqual([302, 302, 200]);
    expect(v1.requests.map(({ path }) => path)).toEqual(["/https", "/unlisted", "/a", "/listed"]);
  },
);
