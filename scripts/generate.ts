// Makes src/*/gen from the protos. `bun scripts/generate.ts` rewrites them; `--check` regenerates beside and fails on a difference.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");
const BIN = join(ROOT, "node_modules/.bin");
const DEPS = join(ROOT, "node_modules/@grpc/grpc-js-xds/deps");

/** Where protos come from: @grpc/grpc-js-xds ships Envoy's API with everything it imports, at one version; the rest is ours. */
const SOURCES = [
  join(DEPS, "envoy-api"),
  join(DEPS, "xds"),
  join(DEPS, "googleapis"),
  join(DEPS, "protoc-gen-validate"),
  join(ROOT, "src/xds/proto"),
  join(ROOT, "src/pki/proto"),
];

const EXT = "envoy/extensions";

/** Options that only other tools read. With them each descriptor is twice as long and pulls in the annotations' own files. */
const ANNOTATIONS = ["validate", "udpa.annotations", "envoy.annotations", "xds.annotations.v3", "google.api.http"];

interface Target {
  /** The files whose messages are used. What they import is generated with them. */
  readonly files: readonly string[];
  /** Packages and options left out, with every field of theirs. */
  readonly without: readonly string[];
  /** The module that hydrates the descriptors, instead of the library's; relative to the generated folder. */
  readonly descriptors?: string;
}

