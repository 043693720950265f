// What filters count, by the names that Envoy's exposition gives it.

import { afterAll, expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import { extension, socketAddress } from "./message.ts";
import { Processor } from "./processor.ts";
import { traffic } from "./traffic.ts";

const processor = new Processor();
afterAll(() => processor.stop());
const ALWAYS = { default_value: { numerator: 100, denominator: "HUNDRED" } };
const ANY = [{ any: true }];
const policies = (name: string) => ({
  p: { permissions: [{ header: { name, present_match: true } }], principals: ANY },
});

traffic(
  "rate limits, access control and external processing",
  {
    legs: DIRECT,
    manager: { stat_prefix: "counted" },
    filters: [
      extension("envoy.filters.http.local_ratelimit", "extensions.filters.http.local_ratelimit.v3.LocalRateLimit", {
        stat_prefix: "limited",
        filter_enabled: ALWAYS,
        filter_enforced: ALWAYS,
        token_bucket: { max_tokens: 3, tokens_per_fill: 1, fill_interval: "3600s" },
      }),
      extension("envoy.filters.http.rbac", "extensions.filters.http.rbac.v3.RBAC", {
        rules: { action: "DENY", policies: policies("x-bad") },
        rules_stat_prefix: "rules_",
        shadow_rules: { action: "ALLOW", policies: policies("x-good") },
        shadow_rules_stat_prefix: "shadow_",
        track_per_rule_stats: true,
      }),
      extension("envoy.filters.http.ext_proc", "extensions.filters.http.ext_proc.v3.ExternalProcessor", {
        grpc_service: { envoy_grpc: { cluster_name: "processor" } },
        message_timeout: "5s",
      }),
    ],
    clusters: {
      processor: {
        endpoints: [{ to: processor.port, fields: { endpoint: { address: socketAddress(processor.port) } } }],
        fields: {
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http_protocol_options: null, http2_protocol_options: {} },
            },
          },
        },
      },
    },
  },
  async ({ client, process }) => {
    processor.does();
    const statuses = [];
    for (const headers of [{ "x-good": "1" }, { "x-bad": "1" }, { other: "1" }, { other: "1" }])
      statuses.push((await client.request("/", { headers: headers as Record<string, string> })).status);
    expect(statuses).toEqual([200, 403, 200, 429]);
    const text = await process.admin("/stats/prometheus");
    // Envoy's labels have a prefix of their own unless stats_config says otherwise, as the mesh's bootstrap does.
    const value = (name: string, ...labels: readonly string[]) => {
      const line = text
        .split("\n")
        .find((one) => one.startsWith(`envoy_http_${name}{`) && labels.every((label) => one.includes(`"${label}"`)));
      return line && Number(line.split(" ").at(-1));
    };
    const ofLimit = (name: string) => value(`local_rate_limit_${name}`, "limited");
    expect(["enabled", "ok", "rate_limited", "enforced"].map(ofLimit)).toEqual([4, 3, 1, 1]);
    expect([value("rbac_allowed", "rules_", "counted"), value("rbac_denied", "rules_", "counted")]).toEqual([2, 1]);
    const ofShadow = (name: string) => value(`rbac_shadow_${name}`, "shadow_", "counted");
    expect([ofShadow("allowed"), ofShadow("denied")]).toEqual([1, 2]);
    expect(value("rbac_policy_denied", "p", "rules_")).toBe(1);
    expect(value("rbac_policy_shadow_allowed", "p", "shadow_")).toBe(1);
    expect([value("rbac_policy_allowed"), value("rbac_policy_shadow_denied")]).toEqual([undefined, undefined]);
    const ofProcessor = (name: string) => value(`ext_proc_${name}`, "counted");
    const names = ["streams_started", "streams_failed", "stream_msgs_sent", "stream_msgs_received", "message_timeouts"];
    expect(names.map(ofProcessor)).toEqual([4, 0, 6, 6, 0]);
  },
);
