import { expect, test } from "bun:test";
import { fromJson } from "@bufbuild/protobuf";
import { VirtualHostSchema } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { ForwardAction, VirtualHost } from "../route.ts";
import { checkVirtualHost } from "./resource.ts";
import { Memo, Neighbours } from "./shared.ts";
import { NO_SHELL } from "./virtual-host.ts";

const RETRY = { retry_on: "5xx,503", num_retries: 2 };

function accepted(actions: readonly { readonly cluster: string; readonly retry_policy: typeof RETRY }[]): VirtualHost {
  const routes = actions.map((route, i) => ({
    match: { prefix: `/${i}` },
    metadata: { filter_metadata: { istio: { config: "/a" } } },
    route,
  }));
  const result = checkVirtualHost(fromJson(VirtualHostSchema, { name: "h", domains: ["h"], routes }), NO_SHELL);
  if (result.kind === "rejected") throw new Error(JSON.stringify(result.rejections));
  return result.table;
}

const actionOf = ({ routes }: VirtualHost, i: number) => routes.at(i)!.action as ForwardAction;

test("routes that do the same share what they do, and those that do not keep their own", () => {
  const same = { cluster: "a", retry_policy: RETRY };
  const host = accepted([
    same,
    same,
    { cluster: "b", retry_policy: RETRY },
    { cluster: "b", retry_policy: { ...RETRY, num_retries: 3 } },
    { cluster: "b", retry_policy: { ...RETRY, num_retries: 3, retry_on: "5xx,504" } },
  ]);
  expect(actionOf(host, 1)).toBe(actionOf(host, 0));
  expect(actionOf(host, 2)).not.toBe(actionOf(host, 0));
  expect(actionOf(host, 2).retry).toBe(actionOf(host, 0).retry!);
  expect(actionOf(host, 2).cluster).toEqual({ kind: "single", name: "b" });
  expect(actionOf(host, 3).retry?.retries).toBe(3);
  expect([...actionOf(host, 3).retry!.statusCodes]).toEqual([503]);
  expect([...actionOf(host, 4).retry!.statusCodes]).toEqual([504]);
  expect(host.routes.at(4)!.metadata).toBe(host.routes.at(0)!.metadata);
  expect(host.routes.at(4)!.metadata).toEqual({ istio: { config: "/a" } });
});

test("a refusal is not forgotten because it was heard before", () => {
  const unknown = { cluster: "a", retry_policy: { ...RETRY, retry_on: "no-such-condition" } };
  for (let i = 0; i < 2; i++) expect(() => accepted([unknown, unknown])).toThrow(/routes\[1\].*no-such-condition/);
});

test("what is remembered is bounded", () => {
  const memo = new Memo<object>();
  const first = memo.of("0", () => ({}));
  expect(memo.of("0", () => ({}))).toBe(first);
  for (let i = 1; i < 2_000; i++) memo.of(String(i), () => ({}));
  expect(memo.of("0", () => ({}))).not.toBe(first);
});

test("neighbours are compared field by field, by identity", () => {
  const list: readonly string[] = [];
  const neighbours = new Neighbours<{ readonly a: number; readonly list: readonly string[] }>();
  const one = neighbours.share({ a: 1, list });
  expect(neighbours.share({ a: 1, list })).toBe(one);
  const other = neighbours.share({ a: 1, list: [] });
  expect(other).not.toBe(one);
  expect(neighbours.share({ a: 2, list: other.list })).not.toBe(other);
});
