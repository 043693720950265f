import { expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { DeltaDiscoveryRequestSchema } from "./gen/envoy/service/discovery/v3/discovery_pb.ts";
import { RequestReader } from "./request-reader.ts";

function names(prefix: string, count = 100): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${i}.example.com`);
}

function bytesOf(resourceNamesSubscribe: string[], node?: string): Uint8Array {
  const request = { typeUrl: "type", resourceNamesSubscribe, ...(node === undefined ? {} : { node: { id: node } }) };
  return toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request));
}

test("the same bytes are read once, other bytes by themselves", () => {
  const reader = new RequestReader();
  const first = reader.read(bytesOf(names("a")));
  expect(first.resourceNamesSubscribe).toEqual(names("a"));
  expect(reader.read(bytesOf(names("a")))).toBe(first);
  expect(reader.read(bytesOf(names("b"))).resourceNamesSubscribe).toEqual(names("b"));
});

test("what says whose it is, and what is short, is not remembered", () => {
  const reader = new RequestReader();
  for (const bytes of [bytesOf(names("a"), "node"), bytesOf(names("a", 3))])
    expect(reader.read(bytes)).not.toBe(reader.read(bytes));
});

test("what was asked for longest ago is forgotten", () => {
  const reader = new RequestReader();
  const [first, second] = [reader.read(bytesOf(names("a"))), reader.read(bytesOf(names("b")))];
  for (let i = 0; i < 62; i++) reader.read(bytesOf(names(`c${i}`)));
  expect(reader.read(bytesOf(names("a")))).toBe(first);
  reader.read(bytesOf(names("d")));
  expect(reader.read(bytesOf(names("a")))).toBe(first);
  expect(reader.read(bytesOf(names("b")))).not.toBe(second);
});

test("of much no more is held than a bound", () => {
  const reader = new RequestReader();
  const first = reader.read(bytesOf(names("a", 200_000)));
  reader.read(bytesOf(names("b", 200_000)));
  expect(reader.read(bytesOf(names("a", 200_000)))).not.toBe(first);
});

test("bytes that are no request are none the second time either", () => {
  const reader = new RequestReader();
  const bytes = new Uint8Array(2_000).fill(0xff);
  for (let i = 0; i < 2; i++) expect(() => reader.read(bytes)).toThrow();
});
