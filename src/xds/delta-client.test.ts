import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { DeltaClient } from "./delta-client.ts";
import { NodeSchema } from "./gen/envoy/config/core/v3/base_pb.ts";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryResponseSchema,
} from "./gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { Resource } from "./resource.ts";
import { assignment, cluster, virtualHost } from "./resource-fixtures.ts";
import { RESOURCE_TYPES, type ResourceKind } from "./type-urls.ts";
import { readResource, type Update } from "./update.ts";

type ResponseInit = MessageInitShape<typeof DeltaDiscoveryResponseSchema>;

function open(...kinds: ResourceKind[]): DeltaClient {
  const client = new DeltaClient(create(NodeSchema, { id: "proxy" }));
  for (const kind of kinds) client.wantAll(kind);
  client.opened();
  return client;
}

/** The requests that go out now, without their type URL's prefix and what is empty. */
function requests(client: DeltaClient) {
  const all: Record<string, unknown>[] = [];
  for (let request = client.next(); request; request = client.next()) all.push(plain(request));
  return all;
}

function plain(request: DeltaDiscoveryRequest): Record<string, unknown> {
  const kind = Object.entries(RESOURCE_TYPES).find(([, { typeUrl }]) => typeUrl === request.typeUrl)![0];
  return {
    kind,
    ...(request.node ? { node: request.node.id } : {}),
    ...(request.resourceNamesSubscribe.length > 0 ? { subscribe: request.resourceNamesSubscribe } : {}),
    ...(request.resourceNamesUnsubscribe.length > 0 ? { unsubscribe: request.resourceNamesUnsubscribe } : {}),
    ...(Object.keys(request.initialResourceVersions).length > 0 ? { versions: request.initialResourceVersions } : {}),
    ...(request.responseNonce === "" ? {} : { nonce: request.responseNonce }),
    ...(request.errorDetail ? { error: request.errorDetail.message } : {}),
  };
}

function respond(
  client: DeltaClient,
  kind: ResourceKind,
  nonce: string,
  resources: readonly Resource[],
  more: ResponseInit = {},
): Update {
  const { typeUrl } = RESOURCE_TYPES[kind];
  const response = create(DeltaDiscoveryResponseSchema, {
    typeUrl,
    nonce,
    resources: resources.map(({ name, version, bytes }) => ({ name, version, resource: { typeUrl, value: bytes } })),
    ...more,
  });
  return client.receive(response)!;
}

const a = cluster("a");

