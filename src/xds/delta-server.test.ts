import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { DeltaServer, type Pending } from "./delta-server.ts";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
} from "./gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { Resource } from "./resource.ts";
import { assignment, cluster, listener, routeConfiguration, snapshotOf, virtualHost } from "./resource-fixtures.ts";
import { RESOURCE_TYPES, type ResourceKind } from "./type-urls.ts";

type RequestInit = Omit<MessageInitShape<typeof DeltaDiscoveryRequestSchema>, "$typeName" | "typeUrl">;

function request(kind: ResourceKind, init: RequestInit = {}): DeltaDiscoveryRequest {
  return create(DeltaDiscoveryRequestSchema, { typeUrl: RESOURCE_TYPES[kind].typeUrl, ...init });
}

/** A server and the last nonce it sent of each type: just enough client to say yes and no. */
class Stream {
  readonly server: DeltaServer;
  readonly #nonces = new Map<ResourceKind, string>();

  constructor(resources: readonly Resource[], options = {}) {
    this.server = new DeltaServer(snapshotOf(resources), options);
  }

  ask(kind: ResourceKind, ...names: string[]): void {
    this.server.receive(request(kind, { resourceNamesSubscribe: names }));
  }

  leave(kind: ResourceKind, ...names: string[]): void {
    this.server.receive(request(kind, { resourceNamesUnsubscribe: names }));
  }

  reconnect(kind: ResourceKind, initialResourceVersions: Record<string, string>, ...names: string[]): void {
    this.server.receive(request(kind, { initialResourceVersions, resourceNamesSubscribe: names }));
  }

