import { expect, test } from "bun:test";
import { buildMesh } from "./build.ts";
import { targetsOfRoute } from "./route.ts";
import { origin, parts, route, service } from "./sample.ts";
import type { ServiceAlias } from "./service.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

function alias(name: string, target: string, namespace = "default"): ServiceAlias {
  const host = hostOf(name, namespace);
  const path = "spec.externalName";
  return { origin: origin("Service", name, namespace), createdAt: 0, host, namespace, name, target, path, ports: [] };
}

function hostOf(name: string, namespace = "default"): string {
  return `${name}.${namespace}.svc.cluster.local`;
}

const WEB = service("web");

function aliasesOf(aliases: readonly ServiceAlias[]): readonly string[] | undefined {
  const mesh = buildMesh(DEFAULT_SETTINGS, parts({ services: [WEB], aliases }));
  return mesh.services[0]?.aliases?.map(({ host }) => host);
}

test("names of names lead to the service, whatever their order", () => {
  const chain = [alias("c", hostOf("b")), alias("b", hostOf("a", "shop")), alias("a", WEB.host, "shop")];
  const expected = [hostOf("b"), hostOf("c"), hostOf("a", "shop")];
  expect(aliasesOf(chain)).toEqual(expected);
  expect(aliasesOf(chain.toReversed())).toEqual(expected);
});

test("names that stand for each other, or lead to such, stand for nothing", () => {
  const round = [
    alias("a", hostOf("b")),
    alias("b", hostOf("a")),
    alias("self", hostOf("self")),
    alias("in", hostOf("a")),
  ];
  expect(aliasesOf(round)).toBeUndefined();
  const { aliases } = buildMesh(DEFAULT_SETTINGS, parts({ aliases: round })).index;
  expect([...aliases.values()].map(({ target }) => target)).toEqual([undefined, undefined, undefined, undefined]);
});

test("routes lead to what a name stands for", () => {
  const led = route("r", "any.test", hostOf("a"));
  const mesh = buildMesh(DEFAULT_SETTINGS, parts({ services: [WEB], aliases: [alias("a", WEB.host)], routes: [led] }));
  expect(mesh.routes.flatMap(targetsOfRoute).map(({ host }) => host)).toEqual([WEB.host]);
});

test("what a name does not concern stays the same object", () => {
  const others = parts({
    services: [WEB, service("other")],
    aliases: [alias("a", WEB.host)],
    routes: [route("r", "x.test", WEB.host)],
  });
  const before = buildMesh(DEFAULT_SETTINGS, others);
  const after = buildMesh(DEFAULT_SETTINGS, { ...others, services: [...others.services] }, before);
  expect(after.services).toBe(before.services);
  expect(after.routes).toBe(before.routes);
  expect(before.services.find(({ name }) => name === "other")).toBe(others.services[1]);
});
