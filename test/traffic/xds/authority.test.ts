// What the connection manager makes of a request's authority, and what it says of the request's way to both ends.

import { expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import type { Message } from "./message.ts";
import { refused, traffic } from "./traffic.ts";

/** What the application sees of what the client said; `:port` stands for the listener's. */
function authorities(name: string, manager: Message, rows: Readonly<Record<string, string>>): void {
  traffic(name, { legs: DIRECT, manager }, async ({ client }) => {
    const own = `:${client.place.port}`;
    for (const [said, seen] of Object.entries(rows)) {
      const { echo } = await client.request("/", { authority: said.replace(":port", own) });
      expect([said, echo.authority]).toEqual([said, seen.replace(":port", own)]);
    }
  });
}

authorities("an authority stays as it is", {}, { "a.test:port": "a.test:port", "a.test.": "a.test." });
authorities(
  "the listener's port is taken off",
  { strip_matching_host_port: true },
  { "a.test:port": "a.test", "a.test:1": "a.test:1", "a.test": "a.test", "[::1]:port": "[::1]" },
);
authorities(
  "any port is taken off",
  { strip_any_host_port: true },
  { "a.test:port": "a.test", "a.test:1": "a.test", "[::1]:1": "[::1]", "[::1]": "[::1]" },
);
authorities(
  "a dot at the end is taken off",
  { strip_trailing_host_dot: true },
  { "a.test.": "a.test", "a.test.:1": "a.test:1", "a.test": "a.test" },
);
authorities(
  "a dot and any port",
  { strip_trailing_host_dot: true, strip_any_host_port: true },
  { "a.test.:1": "a.test" },
);

traffic(
  "routes are chosen by what is left of it",
  {
    legs: DIRECT,
    manager: { strip_any_host_port: true },
    virtualHosts: [
      { name: "a", domains: ["a.test"], routes: [{ match: { prefix: "/" }, direct_response: { status: 204 } }] },
    ],
  },
  async ({ client }) => {
    expect((await client.request("/", { authority: "a.test:1" })).status).toBe(204);
    expect((await client.request("/", { authority: "b.test:1" })).status).toBe(404);
  },
);

traffic(
  "the response says the request's id, the client's own or one that was made",
  { legs: DIRECT, manager: { always_set_request_id_in_response: true } },
  async ({ client, logs }) => {
    const own = await client.request("/", { headers: { "x-request-id": "mine" } });
    expect(own.header("x-request-id")).toBe("mine");
    const made = await client.request("/");
    expect(made.header("x-request-id")).toBe((await logs(2))[1]!.id);
  },
);

for (const [name, manager, keeps] of [
  ["behind proxies", {}, true],
  ["at the edge", { use_remote_address: true }, false],
  ["at the edge, behind a trusted proxy", { use_remote_address: true, xff_num_trusted_hops: 1 }, true],
] as const)
  traffic(
    `x-forwarded-port is the listener's port, ${name}`,
    { legs: DIRECT, manager: { ...manager, append_x_forwarded_port: true } },
    async ({ client }) => {
      const port = async (headers: Record<string, string>) =>
        Object.fromEntries((await client.request("/", { headers })).echo.headers)["x-forwarded-port"];
      const own = String(client.place.port);
      expect(await port({})).toBe(own);
      expect(await port({ "x-forwarded-port": "7" })).toBe(keeps ? "7" : own);
    },
  );

refused(
  "two ways to take a port off",
  { manager: { strip_matching_host_port: true, strip_any_host_port: true } },
  (reason) => expect(reason).toContain("strip_matching_host_port"),
);
