// Policy, extensibility and places: rate limits by EnvoyFilter, a module, and locality load balancing, under the objects of the pages below
// tasks/policy-enforcement, tasks/extensibility and tasks/traffic-management/locality-load-balancing. WorkloadGroups are in group.test.ts.

import { beforeAll, expect, test } from "bun:test";
import { eventually, type TestWorkload } from "../../traffic/mesh.ts";
import { likely, tasks } from "./tasks.ts";

/** On Heddle's proxy neither an EnvoyFilter nor a module has one. */
const WITHOUT_EFFECT = "HED1560";

/** What istioctl says of the page's own EnvoyFilters: a relative patch without a priority. */
const RELATIVE = "IST0151";

const LIMITED = `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: filter-local-ratelimit-svc, namespace: istio-system}
spec:
  workloadSelector: {labels: {app: httpbin}}
  configPatches:
  - applyTo: HTTP_FILTER
    match:
      context: SIDECAR_INBOUND
      listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager}}}
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.local_ratelimit
        typed_config:
          "@type": type.googleapis.com/udpa.type.v1.TypedStruct
          type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
          value:
            stat_prefix: http_local_rate_limiter
            token_bucket: {max_tokens: 4, tokens_per_fill: 4, fill_interval: 60s}
            filter_enabled: {runtime_key: local_rate_limit_enabled, default_value: {numerator: 100, denominator: HUNDRED}}
            filter_enforced: {runtime_key: local_rate_limit_enforced, default_value: {numerator: 100, denominator: HUNDRED}}
            response_headers_to_add:
            - {append: false, header: {key: x-local-rate-limit, value: "true"}}`;

tasks("policy", (lab) => {
  let curl: TestWorkload;
  let near: TestWorkload;
  beforeAll(async () => {
    await lab.mesh.mention("curl", "v1", "a");
    [, curl, near] = await Promise.all([
      lab.run({ app: "httpbin", namespace: "istio-system", ports: { http: 8000 } }),
      lab.run({ app: "curl", ports: { http: 80 }, zone: "a" }),
      lab.run({ app: "helloworld", version: "v1", ports: { http: 5000 }, zone: "a" }),
      lab.run({ app: "helloworld", version: "v2", ports: { http: 5000 }, zone: "b" }),
    ]);
    await lab.settled();
  }, 60_000);

  test("locality load balancing: weighted distribution", async () => {
    await lab.follow(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: helloworld}
spec:
  host: helloworld.default.svc.cluster.local
  trafficPolicy:
    loadBalancer:
      localityLbSetting:
        enabled: true
        distribute: [{from: here/a/*, to: {"here/a/*": 70, "here/b/*": 30}}]
    outlierDetection: {consecutive5xxErrors: 100, interval: 1s, baseEjectionTime: 1m}`);
    const shares = await lab.shares(curl, "http://helloworld:5000/get", 200);
    const [least, most] = likely(200, 0.3);
    expect(shares.get("helloworld-v2")).toBeGreaterThanOrEqual(least);
    expect(shares.get("helloworld-v2")).toBeLessThanOrEqual(most);
    expect(shares.get("helloworld-v1")).toBe(200 - shares.get("helloworld-v2")!);
  });

  test("local rate limits", async () => {
    const url = "http://httpbin.istio-system:8000/get";
    const limited = !lab.isHeddle("istio-system/httpbin");
    await lab.follow(LIMITED, RELATIVE, ...(limited ? [] : [WITHOUT_EFFECT]));
    const statuses = async () => {
      const answers = [];
      for (let i = 0; i < 5; i++) answers.push(await lab.ask(curl, url));
      return answers;
    };
    const answers = await statuses();
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, limited ? 429 : 200]);
    expect(answers[4]?.headers.get("x-local-rate-limit")).toBe(limited ? "true" : null);
  });

  test("a module of Wasm", async () => {
    const isHeddle = lab.isHeddle("istio-system/httpbin");
    await lab.follow(
      `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: basic-auth, namespace: istio-system}
spec:
  selector: {matchLabels: {app: httpbin}}
  phase: AUTHN
  url: http://127.0.0.1:9/module.wasm
  sha256: "${"0".repeat(64)}"
  failStrategy: FAIL_OPEN
  pluginConfig: {basic_auth_rules: [{prefix: /get, credentials: ["ok:test"]}]}`,
      ...(isHeddle ? [WITHOUT_EFFECT] : []),
    );
    await lab.sees(curl, "http://httpbin.istio-system:8000/get", { status: 200, by: "httpbin-v1" });
  });

  test("locality load balancing: failover", async () => {
    await lab.follow(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: helloworld}
spec:
  host: helloworld.default.svc.cluster.local
  trafficPolicy:
    connectionPool: {http: {maxRequestsPerConnection: 1}}
    loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: true}}
    outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 1m}`);
    expect(await lab.shares(curl, "http://helloworld:5000/get", 20)).toEqual(new Map([["helloworld-v1", 20]]));
    await near.stop();
    const gone = () => lab.ask(curl, "http://helloworld:5000/get");
    expect((await eventually(gone, ({ application }) => application === "helloworld-v2")).application).toBe(
      "helloworld-v2",
    );
    expect(await lab.shares(curl, "http://helloworld:5000/get", 20)).toEqual(new Map([["helloworld-v2", 20]]));
  });
});
