// What the proxy does not do, and therefore refuses by name instead of doing half of it (classes 18 and 23 of docs/security.md), and what
// its own port gives away (class 24).

import { describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { checkListener } from "../../table/accept/resource.ts";
import { ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import {
  HttpConnectionManagerSchema,
  HttpFilterSchema,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { httpFilter, listener, type Message, parse, TestProxy } from "../proxy-fixture.ts";
import { answering, closedPort } from "../raw-peer-fixture.ts";

/** Filters that would decompress what a peer compressed, or judge tokens and scripts. */
const ABSENT = [
  "envoy.extensions.filters.http.decompressor.v3.Decompressor",
  "envoy.extensions.filters.http.compressor.v3.Compressor",
  "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
  "envoy.extensions.filters.http.oauth2.v3.OAuth2",
  "envoy.extensions.filters.http.lua.v3.Lua",
  "envoy.extensions.filters.http.wasm.v3.Wasm",
  "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
];

/** A listener with a filter of that type before the router; its content is nobody's business. */
function withFilter(type: string) {
  const message = parse(ListenerSchema, listener("l", httpFilter({ name: "http" })));
  const { "@type": _, ...settings } = httpFilter({ name: "http" }).typed_config as Message;
  const manager = parse(HttpConnectionManagerSchema, settings);
  const value = create(AnySchema, { typeUrl: `type.googleapis.com/${type}`, value: new Uint8Array([10, 1, 65]) });
  manager.httpFilters.unshift(create(HttpFilterSchema, { name: "x", configType: { case: "typedConfig", value } }));
  const { configType } = message.filterChains[0]!.filters[0]!;
  if (configType.case === "typedConfig") configType.value.value = toBinary(HttpConnectionManagerSchema, manager);
  return checkListener(message);
}

describe("filters that the proxy does not have are refused by name: nothing is decompressed or verified by halves", () => {
  for (const type of ABSENT) {
    test(type, () => {
      const checked = withFilter(type);
      expect(checked.kind).toBe("rejected");
      if (checked.kind === "rejected") {
        expect(checked.rejections.map(({ reason }) => reason).join()).toContain(type);
        expect(checked.rejections[0]!.path).toContain("http_filters[0]");
      }
    });
  }

  test("a compressed body passes as the bytes it is", async () => {
    const bomb = Bun.gzipSync(Buffer.alloc(10 * 1024 * 1024));
    const upstream = answering(
      `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n${Buffer.from(bomb).toString("latin1")}`,
    );
    const proxy = new TestProxy({ ports: [upstream.port] });
    const client = await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\naccept-encoding: gzip\r\n\r\n");
    await client.hears("\r\n\r\n");
    while (client.bytes < bomb.length) await Bun.sleep(2);
    expect(client.bytes).toBeLessThan(bomb.length + 1_000);
    await proxy.close();
    upstream.close();
  });
});

describe("the admin port", () => {
  test("changes nothing but by POST and for no page of another site, and gives back no markup", async () => {
    const port = closedPort();
    const address = { socket_address: { address: "127.0.0.1", port_value: port } };
    const proxy = new TestProxy({ bootstrap: { admin: { address } } });
    const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
    try {
      for (const path of ["/ready", "/clusters", "/listeners", "/server_info", "/stats/prometheus", "/certs"]) {
        for (const method of ["POST", "PUT", "DELETE"]) expect((await ask(path, { method })).status).toBe(405);
        expect((await ask(path)).headers.get("content-type")).not.toContain("html");
      }
      for (const path of ["/runtime_modify", "/cpuprofiler", "/heapprofiler", "/reopen_logs"])
        expect((await ask(path, { method: "POST" })).status).toBe(404);
      for (const path of [
        "/quitquitquit",
        "/reset_counters",
        "/logging?level=debug",
        "/healthcheck/fail",
        "/drain_listeners",
      ]) {
        expect([path, (await ask(path)).status]).toEqual([path, 405]);
        const foreign = await ask(path, { method: "POST", headers: { "sec-fetch-site": "cross-site" } });
        expect([path, foreign.status]).toEqual([path, 403]);
      }
      const odd = await ask("/%3Cscript%3Ealert(1)%3C/script%3E");
      expect(odd.headers.get("content-type")).toStartWith("text/plain");
      expect(await odd.text()).not.toContain("<script>");
      expect(proxy.proxy.configuration.draining).toBe(false);
    } finally {
      await proxy.close();
    }
  });
});
