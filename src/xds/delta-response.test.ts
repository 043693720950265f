import { describe, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type DeltaResponse, encodeDeltaResponse, type SentResource, sentByAliases } from "./delta-response.ts";
import { DeltaDiscoveryResponseSchema } from "./gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { Resource } from "./resource.ts";
import { RESOURCE_TYPES } from "./type-urls.ts";

const text = fc.string({ unit: "grapheme", maxLength: 200 });

const sent: fc.Arbitrary<SentResource> = fc
  .record({
    name: text,
    aliases: fc.array(text.filter((alias) => alias !== "")),
    resource: fc.option(
      fc.record({ version: text, size: fc.constantFrom(0, 1, 127, 128, 16_384, 70_000) }).map(
        ({ version, size }): Resource => ({
          kind: "vhds",
          name: "",
          version,
          bytes: new Uint8Array(size).fill(7),
          aliases: [],
          references: [],
        }),
      ),
      { nil: undefined },
    ),
  })
  .map(({ name, aliases, resource }) => sentByAliases(name, aliases, resource));

/** What protobuf makes of the same response. */
function byLibrary({ kind, nonce, systemVersion, resources, removed }: DeltaResponse): Uint8Array {
  const { typeUrl } = RESOURCE_TYPES[kind];
  const message = create(DeltaDiscoveryResponseSchema, {
    typeUrl,
    nonce,
    systemVersionInfo: systemVersion,
    removedResources: [...removed],
    resources: resources.map(({ name, aliases, resource }) => ({
      name,
      aliases: [...aliases],
      ...(resource ? { version: resource.version, resource: { typeUrl, value: resource.bytes } } : {}),
    })),
  });
  return toBinary(DeltaDiscoveryResponseSchema, message);
}

describe("an encoded delta response", () => {
  test("says what the library would say", () => {
    fc.assert(
      fc.property(
        fc.array(sent, { maxLength: 5 }),
        text,
        text,
        fc.array(text.filter((name) => name !== "")),
        (resources, nonce, systemVersion, removed) => {
          const response: DeltaResponse = { kind: "vhds", nonce, systemVersion, resources, removed };
          const decode = (bytes: Uint8Array) => fromBinary(DeltaDiscoveryResponseSchema, bytes);
          expect(decode(encodeDeltaResponse(response))).toEqual(decode(byLibrary(response)));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("is as long as its resources say", () => {
    const resource: Resource = {
      kind: "cds",
      name: "x",
      version: "1",
      bytes: new Uint8Array(300),
      aliases: [],
      references: [],
    };
    const one = sentByAliases("x", ["é"], resource);
    const response = (resources: SentResource[]) =>
      encodeDeltaResponse({ kind: "cds", nonce: "1", systemVersion: "", resources, removed: [] });
    expect(response([one, one]).length - response([one]).length).toBe(one.encoded.length);
  });
});
