import { describe, expect, test } from "bun:test";
import { fromBinary, fromJson, type JsonObject, toBinary, toJson } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import {
  decodePeerMetadata,
  encodePeerMetadata,
  formatEndpointWorkload,
  parseEndpointWorkload,
} from "./peer-metadata.ts";
import { UNKNOWN_WORKLOAD, type Workload } from "./traffic-labels.ts";

const workload: Workload = {
  name: "golden-signal-v1",
  namespace: "default",
  canonicalName: "golden-signal",
  canonicalRevision: "v1",
  app: "golden-signal",
  version: "v1",
  cluster: "Kubernetes",
};

function struct(json: JsonObject): string {
  return toBinary(StructSchema, fromJson(StructSchema, json)).toBase64();
}

describe("peer metadata", () => {
  test("is a Struct with Istio's keys", () => {
    const decoded = toJson(StructSchema, fromBinary(StructSchema, Uint8Array.fromBase64(encodePeerMetadata(workload))));
    expect(decoded).toEqual({
      CLUSTER_ID: "Kubernetes",
      LABELS: {
        app: "golden-signal",
        "service.istio.io/canonical-name": "golden-signal",
        "service.istio.io/canonical-revision": "v1",
        version: "v1",
      },
      NAMESPACE: "default",
      WORKLOAD_NAME: "golden-signal-v1",
    });
  });

  test("reads what Istio's sidecars send, other fields and kinds included", () => {
    const header = struct({
      NAME: "ratings-v1-84975bc778-pxz2w",
      NAMESPACE: "default",
      INCLUDE_INBOUND_PORTS: "9080",
      CLUSTER_ID: "client-cluster",
      WORKLOAD_NAME: "ratings-v1",
      LABELS: { app: "ratings", version: "v1", "service.istio.io/canonical-name": "ratings", "pod-template-hash": "1" },
      PILOT_SAN: [1, null, true, { deep: "er" }],
    });
    expect(decodePeerMetadata(header)).toEqual({
      name: "ratings-v1",
      namespace: "default",
      canonicalName: "ratings",
      canonicalRevision: "",
      app: "ratings",
      version: "v1",
      cluster: "client-cluster",
    });
  });

  test("survives the way there and back", () => {
    const text = fc.string({ maxLength: 200 }).filter((value) => value.isWellFormed());
    fc.assert(
      fc.property(
        fc.record({
          name: text,
          namespace: text,
          canonicalName: text,
          canonicalRevision: text,
          app: text,
          version: text,
          cluster: text,
        }),
        (one) => {
          expect(decodePeerMetadata(encodePeerMetadata(one))).toEqual(one);
        },
      ),
    );
    expect(decodePeerMetadata(encodePeerMetadata(UNKNOWN_WORKLOAD))).toEqual(UNKNOWN_WORKLOAD);
  });

  test("refuses what is no Struct, and what is too long", () => {
    expect(decodePeerMetadata("not base64!")).toBeUndefined();
    expect(decodePeerMetadata("A".repeat(8_196))).toBeUndefined();
    expect(
      decodePeerMetadata(Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f).toBase64()),
    ).toBeUndefined();
    expect(decodePeerMetadata(Uint8Array.of(0x0a, 0x7f).toBase64())).toBeUndefined();
    expect(decodePeerMetadata(new Uint8Array(4_000).fill(0x08).toBase64())).toBeUndefined();
  });

  test("never throws on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodePeerMetadata(bytes.toBase64());
      }),
    );
  });

  test("of an endpoint is five parts with semicolons", () => {
    const known = { ...workload, app: "", version: "" };
    expect(formatEndpointWorkload(workload)).toBe("golden-signal-v1;default;golden-signal;v1;Kubernetes");
    expect(parseEndpointWorkload(formatEndpointWorkload(workload))).toEqual(known);
    expect(parseEndpointWorkload("a;b;c")).toBeUndefined();
  });
});