  ack(kind: ResourceKind): void {
    expect(this.server.receive(request(kind, { responseNonce: this.#nonces.get(kind)! }))).toEqual({
      kind: "ack",
      type: kind,
    });
  }

  nack(kind: ResourceKind, message: string): void {
    const received = this.server.receive(
      request(kind, { responseNonce: this.#nonces.get(kind)!, errorDetail: { code: 13, message } }),
    );
    expect(received).toEqual({ kind: "nack", type: kind, reason: message });
  }

  set(...resources: Resource[]): void {
    this.server.update(snapshotOf(resources));
  }

  /** Everything that the server sends now: `cds +a +b -c`. */
  sent(): string[] {
    const lines: string[] = [];
    for (let response = this.server.next(); response; response = this.server.next()) {
      this.#nonces.set(response.kind, response.nonce);
      const added = response.resources.map(
        ({ name, aliases, resource }) =>
          `+${name}${resource ? "" : "?"}${aliases.map((alias) => `=${alias}`).join("")}`,
      );
      lines.push([response.kind, ...added, ...response.removed.map((name) => `-${name}`)].join(" "));
    }
    return lines;
  }

  /** Acknowledges whatever comes until nothing does. */
  settle(): string[] {
    const all: string[] = [];
    for (let lines = this.sent(); lines.length > 0; lines = this.sent()) {
      all.push(...lines);
      for (const line of lines) this.ack(line.split(" ")[0] as ResourceKind);
    }
    return all;
  }
}

const a = cluster("a");
const b = cluster("b");

describe("delta server, rule by rule of the protocol", () => {
  test("1: every response has a fresh nonce; a request that repeats it is the answer, one without is a subscription", () => {
    const stream = new Stream([a, assignment("a", 1), assignment("b", 1)]);
    stream.ask("cds");
    stream.ask("eds", "a");
    expect(stream.sent()).toEqual(["cds +a", "eds +a"]);
    // Spontaneous: neither answers the response in flight nor is held up by it.
    stream.ask("eds", "b");
    expect(stream.server.acknowledged("eds", "a")).toBeUndefined();
    expect(stream.sent()).toEqual([]);
    stream.ack("eds");
    expect(stream.sent()).toEqual(["eds +b"]);
    expect(stream.server.acknowledged("eds", "a")).toBe(assignment("a", 1).version);
    // A nonce that is no longer the latest answers nothing.
    expect(stream.server.receive(request("eds", { responseNonce: "0" }))).toEqual({ kind: "request" });
    expect(stream.server.acknowledged("eds", "b")).toBeUndefined();
  });

  test("2: after a NACK the client keeps what it had; the same bytes are not sent again, a change is", () => {
    const stream = new Stream([a]);
    stream.ask("cds");
    stream.settle();
    const bad = cluster("a", { connectTimeoutMs: 2 });
    stream.set(bad);
    expect(stream.sent()).toEqual(["cds +a"]);
    stream.nack("cds", "Error adding/updating cluster(s) a: no");
    expect(stream.sent()).toEqual([]);
    expect(stream.server.acknowledged("cds", "a")).toBe(a.version);
    const refusal = "Error adding/updating cluster(s) a: no";
    expect([...stream.server.unacknowledged()]).toEqual([{ kind: "cds", name: "a", refusal }]);
    expect(stream.server.status()).toEqual([
      {
        kind: "cds",
        held: 1,
        synced: true,
        refusals: [{ name: "a", version: bad.version, reason: "Error adding/updating cluster(s) a: no" }],
      },
    ]);
    stream.set(bad, b);
    expect([...stream.server.unacknowledged()]).toEqual([
      { kind: "cds", name: "a", refusal },
      { kind: "cds", name: "b" },
    ]);
    expect(stream.settle()).toEqual(["cds +b"]);
    stream.set(cluster("a", { connectTimeoutMs: 3 }), b);
    expect(stream.settle()).toEqual(["cds +a"]);
    expect(stream.server.status()[0]!.refusals).toEqual([]);
    expect([...stream.server.unacknowledged()]).toEqual([]);
  });

  test("2: who refuses a resource and has none of the name gets its stand-in, and still refuses what it stands for", () => {
    const standIn = cluster("a");
    const patched = cluster("a", { connectTimeoutMs: 7 });
    const other = cluster("a", { connectTimeoutMs: 8 });
    const standIns = { cds: new Map([["a", standIn]]) };
    const refusal = "Error adding/updating cluster(s) a: no";
    const isRefused: Pending[] = [{ kind: "cds", whole: false, names: new Map([["a", refusal]]) }];
    const pending = (stream: Stream) => stream.server.pending().filter(({ kind }) => kind === "cds");

    const fresh = new Stream([]);
    fresh.server.update({ ...snapshotOf([patched]), standIns });
    fresh.ask("cds");
    expect(fresh.sent()).toEqual(["cds +a"]);
    fresh.nack("cds", refusal);
    expect(fresh.sent()).toEqual(["cds +a"]);
    fresh.ack("cds");
    expect(fresh.server.acknowledged("cds", "a")).toBe(standIn.version);
    expect(pending(fresh)).toEqual(isRefused);
    // Another patch is tried, and again nothing is lost by it.
    fresh.server.update({ ...snapshotOf([other]), standIns });
    expect(fresh.sent()).toEqual(["cds +a"]);
    fresh.nack("cds", refusal);
    expect(fresh.sent()).toEqual([]);
    expect(fresh.server.acknowledged("cds", "a")).toBe(standIn.version);
    // Without the patch it has what it is to have.
    fresh.server.update(snapshotOf([standIn]));
    expect(fresh.sent()).toEqual([]);
    expect(pending(fresh)).toEqual([]);

    const older = new Stream([a]);
    older.ask("cds");
    older.settle();
    older.server.update({ ...snapshotOf([patched]), standIns: { cds: new Map([["a", other]]) } });
    expect(older.sent()).toEqual(["cds +a"]);
    older.nack("cds", refusal);
    expect(older.sent()).toEqual([]);
    expect(older.server.acknowledged("cds", "a")).toBe(a.version);
  });

  test("2: a stand-in that is refused as well is not sent again", () => {
    const patched = cluster("a", { connectTimeoutMs: 7 });
    const stream = new Stream([]);
    stream.server.update({ ...snapshotOf([patched]), standIns: { cds: new Map([["a", cluster("a")]]) } });
    stream.ask("cds");
    expect(stream.sent()).toEqual(["cds +a"]);
    stream.nack("cds", "a: no");
    expect(stream.sent()).toEqual(["cds +a"]);
    stream.nack("cds", "a: no");
    expect(stream.sent()).toEqual([]);
  });

  test("2: a refused resource does not keep back the good ones of its response, named or not", () => {
    const good = ["c", "d", "e", "f"].map((name) => cluster(name));
    const named = new Stream([cluster("bad"), ...good]);
    named.ask("cds");
    expect(named.sent()).toEqual(["cds +bad +c +d +e +f"]);
    named.nack("cds", "Error adding/updating cluster(s) bad: no");
    expect(named.settle()).toEqual(["cds +c +d +e +f"]);

    const unnamed = new Stream([cluster("bad"), ...good]);
    unnamed.ask("cds");
    const refusesBad = (lines: string[]): string[] => {
      for (const line of lines)
        if (line.includes("+bad")) unnamed.nack("cds", "something is wrong");
        else unnamed.ack("cds");
      return lines;
    };
    const all: string[] = [];
    for (let lines = unnamed.sent(); lines.length > 0; lines = unnamed.sent()) all.push(...refusesBad(lines));
    expect(all).toEqual(["cds +bad +c +d +e +f", "cds +bad +c", "cds +bad", "cds +c", "cds +d +e +f"]);
    expect(unnamed.server.status()[0]!.refusals.map(({ name }) => name)).toEqual(["bad"]);
    expect(good.every(({ name, version }) => unnamed.server.acknowledged("cds", name) === version)).toBe(true);
  });

  test("3: a subscribed name is answered even if its version is unchanged, and a name that does not exist by its removal", () => {
    const stream = new Stream([assignment("a", 1)]);
    stream.ask("eds", "a", "nowhere");
    expect(stream.settle()).toEqual(["eds +a -nowhere"]);
    stream.ask("eds", "a");
    expect(stream.settle()).toEqual(["eds +a"]);
    stream.ask("eds", "nowhere");
    expect(stream.settle()).toEqual(["eds -nowhere"]);
    stream.set(assignment("a", 1), assignment("nowhere", 1));
    expect(stream.settle()).toEqual(["eds +nowhere"]);
    stream.leave("eds", "a");
    stream.set(assignment("a", 2), assignment("nowhere", 1));
    expect(stream.settle()).toEqual([]);
    expect(stream.server.acknowledged("eds", "a")).toBeUndefined();
  });

  test("4: a first request without names is a wildcard, which later names do not end and unsubscribing * does", () => {
    const stream = new Stream([a, b]);
    stream.ask("cds");
    expect(stream.settle()).toEqual(["cds +a +b"]);
    stream.ask("cds", "a");
    expect(stream.settle()).toEqual(["cds +a"]);
    stream.set(a, b, cluster("c"));
    expect(stream.settle()).toEqual(["cds +c"]);
    // Leaving a name under the wildcard is answered with what the name is now.
    stream.leave("cds", "a");
    expect(stream.settle()).toEqual(["cds +a"]);
    stream.ask("cds", "b");
    stream.settle();
    stream.leave("cds", "*");
    stream.set(a, cluster("b", { connectTimeoutMs: 9 }), cluster("d"));
    expect(stream.settle()).toEqual(["cds +b"]);
    expect(stream.server.acknowledged("cds", "a")).toBeUndefined();
  });

  test("4: names from the start are no wildcard, * may stand beside them, and a type without wildcard has none", () => {
    const explicit = new Stream([a, b]);
    explicit.ask("cds", "b");
    expect(explicit.settle()).toEqual(["cds +b"]);
    explicit.ask("cds", "*");
    expect(explicit.settle()).toEqual(["cds +a"]);
    const endpoints = new Stream([assignment("a", 1)]);
    endpoints.ask("eds");
    expect(endpoints.settle()).toEqual([]);
  });

  test("4: a glob collection is a prefix", () => {
    const prefix = "xdstp://mesh/envoy.config.endpoint.v3.ClusterLoadAssignment";
    const stream = new Stream([
      assignment(`${prefix}/a/1`, 1),
      assignment(`${prefix}/a/2`, 1),
      assignment(`${prefix}/b/1`, 1),
    ]);
    stream.ask("eds", `${prefix}/a/*`);
    expect(stream.settle()).toEqual([`eds +${prefix}/a/1 +${prefix}/a/2`]);
    stream.leave("eds", `${prefix}/a/*`);
    stream.set(assignment(`${prefix}/a/1`, 2));
    expect(stream.settle()).toEqual([]);
  });

  test("4: who leaves everything before any of it was sent gets nothing", () => {
    const stream = new Stream([a, b]);
    stream.ask("cds");
    stream.leave("cds", "*");
    expect(stream.settle()).toEqual([]);
  });

  test("4: who asks for all that there is gets what there is when it is sent", () => {
    const stream = new Stream([assignment("a", 1), assignment("b", 1)]);
    stream.ask("eds", "a", "b");
    stream.set(assignment("a", 1), assignment("c", 1));
    expect(stream.settle()).toEqual(["eds +a -b"]);
    stream.ask("eds", "c");
    stream.set(assignment("a", 2), assignment("c", 1));
    expect(stream.settle()).toEqual(["eds +c +a"]);
  });

  test("4: a wildcard is answered even if there is nothing", () => {
    const stream = new Stream([]);
    stream.ask("lds");
    expect(stream.settle()).toEqual(["lds"]);
    stream.ask("lds");
    expect(stream.settle()).toEqual([]);
  });

  test("5: on a new stream only what differs from the initial versions is sent", () => {
    const stream = new Stream([a, b, assignment("a", 1), assignment("b", 1)]);
    stream.reconnect("cds", { a: a.version, b: "old", gone: "old" });
    stream.reconnect("eds", { a: assignment("a", 1).version }, "a", "b");
    expect(stream.settle()).toEqual(["cds +b -gone", "eds +b"]);
    expect(stream.server.acknowledged("cds", "a")).toBe(a.version);
  });

  test("5: names on a reconnect do not end the wildcard", () => {
    const stream = new Stream([a, b]);
    stream.reconnect("cds", { a: a.version }, "a");
    expect(stream.settle()).toEqual(["cds +b"]);
    stream.set(a, b, cluster("c"));
    expect(stream.settle()).toEqual(["cds +c"]);
  });

  test("6: an unchanged resource is not sent, whatever the snapshot's version", () => {
    const stream = new Stream([a, b]);
    stream.ask("cds");
    stream.settle();
    stream.server.update({ ...snapshotOf([cluster("a"), cluster("b")]), version: "another" });
    expect(stream.settle()).toEqual([]);
    // There and back before the client heard of it.
    stream.set(cluster("a", { connectTimeoutMs: 7 }), b);
    stream.set(a, b);
    expect(stream.settle()).toEqual([]);
  });

  test("7: clusters, endpoints, listeners, routes, virtual hosts; removals when nothing refers to them any more", () => {
    const before = [a, assignment("a", 1), listener("l"), routeConfiguration("80"), virtualHost("80/x", ["a"])];
    const stream = new Stream(before);
    stream.ask("vhds");
    stream.ask("rds", "80");
    stream.ask("lds");
    stream.ask("eds", "a");
    stream.ask("cds");
    expect(stream.settle()).toEqual(
      ["cds +a", "eds +a", "lds +l", "rds +80", "vhds +80/x"].toSorted((x, y) => order(x) - order(y)),
    );
    stream.set(b, assignment("b", 1), listener("l"), routeConfiguration("80"), virtualHost("80/x", ["b"]));
    expect(stream.sent()).toEqual(["cds +b"]);
    stream.ask("eds", "b");
    expect(stream.sent()).toEqual(["eds +b"]);
    stream.ack("eds");
    expect(stream.sent()).toEqual([]);
    stream.ack("cds");
    expect(stream.sent()).toEqual(["vhds +80/x"]);
    stream.ack("vhds");
    expect(stream.sent()).toEqual(["cds -a"]);
    stream.leave("eds", "a");
    stream.ack("cds");
    expect(stream.sent()).toEqual([]);
  });

  test("7: a listener and its routes wait for their cluster's acknowledgement, others do not", () => {
    const stream = new Stream([a]);
    stream.ask("cds");
    stream.ask("rds", "80");
    stream.settle();
    stream.set(a, b, routeConfiguration("80", ["a", "b"]), virtualHost("81/y", ["a"]));
    stream.ask("vhds");
    expect(stream.sent()).toEqual(["cds +b", "vhds +81/y"]);
    stream.ack("cds");
    expect(stream.sent()).toEqual(["rds +80"]);
  });

  test("7: a route to a refused cluster stays back, and goes when a mended cluster is taken", () => {
    const stream = new Stream([a, virtualHost("80/x", ["a"]), virtualHost("80/y", ["a"])]);
    stream.ask("cds");
    stream.ask("vhds");
    stream.settle();
    stream.set(a, b, virtualHost("80/x", ["b"]));
    expect(stream.sent()).toEqual(["cds +b"]);
    stream.nack("cds", "b: no");
    expect(stream.settle()).toEqual(["vhds -80/y"]);
    expect(stream.server.acknowledged("vhds", "80/x")).toBe(virtualHost("80/x", ["a"]).version);
    stream.set(a, cluster("b", { connectTimeoutMs: 2 }), virtualHost("80/x", ["b"]));
    expect(stream.settle()).toEqual(["cds +b", "vhds +80/x"]);
  });

  test("7: a route to a cluster that nobody has made yet does not take the place of one that works, until it is released", () => {
    const later = "outbound|80|later|a";
    const before = virtualHost("r/a", ["a"]);
    const ahead = virtualHost("r/a", [later]);
    const routes = routeConfiguration("r");
    const stream = new Stream([a, routes, before]);
    stream.ask("cds");
    stream.ask("rds", "r");
    stream.ask("vhds");
    stream.settle();
    const other = virtualHost("r/b", ["a"]);
    stream.set(a, routes, ahead, other);
    expect(stream.settle()).toEqual(["vhds +r/b"]);
    expect([...stream.server.heldBack()]).toEqual([ahead]);
    // The cluster comes: first it, then what waited for it.
    stream.set(a, cluster(later), routes, ahead, other);
    expect(stream.settle()).toEqual([`cds +${later}`, "vhds +r/a"]);
    // It is taken away while the route stands: it stays as long as the route does.
    stream.set(a, routes, ahead, other);
    expect(stream.settle()).toEqual([]);
    stream.set(a, routes, before, other);
    expect(stream.settle()).toEqual(["vhds +r/a", `cds -${later}`]);
    // Nobody makes it: at last the route goes all the same.
    stream.set(a, routes, ahead, other);
    expect(stream.settle()).toEqual([]);
    stream.server.release(stream.server.heldBack());
    expect(stream.settle()).toEqual(["vhds +r/a"]);
    expect([...stream.server.heldBack()]).toEqual([]);
  });

  test("7: a cluster that is gone for good stays for its routes until it is released; one that came back is another", () => {
    const name = "outbound|80|gone|a";
    const routes = routeConfiguration("r");
    const host = virtualHost("r/a", [name]);
    const stream = new Stream([a, cluster(name), routes, host]);
    stream.ask("cds");
    stream.ask("rds", "r");
    stream.ask("vhds");
    stream.settle();
    stream.set(a, routes, host);
    expect(stream.settle()).toEqual([]);
    const early = [...stream.server.orphanedClusters()];
    expect(early).toHaveLength(1);
    // It comes back, and goes again: what was due then is not due now.
    stream.set(a, cluster(name, { connectTimeoutMs: 2 }), routes, host);
    expect([stream.settle(), [...stream.server.orphanedClusters()]]).toEqual([[`cds +${name}`], []]);
    stream.set(a, routes, host);
    stream.server.releaseClusters(early);
    expect(stream.settle()).toEqual([]);
    stream.server.releaseClusters(stream.server.orphanedClusters());
    expect(stream.settle()).toEqual([`cds -${name}`]);
    expect([...stream.server.orphanedClusters()]).toEqual([]);
    // Its rule is there again: nothing else is sent for it.
    stream.set(a, cluster(name), routes, host);
    expect(stream.settle()).toEqual([`cds +${name}`]);
  });

  test("7: a cluster that waits for its route to be taken away is no orphan", () => {
    const stream = new Stream([a, b, virtualHost("80/x", ["b"])]);
    stream.ask("cds");
    stream.ask("vhds");
    stream.settle();
    stream.set(a, virtualHost("80/x", ["a"]));
    expect(stream.sent()).toEqual(["vhds +80/x"]);
    expect([...stream.server.orphanedClusters()]).toEqual([]);
    stream.ack("vhds");
    expect(stream.sent()).toEqual(["cds -b"]);
  });

  test("7: who has nothing yet is sent a route to no cluster at once, and a name of a bootstrap's form never waits", () => {
    const ahead = virtualHost("r/a", ["outbound|80|later|a"]);
    const routes = routeConfiguration("r");
    const stream = new Stream([a, routes, ahead]);
    stream.ask("cds");
    stream.ask("rds", "r");
    stream.ask("vhds");
    expect(stream.settle()).toEqual(["cds +a", "rds +r", "vhds +r/a"]);
    stream.set(a, routes, virtualHost("r/a", ["prometheus_stats"]));
    expect(stream.settle()).toEqual(["vhds +r/a"]);
  });

  test("7: what waits for an acknowledgement that never comes goes when it is released; for a refused cluster it stays", () => {
    const stream = new Stream([a, listener("l", "a")]);
    stream.ask("cds");
    stream.ask("lds");
    expect(stream.sent()).toEqual(["cds +a"]);
    stream.server.release(stream.server.heldBack());
    expect(stream.sent()).toEqual(["lds +l"]);
    const other = new Stream([a, listener("l", "a")]);
    other.ask("cds");
    other.ask("lds");
    other.sent();
    other.nack("cds", "a: no");
    other.server.release(other.server.heldBack());
    expect(other.sent()).toEqual([]);
    expect([...other.server.heldBack()]).toEqual([]);
  });

  test("7: a cluster stays while the client may hold a route of an earlier stream to it", () => {
    const stream = new Stream([b, virtualHost("80/x", ["b"])]);
    stream.reconnect("cds", { a: a.version });
    stream.reconnect("vhds", { "80/x": "old" });
    expect(stream.sent()).toEqual(["cds +b"]);
    stream.ack("cds");
    expect(stream.sent()).toEqual(["vhds +80/x"]);
    stream.ack("vhds");
    expect(stream.sent()).toEqual(["cds -a"]);
  });

  test("8: a changed cluster is followed at once by its endpoints, and an unchanged one is not sent", () => {
    const stream = new Stream([a, b, assignment("a", 1), assignment("b", 1)]);
    stream.ask("cds");
    stream.ask("eds", "a", "b");
    stream.settle();
    stream.set(cluster("a", { connectTimeoutMs: 2 }), b, assignment("a", 1), assignment("b", 1));
    // Before the cluster's acknowledgement, which Envoy holds until it has the endpoints.
    expect(stream.sent()).toEqual(["cds +a", "eds +a"]);
    stream.ack("eds");
    stream.ack("cds");
    expect(stream.sent()).toEqual([]);
  });

  test("9: virtual hosts come without being asked for by name, once their route configuration was acknowledged", () => {
    const stream = new Stream([
      routeConfiguration("80"),
      virtualHost("80/x", []),
      virtualHost("80/y", []),
      virtualHost("81/z", []),
    ]);
    stream.ask("rds", "80");
    stream.ask("vhds");
    expect(stream.sent()).toEqual(["rds +80", "vhds +81/z"]);
    stream.ack("vhds");
    expect(stream.sent()).toEqual([]);
    stream.ack("rds");
    expect(stream.settle()).toEqual(["vhds +80/x +80/y"]);
    stream.set(routeConfiguration("80"), virtualHost("80/x", [], ["changed"]));
    expect(stream.settle()).toEqual(["vhds +80/x -80/y -81/z"]);
  });

  test("9: virtual hosts come again with a route configuration that the client dropped, and not when it only changes", () => {
    const stream = new Stream([routeConfiguration("80"), virtualHost("80/x", [])]);
    stream.ask("rds", "80");
    stream.ask("vhds");
    expect(stream.settle()).toEqual(["rds +80", "vhds +80/x"]);
    stream.set(routeConfiguration("80", ["elsewhere"]), virtualHost("80/x", []));
    expect(stream.settle()).toEqual(["rds +80"]);
    stream.leave("rds", "80");
    expect(stream.settle()).toEqual([]);
    stream.ask("rds", "80");
    expect(stream.settle()).toEqual(["rds +80", "vhds +80/x"]);
  });

  test("9: of a route configuration without virtual hosts the removal of none is told, for which Envoy waits", () => {
    const stream = new Stream([routeConfiguration("80"), routeConfiguration("81")]);
    stream.ask("rds", "80");
    stream.ask("vhds");
    expect(stream.settle()).toEqual(["rds +80", "vhds -80/"]);
    stream.ask("rds", "81");
    expect(stream.settle()).toEqual(["rds +81", "vhds -81/"]);
  });

  test("9: a host on demand is answered by its alias, one that does not exist by an alias without content", () => {
    const stream = new Stream([virtualHost("80/x", [], ["x.example", "x"]), virtualHost("80/y", [], ["*.y.example"])]);
    stream.ask("vhds");
    stream.settle();
    stream.ask("vhds", "80/x.example");
    expect(stream.settle()).toEqual(["vhds +80/x=80/x.example"]);
    stream.ask("vhds", "80/unknown.example");
    expect(stream.settle()).toEqual(["vhds +80/unknown.example?=80/unknown.example"]);
    // As Envoy reconnects after that.
    const again = new Stream([virtualHost("80/x", [], ["x.example", "x"])]);
    again.reconnect(
      "vhds",
      { "80/x": virtualHost("80/x", [], ["x.example", "x"]).version },
      "*",
      "80/x.example",
      "80/unknown.example",
    );
    expect(again.settle()).toEqual(["vhds +80/x=80/x.example +80/unknown.example?=80/unknown.example"]);
  });

  test("9: hosts on demand are not remembered: anyone may send any Host header", () => {
    const stream = new Stream([virtualHost("80/x", [])], { maxNames: 5 });
    stream.ask("vhds");
    stream.settle();
    for (let i = 0; i < 20; i++) {
      stream.ask("vhds", `80/host-${i}`);
      expect(stream.settle()).toHaveLength(1);
    }
    expect(stream.server.receive(request("vhds"))).toEqual({ kind: "request" });
    // Unless the client never answers.
    expect(stream.sent()).toEqual([]);
    stream.ask("vhds", "80/a");
    expect(stream.sent()).toHaveLength(1);
    for (let i = 0; i < 5; i++) stream.ask("vhds", `80/host-${i}`);
    const more = request("vhds", { resourceNamesSubscribe: ["80/host-5"] });
    expect(stream.server.receive(more)).toEqual({ kind: "too-many-names", type: "vhds", limit: 5 });
  });

  test("9: virtual hosts of a refused route configuration hold up nothing else", () => {
    const stream = new Stream([routeConfiguration("80"), virtualHost("80/x", []), virtualHost("80/y", [])]);
    stream.ask("rds", "80", "81");
    stream.ask("vhds");
    stream.settle();
    stream.set(routeConfiguration("80"), virtualHost("80/x", []), routeConfiguration("81"), virtualHost("81/z", []));
    expect(stream.sent()).toEqual(["rds +81"]);
    stream.nack("rds", "no");
    expect(stream.settle()).toEqual(["vhds -80/y"]);
    expect(stream.server.status().map(({ kind, synced }) => [kind, synced])).toEqual([
      ["rds", true],
      ["vhds", true],
    ]);
    stream.set(
      routeConfiguration("80"),
      virtualHost("80/x", []),
      routeConfiguration("81", ["mended"]),
      virtualHost("81/z", []),
    );
    expect(stream.settle()).toEqual(["rds +81", "vhds +81/z"]);
  });

  test("10: one unanswered response per type; what changes behind it becomes one response", () => {
    const stream = new Stream([a]);
    stream.ask("cds");
    expect(stream.sent()).toEqual(["cds +a"]);
    stream.set(a, b);
    stream.set(a, b, cluster("c"));
    stream.set(a, cluster("b", { connectTimeoutMs: 3 }), cluster("c"));
    expect(stream.sent()).toEqual([]);
    stream.ack("cds");
    expect(stream.sent()).toEqual(["cds +b +c"]);
  });

  test("10: too many names or versions in one request are refused before any of it is remembered", () => {
    const stream = new Stream([a], { maxNames: 2 });
    const tooMany = { kind: "too-many-names", type: "eds", limit: 2 };
    const names = ["x", "y", "z"];
    expect(stream.server.receive(request("eds", { resourceNamesSubscribe: names }))).toMatchObject(tooMany);
    const initialResourceVersions = Object.fromEntries(names.map((name) => [name, "1"]));
    expect(stream.server.receive(request("eds", { initialResourceVersions }))).toMatchObject(tooMany);
    expect(stream.server.status()).toEqual([]);
  });

  test("10: a client that subscribes to too much is told so", () => {
    const stream = new Stream([], { maxNames: 2 });
    const names = { resourceNamesSubscribe: ["a", "b", "c"] };
    expect(stream.server.receive(request("eds", names))).toEqual({ kind: "too-many-names", type: "eds", limit: 2 });
  });
});

function order(line: string): number {
  return ["cds", "eds", "lds", "rds", "vhds"].indexOf(line.split(" ")[0]!);
}

describe("delta server", () => {
  test("splits what is longer than a response may be, and never waits with endpoints for the rest", () => {
    const clusters = Array.from({ length: 10 }, (_, index) => cluster(`c${index}`));
    const stream = new Stream([...clusters, assignment("c0", 1)], { maxResponseBytes: 500 });
    stream.ask("cds");
    stream.ask("eds", "c0");
    const lines = stream.settle();
    expect(lines.filter((line) => line.startsWith("cds")).length).toBeGreaterThan(2);
    expect(lines[1]).toBe("eds +c0");
    expect(lines.flatMap((line) => (line.startsWith("cds") ? line.split(" ").slice(1) : []))).toEqual(
      clusters.map(({ name }) => `+${name}`),
    );
  });

  test("holds a removal back until what takes its place can be sent", () => {
    const stream = new Stream([a, listener("old", "a")]);
    stream.ask("cds");
    stream.ask("lds");
    stream.settle();
    stream.set(a, b, listener("new", "b"));
    expect(stream.sent()).toEqual(["cds +b"]);
    stream.ack("cds");
    expect(stream.sent()).toEqual(["lds +new -old"]);
  });

  test("takes the names that changed instead of comparing the maps", () => {
    const stream = new Stream([a, b]);
    stream.ask("cds");
    stream.settle();
    const changed = [cluster("a", { connectTimeoutMs: 2 }), cluster("b", { connectTimeoutMs: 2 })];
    stream.server.update(snapshotOf(changed), { cds: ["b"] });
    expect(stream.settle()).toEqual(["cds +b"]);
  });

  test("ignores types that it does not serve", () => {
    const stream = new Stream([]);
    const typeUrl = "type.googleapis.com/envoy.service.runtime.v3.Runtime";
    expect(stream.server.receive(create(DeltaDiscoveryRequestSchema, { typeUrl }))).toEqual({
      kind: "unknown-type",
      typeUrl,
    });
    expect(stream.sent()).toEqual([]);
  });

  test("does not send a client what it left while the response was on its way", () => {
    const stream = new Stream([assignment("a", 1)]);
    stream.ask("eds", "a");
    expect(stream.sent()).toEqual(["eds +a"]);
    stream.leave("eds", "a");
    stream.ack("eds");
    expect(stream.server.acknowledged("eds", "a")).toBeUndefined();
    stream.ask("eds", "a");
    expect(stream.settle()).toEqual(["eds +a"]);
  });
});
