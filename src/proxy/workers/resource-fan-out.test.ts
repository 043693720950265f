import { beforeEach, expect, test } from "bun:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import { complete } from "../../base/steps.ts";
import { DeltaDiscoveryResponseSchema } from "../../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { RESOURCE_TYPES } from "../../xds/type-urls.ts";
import type { Rejection, Update } from "../../xds/update.ts";
import { ResourceFanOut, type ResourceTaker } from "./resource-fan-out.ts";

const NOTHING = { endpoints: new Set<string>(), routes: new Set<string>(), secrets: new Set<string>() };

/** Takes what it is given when it is told to. */
class Taker implements ResourceTaker {
  wanted = NOTHING;
  readonly taken: string[] = [];
  #verdicts: ((rejections: readonly Rejection[]) => void)[] = [];

  apply(
    { response }: Parameters<ResourceTaker["apply"]>[0],
    verdict: (rejections: readonly Rejection[]) => void,
  ): void {
    const { resources, removedResources } = fromBinary(DeltaDiscoveryResponseSchema, response);
    this.taken.push(
      [...resources.map(({ name }) => `+${name}`), ...removedResources.map((name) => `-${name}`)].join(" "),
    );
    this.#verdicts.push(verdict);
  }

  keep(): void {}

  judge(...refused: readonly string[]): void {
    const rejections = refused.map((name) => ({ name, path: "x", reason: "no" }));
    for (const verdict of this.#verdicts.splice(0)) verdict(rejections);
  }
}

let fanOut: ResourceFanOut;
let answers: string[];

beforeEach(() => {
  answers = [];
  fanOut = new ResourceFanOut(
    () => [],
    () => {},
  );
});

function arrive(kind: "cds" | "lds" | "sds", names: readonly string[], removed: readonly string[] = []): void {
  const resources = names.map((name) => ({ name, version: "1" }));
  const response = create(DeltaDiscoveryResponseSchema, {
    typeUrl: RESOURCE_TYPES[kind].typeUrl,
    resources,
    removedResources: [...removed],
  });
  const update: Update = { kind, stream: 1, nonce: "n", removed, resources: response.resources };
  complete(
    fanOut.apply(update, response, (rejections) =>
      answers.push(rejections.map(({ name }) => name).join(" ") || "taken"),
    ),
  );
}

function worker(): Taker {
  const taker = new Taker();
  fanOut.add(taker);
  return taker;
}

test("nothing is acknowledged that nobody has taken", () => {
  arrive("cds", ["a"]);
  expect(answers).toEqual([]);
  const first = worker();
  expect([first.taken, answers]).toEqual([["+a"], []]);
  first.judge();
  expect(answers).toEqual(["taken"]);
});

test("the first worker goes ahead, the answer waits for the last, and the next response for the answer", () => {
  const [first, second] = [worker(), worker()];
  arrive("cds", ["a"]);
  arrive("lds", ["l"]);
  expect([first.taken, second.taken]).toEqual([["+a"], []]);
  first.judge("a");
  expect([first.taken, second.taken, answers]).toEqual([["+a"], ["+a"], []]);
  second.judge("a");
  expect([first.taken, answers]).toEqual([["+a", "+l"], ["a"]]);
});

test("who comes later gets what is in force, and what is under way after it", () => {
  const first = worker();
  arrive("cds", ["a", "b", "bad"]);
  first.judge("bad");
  arrive("cds", ["c"], ["b"]);
  first.judge();
  arrive("sds", ["s"]);
  first.judge();
  arrive("sds", [], ["s"]);
  first.judge();
  arrive("lds", ["l"]);
  const second = worker();
  expect(second.taken).toEqual([]);
  first.judge();
  expect(second.taken).toEqual(["+a +c", "+s", "+l"]);
});

test("the worker that is gone is not waited for", () => {
  const [first, second] = [worker(), worker()];
  fanOut.remove(first);
  arrive("cds", ["a"]);
  expect([first.taken, second.taken]).toEqual([[], ["+a"]]);
  second.judge();
  expect(answers).toEqual(["taken"]);
});