const XDS: Target = {
  without: ANNOTATIONS,
  descriptors: "../descriptor/file.ts",
  files: [
    "envoy/service/discovery/v3/ads.proto",
    "envoy/service/secret/v3/sds.proto",
    "envoy/service/status/v3/csds.proto",
    "envoy/service/accesslog/v3/als.proto",
    "envoy/service/metrics/v3/metrics_service.proto",
    "envoy/config/bootstrap/v3/bootstrap.proto",
    "envoy/config/listener/v3/listener.proto",
    "envoy/config/route/v3/route.proto",
    "envoy/config/cluster/v3/cluster.proto",
    "envoy/config/endpoint/v3/endpoint.proto",
    "envoy/config/rbac/v3/rbac.proto",
    "envoy/config/trace/v3/zipkin.proto",
    "envoy/config/trace/v3/opentelemetry.proto",
    "envoy/config/trace/v3/datadog.proto",
    "envoy/config/trace/v3/skywalking.proto",
    "envoy/config/metrics/v3/metrics_service.proto",
    `${EXT}/tracers/opentelemetry/samplers/v3/dynatrace_sampler.proto`,
    "opentelemetry/proto/collector/trace/v1/trace_service.proto",
    "opentelemetry/proto/collector/logs/v1/logs_service.proto",
    `${EXT}/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector.proto`,
    `${EXT}/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector.proto`,
    `${EXT}/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector.proto`,
    `${EXT}/access_loggers/open_telemetry/v3/logs_service.proto`,
    "envoy/config/overload/v3/overload.proto",
    "envoy/service/ext_proc/v3/external_processor.proto",
    "envoy/admin/v3/config_dump.proto",
    "envoy/admin/v3/clusters.proto",
    "envoy/admin/v3/listeners.proto",
    "envoy/admin/v3/server_info.proto",
    "envoy/admin/v3/certs.proto",
    "envoy/admin/v3/tap.proto",
    "envoy/data/tap/v3/wrapper.proto",
    "envoy/data/core/v3/health_check_event.proto",
    "envoy/data/cluster/v3/outlier_detection_event.proto",
    `${EXT}/filters/network/http_connection_manager/v3/http_connection_manager.proto`,
    `${EXT}/filters/network/rbac/v3/rbac.proto`,
    `${EXT}/filters/network/ext_authz/v3/ext_authz.proto`,
    `${EXT}/filters/network/tcp_proxy/v3/tcp_proxy.proto`,
    `${EXT}/filters/network/set_filter_state/v3/set_filter_state.proto`,
    `${EXT}/filters/http/router/v3/router.proto`,
    `${EXT}/filters/http/rbac/v3/rbac.proto`,
    `${EXT}/filters/http/jwt_authn/v3/config.proto`,
    `${EXT}/filters/http/ext_authz/v3/ext_authz.proto`,
    `${EXT}/filters/http/on_demand/v3/on_demand.proto`,
    `${EXT}/filters/http/header_to_metadata/v3/header_to_metadata.proto`,
    `${EXT}/filters/http/set_filter_state/v3/set_filter_state.proto`,
    `${EXT}/filters/http/set_metadata/v3/set_metadata.proto`,
    `${EXT}/filters/http/header_mutation/v3/header_mutation.proto`,
    `${EXT}/filters/http/fault/v3/fault.proto`,
    `${EXT}/filters/http/cors/v3/cors.proto`,
    `${EXT}/filters/http/local_ratelimit/v3/local_rate_limit.proto`,
    `${EXT}/filters/http/admission_control/v3/admission_control.proto`,
    `${EXT}/filters/http/adaptive_concurrency/v3/adaptive_concurrency.proto`,
    `${EXT}/filters/http/ext_proc/v3/ext_proc.proto`,
    `${EXT}/filters/http/stateful_session/v3/stateful_session.proto`,
    `${EXT}/filters/http/health_check/v3/health_check.proto`,
    `${EXT}/filters/http/buffer/v3/buffer.proto`,
    `${EXT}/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy.proto`,
    `${EXT}/filters/http/lua/v3/lua.proto`,
    `${EXT}/filters/http/wasm/v3/wasm.proto`,
    `${EXT}/filters/network/wasm/v3/wasm.proto`,
    `${EXT}/filters/http/ratelimit/v3/rate_limit.proto`,
    `${EXT}/filters/http/compressor/v3/compressor.proto`,
    `${EXT}/filters/listener/original_dst/v3/original_dst.proto`,
    `${EXT}/filters/listener/tls_inspector/v3/tls_inspector.proto`,
    `${EXT}/filters/listener/http_inspector/v3/http_inspector.proto`,
    `${EXT}/filters/listener/proxy_protocol/v3/proxy_protocol.proto`,
    `${EXT}/filters/network/connection_limit/v3/connection_limit.proto`,
    `${EXT}/filters/network/local_ratelimit/v3/local_rate_limit.proto`,
    `${EXT}/filters/network/sni_cluster/v3/sni_cluster.proto`,
    `${EXT}/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy.proto`,
    `${EXT}/filters/udp/udp_proxy/v3/route.proto`,
    `${EXT}/filters/udp/udp_proxy/v3/udp_proxy.proto`,
    `${EXT}/transport_sockets/tls/v3/tls.proto`,
    `${EXT}/transport_sockets/tls/v3/tls_spiffe_validator_config.proto`,
    `${EXT}/transport_sockets/raw_buffer/v3/raw_buffer.proto`,
    `${EXT}/transport_sockets/internal_upstream/v3/internal_upstream.proto`,
    `${EXT}/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto`,
    `${EXT}/bootstrap/internal_listener/v3/internal_listener.proto`,
    `${EXT}/clusters/aggregate/v3/cluster.proto`,
    `${EXT}/clusters/dns/v3/dns_cluster.proto`,
    `${EXT}/clusters/dynamic_forward_proxy/v3/cluster.proto`,
    `${EXT}/upstreams/http/v3/http_protocol_options.proto`,
    `${EXT}/network/dns_resolver/cares/v3/cares_dns_resolver.proto`,
    `${EXT}/load_balancing_policies/round_robin/v3/round_robin.proto`,
    `${EXT}/load_balancing_policies/least_request/v3/least_request.proto`,
    `${EXT}/load_balancing_policies/random/v3/random.proto`,
    `${EXT}/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.proto`,
    `${EXT}/load_balancing_policies/ring_hash/v3/ring_hash.proto`,
    `${EXT}/load_balancing_policies/maglev/v3/maglev.proto`,
    `${EXT}/load_balancing_policies/wrr_locality/v3/wrr_locality.proto`,
    `${EXT}/load_balancing_policies/cluster_provided/v3/cluster_provided.proto`,
    `${EXT}/load_balancing_policies/subset/v3/subset.proto`,
    `${EXT}/retry/host/previous_hosts/v3/previous_hosts.proto`,
    `${EXT}/retry/host/omit_host_metadata/v3/omit_host_metadata_config.proto`,
    `${EXT}/retry/host/omit_canary_hosts/v3/omit_canary_hosts.proto`,
    `${EXT}/retry/priority/previous_priorities/v3/previous_priorities_config.proto`,
    `${EXT}/http/header_formatters/preserve_case/v3/preserve_case.proto`,
    `${EXT}/http/stateful_session/cookie/v3/cookie.proto`,
    `${EXT}/http/stateful_session/header/v3/header.proto`,
    `${EXT}/http/original_ip_detection/custom_header/v3/custom_header.proto`,
    `${EXT}/http/original_ip_detection/xff/v3/xff.proto`,
    `${EXT}/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config.proto`,
    `${EXT}/internal_redirect/previous_routes/v3/previous_routes_config.proto`,
    `${EXT}/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config.proto`,
    `${EXT}/path/match/uri_template/v3/uri_template_match.proto`,
    `${EXT}/path/rewrite/uri_template/v3/uri_template_rewrite.proto`,
    `${EXT}/resource_monitors/fixed_heap/v3/fixed_heap.proto`,
    `${EXT}/resource_monitors/injected_resource/v3/injected_resource.proto`,
    `${EXT}/resource_monitors/downstream_connections/v3/downstream_connections.proto`,
    `${EXT}/access_loggers/file/v3/file.proto`,
    `${EXT}/access_loggers/filters/cel/v3/cel.proto`,
    `${EXT}/request_id/uuid/v3/uuid.proto`,
    `${EXT}/access_loggers/stream/v3/stream.proto`,
    `${EXT}/access_loggers/grpc/v3/als.proto`,
    `${EXT}/matching/common_inputs/network/v3/network_inputs.proto`,
    `${EXT}/matching/common_inputs/ssl/v3/ssl_inputs.proto`,
    `${EXT}/matching/input_matchers/ip/v3/ip.proto`,
    "envoy/type/matcher/v3/http_inputs.proto",
    "xds/type/matcher/v3/matcher.proto",
    "xds/type/matcher/v3/http_inputs.proto",
    "xds/type/matcher/v3/ip.proto",
    "xds/type/matcher/v3/domain.proto",
    "xds/type/v3/typed_struct.proto",
    "xds/data/orca/v3/orca_load_report.proto",
    "udpa/type/v1/typed_struct.proto",
    "google/rpc/status.proto",
    "istio/networking/nds/v1/nds.proto",
    "heddle/registration/v1/registration.proto",
  ],
};

