// Objects that need each other, applied and deleted in the wrong order under load: what the proxies have goes on until there is what replaces it.

import { expect, test } from "bun:test";
import { resourceByKind } from "../../../src/kube/resources.ts";
import type { Described, Pair } from "../pair.ts";

/** Requests at a time. */
const CONNECTIONS = 4;
/** Between two writes: several times the debounce, so that each is a push of its own. */
const APART_MS = 150;

/** Counts what clients see, from its start to its end. */
class Load {
  readonly statuses = new Map<string, number>();
  answered = 0;
  #running = true;
  readonly #clients: Promise<unknown>;

  constructor(ask: () => Promise<string>) {
    this.#clients = Promise.all(Array.from({ length: CONNECTIONS }, () => this.#client(ask)));
  }

  async #client(ask: () => Promise<string>): Promise<void> {
    while (this.#running) {
      const answer = await ask();
      this.answered++;
      this.statuses.set(answer, (this.statuses.get(answer) ?? 0) + 1);
    }
  }

  async requests(count: number): Promise<void> {
    const goal = this.answered + count;
    while (this.answered < goal) await Bun.sleep(5);
  }

  async end(): Promise<ReadonlyMap<string, number>> {
    this.#running = false;
    await this.#clients;
    return this.statuses;
  }
}

/** `later` is a subset of its own, which no other rule of the mesh has. */
const RULE = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: golden-later, namespace: default}
spec:
  host: golden
  subsets:
  - {name: later, labels: {version: v2}}`;

const ROUTE = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: golden, namespace: default}
spec:
  hosts: [golden]
  http:
  - route: [{destination: {host: golden, subset: later}}]`;

/** The same where the subset has half of the requests. */
const HALF = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: golden, namespace: default}
spec:
  hosts: [golden]
  http:
  - route:
    - {destination: {host: golden, subset: v1}, weight: 50}
    - {destination: {host: golden, subset: later}, weight: 50}`;

export function orderCases(pair: Pair): void {
  const remove = async (kind: string, name: string) => {
    await pair.mesh.controlPlane.api.delete(resourceByKind("networking.istio.io", kind)!, {
      namespace: "default",
      name,
    });
  };
  const deleteRule = () => remove("DestinationRule", "golden-later");
  const deleteRoute = () => remove("VirtualService", "golden");
  const ask = () =>
    pair.get("/").then(
      async (response) =>
        response.status === 200 ? ((await response.json()) as Described).name : `${response.status}`,
      (error: unknown) => String(error),
    );
  /** Until the last answers all are of `version`; false when they never are. */
  const settles = async (isRight: (names: ReadonlySet<string>) => boolean) => {
    for (let i = 0; i < 200; i++) {
      const names = new Set<string>();
      for (let j = 0; j < 12; j++) names.add(await ask());
      if (isRight(names)) return true;
      await Bun.sleep(25);
    }
    return false;
  };
  const only = (version: string) => (names: ReadonlySet<string>) => names.size === 1 && names.has(version);
  const both = (names: ReadonlySet<string>) => names.has("v1") && names.has("v2");

  for (const [name, route, isThere] of [
    ["all", ROUTE, only("v2")],
    ["half", HALF, both],
  ] as const) {
    for (const first of ["VirtualService", "DestinationRule"] as const) {
      test(`${name} of the requests to a subset: the VirtualService first, the ${first} deleted first, and no request fails`, async () => {
        await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
        const load = new Load(ask);
        await load.requests(20);
        await pair.mesh.apply(route);
        await Bun.sleep(APART_MS);
        await load.requests(20);
        // Nobody has made the subset yet: what was there goes on.
        const early = new Set(load.statuses.keys());
        await pair.mesh.apply(RULE);
        expect(await settles(isThere)).toBe(true);
        await (first === "VirtualService" ? deleteRoute() : deleteRule());
        await Bun.sleep(APART_MS);
        await load.requests(20);
        await (first === "VirtualService" ? deleteRule() : deleteRoute());
        await Bun.sleep(APART_MS);
        expect(await settles(both)).toBe(true);
        const statuses = await load.end();
        expect([...early]).toEqual(["v1"]);
        expect([...statuses.keys()].toSorted()).toEqual(["v1", "v2"]);
      }, 30_000);
    }
  }

  test("a subset whose rule stays away goes on for a while, is then answered 503, and works again with its rule", async () => {
    await pair.mesh.apply(RULE);
    await pair.mesh.apply(ROUTE);
    expect(await settles(only("v2"))).toBe(true);
    await deleteRule();
    await Bun.sleep(APART_MS);
    expect(await ask()).toBe("v2");
    expect(await settles(only("503"))).toBe(true);
    await pair.mesh.apply(RULE);
    expect(await settles(only("v2"))).toBe(true);
    await deleteRoute();
    await deleteRule();
    expect(await settles(both)).toBe(true);
  }, 30_000);
}
