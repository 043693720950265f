import { expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { complete } from "../base/steps.ts";
import { VirtualHostSchema } from "./gen/envoy/config/route/v3/route_components_pb.ts";
import { RouteConfigurationSchema } from "./gen/envoy/config/route/v3/route_pb.ts";
import { cutField, placesOf } from "./wire.ts";

const FIELD = RouteConfigurationSchema.field.virtualHosts.number;

function together(bytes: Uint8Array) {
  const { elements, rest } = complete(cutField(bytes, FIELD));
  const message = fromBinary(RouteConfigurationSchema, rest);
  expect(message.virtualHosts).toEqual([]);
  const places = placesOf(bytes, FIELD);
  expect(elements.map((_, i) => bytes.subarray(places[i * 2], places[i * 2 + 1]))).toEqual([...elements]);
  expect(places.length).toBe(elements.length * 2);
  message.virtualHosts.push(...elements.map((element) => fromBinary(VirtualHostSchema, element)));
  return message;
}

test("what is cut is, put together, what it was decoded whole, wherever the field stands", () => {
  const part = fc.record({ name: fc.string(), names: fc.array(fc.string(), { maxLength: 4 }) });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      // Encodings one after the other are a message too: repeated fields are joined, of the others the last counts.
      const bytes = Buffer.concat(
        parts.map(({ name, names }) =>
          toBinary(
            RouteConfigurationSchema,
            create(RouteConfigurationSchema, {
              name,
              virtualHosts: names.map((host) => ({ name: host, domains: [host] })),
              ignorePortInHostMatching: names.length > 2,
            }),
          ),
        ),
      );
      expect(together(bytes)).toEqual(fromBinary(RouteConfigurationSchema, bytes));
    }),
  );
});

// The library's own walk takes a last fixed32 or fixed64 that the bytes are too short for, if it does not know the field; the cut does not.
test("any bytes are refused, or are what they were decoded whole", () => {
  const outcome = (decode: () => unknown) => {
    try {
      return decode();
    } catch {
      return "refused";
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const cut = outcome(() => together(bytes));
      if (cut !== "refused") expect(cut).toEqual(outcome(() => fromBinary(RouteConfigurationSchema, bytes)));
    }),
    { numRuns: 2_000 },
  );
});

test("elements are views, and nothing is copied where the field stands at one end", () => {
  const bytes = toBinary(
    RouteConfigurationSchema,
    create(RouteConfigurationSchema, { name: "r", virtualHosts: [{ name: "h", domains: ["h"] }] }),
  );
  const { elements, rest } = complete(cutField(bytes, FIELD));
  for (const part of [...elements, rest]) expect(part.buffer).toBe(bytes.buffer);
});

test("many elements are cut in several steps", () => {
  const virtualHosts = Array.from({ length: 1_000 }, (_, i) => ({ name: `h${i}` }));
  const bytes = toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { virtualHosts }));
  const steps = cutField(bytes, FIELD);
  let taken = 0;
  for (let next = steps.next(); ; next = steps.next()) {
    if (next.done) {
      expect(next.value.elements.length).toBe(1_000);
      break;
    }
    taken++;
  }
  expect(taken).toBeGreaterThan(10);
});