const PKI: Target = { without: [], files: ["istio/v1/auth/ca.proto"] };

/** Generated folder to what it holds. */
const TARGETS: Readonly<Record<string, Target>> = { "src/xds/gen": XDS, "src/pki/gen": PKI };

/** Text that stands once in a proto, and what is put before it. */
type Amendment = readonly [before: string, more: string];

/** Fields that Envoy 1.40 has and the packaged API, which is older, has not. */
const AMENDMENTS: Readonly<Record<string, readonly Amendment[]>> = {
  [`${EXT}/filters/http/local_ratelimit/v3/local_rate_limit.proto`]: [
    ['import "envoy/type/v3/http_status.proto";', 'import "envoy/config/route/v3/route_components.proto";'],
    [
      "bool rate_limited_as_resource_exhausted = 15;",
      `repeated config.route.v3.RateLimit rate_limits = 17;
       google.protobuf.UInt32Value max_dynamic_descriptors = 18;
       bool enable_retry_after_header = 19;`,
    ],
  ],
  [`${EXT}/common/ratelimit/v3/ratelimit.proto`]: [["type.v3.TokenBucket token_bucket = 2", "bool shadow_mode = 3;"]],
  "envoy/config/route/v3/route_components.proto": [
    [
      "message SourceCluster {",
      "message QueryParameters { string query_parameter_name = 1; string descriptor_key = 2; bool skip_if_absent = 3; }",
    ],
    ["SourceCluster source_cluster = 1;", "QueryParameters query_parameters = 12;"],
    ["// to 'generic_key' as the descriptor key.", "string default_value = 3;"],
  ],
  "envoy/config/trace/v3/zipkin.proto": [
    ['import "google/protobuf/wrappers.proto";', 'import "envoy/config/core/v3/http_service.proto";'],
    [
      "bool split_spans_for_request = 7",
      `enum TraceContextOption { USE_B3 = 0; USE_B3_WITH_W3C_PROPAGATION = 1; }
       TraceContextOption trace_context_option = 8;
       core.v3.HttpService collector_service = 9;`,
    ],
  ],
  [`${EXT}/filters/network/http_connection_manager/v3/http_connection_manager.proto`]: [
    ["google.protobuf.BoolValue spawn_upstream_span = 10;", "bool no_context_propagation = 13;"],
  ],
  "envoy/config/cluster/v3/cluster.proto": [
    ["bool respect_dns_ttl = 39;", "google.protobuf.Duration dns_jitter = 58;"],
  ],
  "envoy/config/cluster/v3/circuit_breaker.proto": [
    ['import "google/protobuf/wrappers.proto";', 'import "google/protobuf/duration.proto";'],
    ["google.protobuf.UInt32Value min_retry_concurrency = 2;", "google.protobuf.Duration budget_interval = 3;"],
  ],
  [`${EXT}/upstreams/http/v3/http_protocol_options.proto`]: [
    ['import "envoy/config/core/v3/extension.proto";', 'import "envoy/config/common/matcher/v3/matcher.proto";'],
    [
      "config.core.v3.TypedExtensionConfig header_validation_config = 7;",
      `message OutlierDetection { config.common.matcher.v3.MatchPredicate error_matcher = 1; }
       OutlierDetection outlier_detection = 8;`,
    ],
  ],
  [`${EXT}/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.proto`]: [
    [
      'import "google/protobuf/duration.proto";',
      'import "envoy/extensions/load_balancing_policies/common/v3/common.proto";',
    ],
    [
      "google.protobuf.FloatValue error_utilization_penalty = 6",
      `repeated string metric_names_for_computing_utilization = 7;
       common.v3.SlowStartConfig slow_start_config = 8;`,
    ],
  ],
  [`${EXT}/load_balancing_policies/common/v3/common.proto`]: [
    [
      "bool fail_traffic_on_panic = 3;",
      `enum LocalityBasis { HEALTHY_HOSTS_NUM = 0; HEALTHY_HOSTS_WEIGHT = 1; }
       message ForceLocalZone { google.protobuf.UInt32Value min_size = 1; }
       ForceLocalZone force_local_zone = 5;
       LocalityBasis locality_basis = 6;`,
    ],
  ],
  [`${EXT}/http/original_ip_detection/xff/v3/xff.proto`]: [
    [
      'import "udpa/annotations/status.proto";',
      'import "envoy/config/core/v3/address.proto"; import "google/protobuf/wrappers.proto";',
    ],
    ["message XffConfig {", "message XffTrustedCidrs { repeated config.core.v3.CidrRange cidrs = 1; }"],
    [
      "uint32 xff_num_trusted_hops = 1;",
      "XffTrustedCidrs xff_trusted_cidrs = 2; google.protobuf.BoolValue skip_xff_append = 3;",
    ],
  ],
  [`${EXT}/wasm/v3/wasm.proto`]: [
    ['import "google/protobuf/any.proto";', 'import "google/protobuf/wrappers.proto";'],
    [
      "CapabilityRestrictionConfig capability_restriction_config = 6;",
      `FailurePolicy failure_policy = 7;
       google.protobuf.BoolValue allow_on_headers_stop_iteration = 9;`,
    ],
    [
      "message PluginConfig {",
      "enum FailurePolicy { UNSPECIFIED = 0; FAIL_RELOAD = 1; FAIL_CLOSED = 2; FAIL_OPEN = 3; }",
    ],
  ],
  [`${EXT}/filters/network/rbac/v3/rbac.proto`]: [
    ['import "xds/annotations/v3/status.proto";', 'import "google/protobuf/duration.proto";'],
    ["EnforcementType enforcement_type = 4;", "google.protobuf.Duration delay_deny = 8;"],
  ],
  [`${EXT}/filters/http/ext_proc/v3/processing_mode.proto`]: [["BUFFERED_PARTIAL = 3;", "FULL_DUPLEX_STREAMED = 4;"]],
  "envoy/service/ext_proc/v3/external_processor.proto": [
    ["message BodyMutation {", "message StreamedBodyResponse { bytes body = 1; bool end_of_stream = 2; }"],
    ["bool clear_body = 2;", "StreamedBodyResponse streamed_response = 3;"],
  ],
  "envoy/config/overload/v3/overload.proto": [
    ["TRANSPORT_SOCKET_CONNECT = 3;", "HTTP_DOWNSTREAM_CONNECTION_MAX = 4; HTTP_DOWNSTREAM_STREAM_FLUSH = 5;"],
  ],
  "envoy/config/rbac/v3/rbac.proto": [
    [
      "message Policy {",
      `enum MetadataSource { DYNAMIC = 0; ROUTE = 1; }
       message SourcedMetadata { type.matcher.v3.MetadataMatcher metadata_matcher = 1; MetadataSource metadata_source = 2; }`,
    ],
    ["Permission not_rule = 8;", "SourcedMetadata sourced_metadata = 14;"],
    ["Principal not_id = 8;", "SourcedMetadata sourced_metadata = 13;"],
  ],
};