describe("delta client", () => {
  test("sends the node once a stream, and nothing before there is one", () => {
    const client = new DeltaClient(create(NodeSchema, { id: "proxy" }));
    client.wantAll("lds");
    client.wantAll("cds");
    client.want("sds", new Set(["default"]));
    expect(requests(client)).toEqual([]);
    client.opened();
    expect(requests(client)).toEqual([
      { kind: "cds", node: "proxy" },
      { kind: "sds", subscribe: ["default"] },
      { kind: "lds" },
    ]);
    expect(requests(client)).toEqual([]);
  });

  test("acknowledges what it took, after asking for what that needs", () => {
    const client = open("cds");
    requests(client);
    const update = respond(client, "cds", "1", [a]);
    expect(update).toMatchObject({
      kind: "cds",
      resources: [{ name: "a", version: a.version }],
      removed: [],
    });
    client.want("eds", new Set(["a"]));
    client.answer(update, []);
    expect(requests(client)).toEqual([
      { kind: "eds", subscribe: ["a"] },
      { kind: "cds", nonce: "1" },
    ]);
    expect(client.version("cds", "a")).toBe(a.version);
  });

  test("names each resource, field and reason when it refuses, and keeps the version it had of it", () => {
    const client = open("cds");
    requests(client);
    client.answer(respond(client, "cds", "1", [a]), []);
    const worse = cluster("a", { connectTimeoutMs: 2 });
    const update = respond(client, "cds", "2", [worse, cluster("b")], { removedResources: ["gone"] });
    client.answer(update, [{ name: "a", path: "connect_timeout", reason: "is too short: 2ms" }]);
    expect(requests(client)).toEqual([
      { kind: "cds", nonce: "1" },
      { kind: "cds", nonce: "2", error: "a: connect_timeout: is too short: 2ms" },
    ]);
    expect(client.version("cds", "a")).toBe(a.version);
    expect(client.version("cds", "b")).toBe(cluster("b").version);
  });

  test("refuses what it cannot read, and takes the rest of the response", () => {
    const client = open("cds");
    requests(client);
    const { typeUrl } = RESOURCE_TYPES.cds;
    const resources = [
      { name: "empty" },
      { name: "other", resource: { typeUrl: RESOURCE_TYPES.eds.typeUrl, value: a.bytes } },
      { name: "bytes", resource: { typeUrl, value: new Uint8Array([0x0a, 0xff]) } },
      { name: "misnamed", resource: { typeUrl, value: a.bytes } },
      { name: "a", version: a.version, resource: { typeUrl, value: a.bytes } },
    ];
    const update = respond(client, "cds", "1", [], { resources });
    const rejections = update.resources.flatMap((resource) => {
      const read = readResource("cds", resource);
      return typeof read === "string" ? [{ name: resource.name, path: "", reason: read }] : [];
    });
    client.answer(update, rejections);
    const [{ error }] = requests(client) as [{ error: string }];
    expect(error.split("\n")).toEqual([
      "empty: has no content",
      "other: is a envoy.config.endpoint.v3.ClusterLoadAssignment, not a envoy.config.cluster.v3.Cluster",
      expect.stringMatching(/^bytes: is not a valid envoy\.config\.cluster\.v3\.Cluster: /),
      'misnamed: holds a resource of another name: "a"',
    ]);
    expect(client.version("cds", "a")).toBe(a.version);
  });

  test("bounds the text of a refusal", () => {
    const client = open("cds");
    requests(client);
    const rejections = Array.from({ length: 2_000 }, (_, index) => ({
      name: `c${index}`,
      path: "",
      reason: "x".repeat(50),
    }));
    client.answer(respond(client, "cds", "1", [a]), rejections);
    const [{ error }] = requests(client) as [{ error: string }];
    expect(error.length).toBeLessThan(20_000);
  });

  test("tells a new stream the versions it has", () => {
    const client = open("cds");
    client.want("eds", new Set(["a", "b"]));
    requests(client);
    client.answer(respond(client, "cds", "1", [a]), []);
    client.answer(respond(client, "eds", "2", [assignment("a", 1)]), []);
    client.opened();
    expect(requests(client)).toEqual([
      { kind: "cds", node: "proxy", versions: { a: a.version } },
      { kind: "eds", subscribe: ["a", "b"], versions: { a: assignment("a", 1).version } },
    ]);
  });

  test("waits with a new stream's requests for the verdict on the old one's updates, and does not answer them there", () => {
    const client = open("cds");
    requests(client);
    const update = respond(client, "cds", "1", [a]);
    client.opened();
    expect(requests(client)).toEqual([]);
    client.answer(update, []);
    expect(requests(client)).toEqual([{ kind: "cds", node: "proxy", versions: { a: a.version } }]);
  });

  test("asks anew for a name that it left and wants again before the server heard of it", () => {
    const client = open();
    client.want("eds", new Set(["a", "b"]));
    requests(client);
    client.answer(respond(client, "eds", "1", [assignment("a", 1)]), []);
    client.want("eds", new Set(["b"]));
    expect(client.version("eds", "a")).toBeUndefined();
    client.want("eds", new Set(["a", "b"]));
    expect(requests(client)).toEqual([{ kind: "eds", subscribe: ["a"], nonce: "1" }]);
    client.want("eds", new Set(["a"]));
    expect(requests(client)).toEqual([{ kind: "eds", unsubscribe: ["b"] }]);
  });

  test("forgets virtual hosts with their route configuration", () => {
    const client = open("vhds");
    client.want("rds", new Set(["80", "81"]));
    requests(client);
    client.answer(respond(client, "vhds", "1", [virtualHost("80/x", []), virtualHost("81/y", [])]), []);
    client.want("rds", new Set(["81"]));
    client.opened();
    expect(requests(client)).toEqual([
      { kind: "rds", node: "proxy", subscribe: ["81"] },
      { kind: "vhds", versions: { "81/y": virtualHost("81/y", []).version } },
    ]);
  });

  test("drops what it did not ask for, and types that it does not know", () => {
    const client = open();
    client.want("eds", new Set(["a"]));
    requests(client);
    expect(
      respond(client, "eds", "1", [assignment("a", 1), assignment("b", 1)]).resources.map(({ name }) => name),
    ).toEqual(["a"]);
    expect(respond(client, "cds", "1", [a])).toBeUndefined();
    expect(
      client.receive(create(DeltaDiscoveryResponseSchema, { typeUrl: "type.googleapis.com/no.such.Type" })),
    ).toBeUndefined();
  });

  test("is told when it wants a type in two ways", () => {
    expect(() => open("eds")).toThrow("eds has no wildcard subscription");
    expect(() => open("cds").want("cds", new Set(["a"]))).toThrow("cds is already subscribed to as a whole");
  });
});
