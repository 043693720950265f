import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { NameTableSchema } from "../../xds/gen/istio/networking/nds/v1/nds_pb.ts";
import { MeshNames } from "./mesh-names.ts";
import { fitted, limitOf, meshReply } from "./mesh-reply.ts";
import { decodeMessage, encodeMessage, type Message, optRecord, RCODE, rcodeOf, TYPE } from "./message.ts";
import { nameOf, nameText } from "./name.ts";

const kubernetes = (shortname: string, namespace: string, ...ips: string[]) => ({
  ips,
  registry: "Kubernetes",
  shortname,
  namespace,
  altHosts: [],
});
const external = (...ips: string[]) => ({ ips, registry: "External", shortname: "", namespace: "", altHosts: [] });

const TABLE = {
  "web.shop.svc.cluster.local": kubernetes("web", "shop", "240.240.0.2"),
  "api.default.svc.cluster.local": { ...kubernetes("api", "default", "240.240.0.1"), altHosts: ["Api.Corp.example."] },
  "both.example": external("240.240.0.3", "240.240.0.4", "2001:db8::1"),
  "*.wild.example": external("240.240.0.5"),
  "*.deep.wild.example": external("240.240.0.6"),
  "broken.example": external("no address"),
};

function namesOf(ownsCluster = true): MeshNames {
  return new MeshNames(create(NameTableSchema, { table: TABLE } as never), "default", ownsCluster);
}

function queryOf(host: string, type: number = TYPE.a, additionals: Message["additionals"] = []): Message {
  const questions = [{ name: nameOf(host)!, type, class: 1 }];
  return { id: 7, flags: 0x0100, questions, answers: [], authorities: [], additionals };
}

/** Undefined when those outside are to be asked. */
function answered(host: string, type: number = TYPE.a, names = namesOf()) {
  const reply = meshReply(queryOf(host, type), names);
  if (!reply) return undefined;
  const read = decodeMessage(encodeMessage(reply));
  if (read.kind === "malformed") throw new Error(read.reason);
  const answers = read.message.answers.map(({ name, type: kind, data }) => {
    const text = kind === TYPE.cname ? nameText(data) : data.length === 4 ? data.join(".") : "v6";
    return `${nameText(name)} ${text}`;
  });
  return [rcodeOf(reply.flags), ...answers];
}

test("a service has the names that Kubernetes' search path gives it; the shortest only in its own namespace", () => {
  for (const name of ["api", "api.default", "api.default.svc", "api.default.svc.cluster.local", "api.corp.example"])
    expect(answered(name)).toEqual([0, `${name} 240.240.0.1`]);
  for (const name of ["web.shop", "web.shop.svc", "web.shop.svc.cluster.local"])
    expect(answered(name)).toEqual([0, `${name} 240.240.0.2`]);
  expect(answered("web")).toBeUndefined();
});

test("letters are compared as equal and given back as they came", () => {
  const query = queryOf("ApI.DeFault.SVC.cluster.LOCAL");
  const reply = meshReply(query, namesOf())!;
  expect(reply.answers.length).toBe(1);
  expect(reply.questions).toEqual(query.questions);
  expect(reply.answers[0]?.name).toEqual(query.questions[0]!.name);
});

test("a name without an address of the family is there, and has none", () => {
  expect(answered("api.default", TYPE.aaaa)).toEqual([0]);
  expect(answered("both.example", TYPE.aaaa)).toEqual([0, "both.example v6"]);
  expect(answered("both.example")).toEqual([0, "both.example 240.240.0.3", "both.example 240.240.0.4"]);
  expect(answered("both.example", TYPE.any)?.length).toBe(4);
});

test("records that tell addresses are the mesh's; others of hosts outside are asked for outside", () => {
  const txt = 16;
  expect(answered("both.example", TYPE.https)).toEqual([0]);
  expect(answered("both.example", txt)).toBeUndefined();
  expect(answered("api.default.svc.cluster.local", txt)).toEqual([0]);
});

test("wildcards stand for names below them, the nearest first", () => {
  expect(answered("a.wild.example")).toEqual([0, "a.wild.example 240.240.0.5"]);
  expect(answered("a.b.wild.example")).toEqual([0, "a.b.wild.example 240.240.0.5"]);
  expect(answered("a.deep.wild.example")).toEqual([0, "a.deep.wild.example 240.240.0.6"]);
  expect(answered("wild.example")).toBeUndefined();
});

test("a search domain of the cluster behind a name of the mesh is seen through", () => {
  expect(answered("both.example.default.svc.cluster.local")).toEqual([
    0,
    "both.example.default.svc.cluster.local both.example",
    "both.example 240.240.0.3",
    "both.example 240.240.0.4",
  ]);
  expect(answered("web.shop.default.svc.cluster.local")).toEqual([
    0,
    "web.shop.default.svc.cluster.local web.shop",
    "web.shop 240.240.0.2",
  ]);
});

test("of the cluster's domain the mesh knows everything, unless the machine's resolvers serve it", () => {
  expect(answered("nobody.default.svc.cluster.local")).toEqual([RCODE.nameError]);
  expect(answered("both.example.default.svc.cluster.local", TYPE.aaaa)?.[0]).toBe(0);
  expect(answered("nobody.default.svc.cluster.local", TYPE.a, namesOf(false))).toBeUndefined();
  expect(answered("nobody.example")).toBeUndefined();
  expect(answered("broken.example")).toBeUndefined();
});

test("EDNS is answered with EDNS, a version that is not known with BADVERS", () => {
  const versionOne = { ...optRecord(1_232, false), ttl: 1 << 16 };
  const refused = meshReply(queryOf("api", TYPE.a, [versionOne]), namesOf())!;
  expect([rcodeOf(refused.flags), refused.additionals[0]!.ttl >>> 24, refused.answers.length]).toEqual([0, 1, 0]);
  expect(meshReply(queryOf("api", TYPE.a, [optRecord(4_096, true)]), namesOf())?.additionals).toEqual([
    optRecord(1_232, true),
  ]);
  expect(meshReply(queryOf("api"), namesOf())?.additionals).toEqual([]);
});

test("what the client does not take is left to TCP, with as much as fits", () => {
  const ips = Array.from({ length: 100 }, (_, i) => `240.240.1.${i}`);
  const table = create(NameTableSchema, { table: { "many.example": external(...ips) } } as never);
  const names = new MeshNames(table, "default", true);
  const query = queryOf("many.example");
  const reply = meshReply(query, names)!;
  const read = (bytes: Uint8Array) => {
    const decoded = decodeMessage(bytes);
    if (decoded.kind === "malformed") throw new Error(decoded.reason);
    return { truncated: (decoded.message.flags & 0x0200) !== 0, count: decoded.message.answers.length };
  };
  const small = fitted(reply, limitOf(query, "udp"));
  expect(small.length).toBeLessThanOrEqual(512);
  expect(read(small)).toEqual({ truncated: true, count: 25 });
  const large = queryOf("many.example", TYPE.a, [optRecord(4_096, false)]);
  expect(read(fitted(meshReply(large, names)!, limitOf(large, "udp")))).toEqual({ truncated: false, count: 100 });
  expect(limitOf(queryOf("many.example", TYPE.a, [optRecord(65_535, false)]), "udp")).toBe(4_096);
  expect(read(fitted(reply, limitOf(query, "tcp")))).toEqual({ truncated: false, count: 100 });
});