function amend(folder: string): void {
  for (const [file, amendments] of Object.entries(AMENDMENTS)) {
    const path = join(folder, file);
    let text = readFileSync(path, "utf8");
    for (const [before, more] of amendments) {
      if (text.split(before).length !== 2) throw new Error(`${file} has not one ${JSON.stringify(before)}`);
      text = text.replace(before, `${more}\n$&`);
    }
    writeFileSync(path, text);
  }
}

/** One folder with all protos, as protoc's include path would show them. */
function stage(folder: string): void {
  for (const source of SOURCES) if (existsSync(source)) cpSync(source, folder, { recursive: true });
  rmSync(join(folder, "java"), { recursive: true, force: true });
  rmSync(join(folder, "tests"), { recursive: true, force: true });
  // The packaged validate.proto is older than the API that uses it; the option is stripped anyway, it only has to parse.
  const validate = join(folder, "validate/validate.proto");
  const rules = readFileSync(validate, "utf8").replace(
    /^message \w+Rules \{$/gm,
    "$&\n  optional bool ignore_empty = 1000;",
  );
  writeFileSync(validate, rules);
  amend(folder);
}

function generate(staged: string, output: string, target: Target): void {
  const paths = target.files.flatMap((file) => ["--path", file]);
  const excluded = target.without.flatMap((type) => ["--exclude-type", type]);
  const command = [
    join(BIN, "buf"),
    "generate",
    "--template",
    join(ROOT, "buf.gen.yaml"),
    "-o",
    output,
    ...excluded,
    ...paths,
  ];
  const run = Bun.spawnSync(command, {
    cwd: staged,
    env: { ...process.env, PATH: `${BIN}:${process.env.PATH}` },
    stderr: "pipe",
  });
  if (!run.success) throw new Error(`buf generate failed: ${run.stderr.toString()}`);
}

/** Points the generated files at another module for fileDesc, messageDesc, enumDesc and serviceDesc. */
function redirectDescriptors(generated: string, module: string): void {
  for (const [name, text] of filesBelow(generated)) {
    const path = `${"../".repeat(name.split("/").length - 1)}${module}`;
    const from = /^(import \{ [\w, ]+ \} from) "@bufbuild\/protobuf\/codegenv2";$/m;
    if (!from.test(text)) throw new Error(`${name} does not import its descriptors as expected`);
    writeFileSync(join(generated, name), text.replace(from, `$1 "${path}";`));
  }
}

function filesBelow(folder: string): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

/** Names of the files that differ between the two folders, or are in one of them only. */
function differences(committed: string, generated: string): string[] {
  const before = filesBelow(committed);
  const after = filesBelow(generated);
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name))
    .sort();
}

function replace(folder: string, generated: string): void {
  rmSync(folder, { recursive: true, force: true });
  cpSync(generated, folder, { recursive: true });
}

const check = process.argv.includes("--check");
const work = mkdtempSync(join(tmpdir(), "heddle-generate-"));
let stale = 0;
try {
  const staged = join(work, "protos");
  mkdirSync(staged);
  stage(staged);
  for (const [folder, target] of Object.entries(TARGETS)) {
    const output = join(work, folder);
    generate(staged, output, target);
    const generated = join(output, "gen");
    if (target.descriptors) redirectDescriptors(generated, target.descriptors);
    if (!check) replace(join(ROOT, folder), generated);
    else
      for (const name of differences(join(ROOT, folder), generated)) {
        stale++;
        process.stderr.write(`${folder}/${name} differs from its proto; run: npm run generate\n`);
      }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(stale === 0 ? 0 : 1);
