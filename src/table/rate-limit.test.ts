// Descriptors of rate limits, from actions as the control plane writes them.

import { expect, test } from "bun:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { RateLimitSchema } from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { acceptRateLimits } from "./accept/rate-limit.ts";
import { Scope } from "./accept/scope.ts";
import { type DescribedRequest, describe, maskedAddress } from "./rate-limit.ts";

const REQUEST: DescribedRequest = {
  head: { method: "GET", scheme: "http", authority: "a", path: "/p?q=a%20b&q=c&bad=%zz", headers: ["x-plan", "free"] },
  remoteAddress: "10.1.2.3",
  sourceCluster: "from",
  destinationCluster: "to",
  metadata: (of) => ({ tags: { tier: of, level: 3 } }),
  format: (format) => format.map((part) => (part.kind === "text" ? part.text : "")).join(""),
};

function descriptor(...actions: JsonValue[]) {
  const scope = Scope.root();
  const [limit] = acceptRateLimits(scope, [fromJson(RateLimitSchema, { actions })]);
  expect(scope.rejections).toEqual([]);
  return describe(limit!, REQUEST);
}

function refusal(...actions: JsonValue[]): string | undefined {
  const scope = Scope.root();
  acceptRateLimits(scope, [fromJson(RateLimitSchema, { actions })]);
  return scope.rejections[0]?.path;
}

test("addresses are masked as inet_ntop writes them", () => {
  expect(maskedAddress("10.1.2.3", 32, 128)).toBe("10.1.2.3/32");
  expect(maskedAddress("10.1.255.3", 20, 128)).toBe("10.1.240.0/20");
  expect(maskedAddress("10.1.2.3", 0, 128)).toBe("0.0.0.0/0");
  expect(maskedAddress("2001:db8:1:2:3:4:5:6", 32, 64)).toBe("2001:db8:1:2::/64");
  expect(maskedAddress("2001:db8::1:0:0:1", 32, 128)).toBe("2001:db8::1:0:0:1/128");
  expect(maskedAddress("::1", 32, 0)).toBe("::/0");
  expect(maskedAddress("1:0:3:4:5:6:7:8", 32, 128)).toBe("1:0:3:4:5:6:7:8/128");
  expect(maskedAddress("nowhere", 32, 128)).toBeUndefined();
});

test("entries come in the order of the actions", () => {
  expect(descriptor({ source_cluster: {} }, { destination_cluster: {} }, { remote_address: {} })).toEqual([
    "source_cluster",
    "from",
    "destination_cluster",
    "to",
    "remote_address",
    "10.1.2.3",
  ]);
  expect(descriptor({ generic_key: { descriptor_value: "v" } })).toEqual(["generic_key", "v"]);
  expect(
    descriptor({ generic_key: { descriptor_key: "k", descriptor_value: "%REQ(x)%", default_value: "d" } }),
  ).toEqual(["k", "d"]);
});

test("a query parameter is its first value, decoded", () => {
  const query = (query_parameter_name: string) => ({ query_parameters: { query_parameter_name, descriptor_key: "q" } });
  expect(descriptor(query("q"))).toEqual(["q", "a b"]);
  expect(descriptor(query("bad"))).toEqual(["q", "%zz"]);
  expect(descriptor(query("absent"))).toBeUndefined();
});

test("what is absent takes the descriptor away unless it may be skipped", () => {
  const header = (header_name: string, skip_if_absent: boolean) => ({
    request_headers: { header_name, descriptor_key: "h", skip_if_absent },
  });
  const generic = { generic_key: { descriptor_value: "v" } };
  expect(descriptor(header("X-Plan", false), generic)).toEqual(["h", "free", "generic_key", "v"]);
  expect(descriptor(header("x-none", false), generic)).toBeUndefined();
  expect(descriptor(header("x-none", true), generic)).toEqual(["generic_key", "v"]);
  expect(descriptor(header("x-none", true))).toBeUndefined();
});

test("metadata is read where the action says, and only as text", () => {
  const metadata = (key: string, more: object = {}) => ({
    metadata: { descriptor_key: "m", metadata_key: { key: "tags", path: [{ key }] }, ...more },
  });
  expect(descriptor(metadata("tier"))).toEqual(["m", "dynamic"]);
  expect(descriptor(metadata("tier", { source: "ROUTE_ENTRY" }))).toEqual(["m", "route"]);
  expect(descriptor(metadata("level"))).toBeUndefined();
  expect(descriptor(metadata("none", { default_value: "d" }))).toEqual(["m", "d"]);
});

test("what the proxy does not have is refused by its path", () => {
  expect(refusal({ extension: { name: "expr" } })).toBe("[0].actions[0].extension");
  expect(refusal({ masked_remote_address: { v4_prefix_mask_len: 33 } })).toBe(
    "[0].actions[0].masked_remote_address.v4_prefix_mask_len",
  );
  expect(refusal({ generic_key: { descriptor_value: "%NO_SUCH_OPERATOR%" } })).toBe(
    "[0].actions[0].generic_key.descriptor_value",
  );
  expect(refusal()).toBe("[0].actions");
});
