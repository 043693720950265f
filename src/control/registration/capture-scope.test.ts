import { expect, test } from "bun:test";
import { captureScope } from "./capture-scope.ts";

const said = (annotations: Readonly<Record<string, string>>) =>
  captureScope(
    Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`traffic.sidecar.istio.io/${name}`, value])),
  );

const NOTHING = {
  excludedOutboundRanges: [],
  outboundPorts: [],
  excludedOutboundPorts: [],
  excludedInboundPorts: [],
};

test("a workload without such an annotation says nothing", () => {
  expect(captureScope(undefined)).toBeUndefined();
  expect(captureScope({ "sidecar.istio.io/inject": "true" })).toBeUndefined();
});

test("lists are taken, an asterisk is everything, an empty list nothing", () => {
  expect(said({ includeInboundPorts: "*", includeOutboundIPRanges: "*" })).toEqual(NOTHING);
  expect(said({ includeInboundPorts: "", includeOutboundIPRanges: "" })).toEqual({
    ...NOTHING,
    inboundPorts: { ports: [] },
    outboundRanges: { ranges: [] },
  });
  expect(
    said({
      includeOutboundIPRanges: "10.0.0.0/8, 192.0.2.1",
      excludeOutboundIPRanges: "10.1.0.0/16,nonsense",
      includeOutboundPorts: "9090",
      excludeOutboundPorts: "5432,6379,http",
      excludeInboundPorts: "9100,99999",
    }),
  ).toEqual({
    outboundRanges: { ranges: ["10.0.0.0/8", "192.0.2.1"] },
    excludedOutboundRanges: ["10.1.0.0/16"],
    outboundPorts: [9090],
    excludedOutboundPorts: [5432, 6379],
    excludedInboundPorts: [9100],
  });
  expect(said({ includeOutboundPorts: "*", includeOutboundIPRanges: "10.0.0.0/8" })).toEqual(NOTHING);
});
