import { describe, expect, test } from "bun:test";
import { programFor } from "../program.ts";
import { candidatesFor } from "./candidates.ts";
import type { LiveName, LiveNames } from "./live-names.ts";

const OBJECTS: Readonly<Record<string, readonly LiveName[]>> = {
  namespaces: [
    { namespace: "", name: "shop" },
    { namespace: "", name: "default" },
  ],
  virtualservices: [
    { namespace: "shop", name: "cart" },
    { namespace: "default", name: "web" },
  ],
  services: [{ namespace: "default", name: "web" }],
  pods: [{ namespace: "shop", name: "cart-1" }],
};

const LIVE: LiveNames = {
  objects: async ({ plural }, namespace) =>
    (OBJECTS[plural] ?? []).filter((name) => namespace === undefined || name.namespace === namespace),
};

const asked: (string | undefined)[] = [];

/** The words at `|`, the end of the line; files as `:files`. */
async function complete(line: string): Promise<readonly string[]> {
  const typed = line.split(" ");
  const program = await programFor(typed.slice(0, -1));
  const found = await candidatesFor(program, typed, (server) => {
    asked.push(server);
    return LIVE;
  });
  return found.kind === "files" ? [":files"] : found.words.map(({ word }) => word);
}

describe("what is completed", () => {
  test.each<[line: string, words: readonly string[]]>([
    ["ap", ["apply"]],
    ["proxy-", ["proxy-status", "proxy-config"]],
    ["--log-level ", ["debug", "info", "warn", "error", "off"]],
    ["--log-format=j", ["--log-format=json"]],
    ["--log-level debug an", ["analyze"]],
    ["get virtuals", ["virtualservices"]],
    ["get vs ", ["web"]],
    ["get vs -n shop ", ["cart"]],
    ["get --namespace=shop vs c", ["cart"]],
    ["get nosuch ", []],
    ["get al", ["all"]],
    ["delete al", []],
    ["get vs/", ["vs/web"]],
    ["get -n shop vs/c", ["vs/cart"]],
    ["get vs/web vs/w", ["vs/web"]],
    ["get vs,virtuals", ["vs,virtualservices"]],
    ["get nosuch/", []],
    ["wait vs/", ["vs/web"]],
    ["wait vs ", ["web"]],
    ["wait --for=de", ["--for=delete"]],
    ["delete vs/", ["vs/web"]],
    ["describe -n shop pod/", ["pod/cart-1"]],
    ["describe -n shop po/", ["po/cart-1"]],
    ["describe svc/", ["svc/web"]],
    ["get pods -o jsonp", ["jsonpath="]],
    ["get vs web ", ["web"]],
    ["get pods -o y", ["yaml"]],
    ["get pods --output=j", ["--output=json", "--output=jsonpath="]],
    ["get -n ", ["shop", "default"]],
    ["get --all", ["--all-namespaces"]],
    ["get -A --all", []],
    ["delete vs web ", ["web"]],
    ["ps -o ", ["table", "wide", "json", "yaml"]],
    ["ps sh", ["shop/cart-1"]],
    ["describe ", ["pod", "service", "workload"]],
    ["describe pod -n shop ", ["cart-1"]],
    ["describe workload -n shop ", ["cart-1"]],
    ["schema v", ["virtualservice"]],
    ["schema po", []],
    ["schema mesh", ["meshconfig"]],
    ["wait --for ", ["programmed", "accepted", "create", "delete", "condition=", "jsonpath="]],
    ["pc c", ["cluster"]],
    ["apply -f ", [":files"]],
    ["apply -f a.yaml ", [":files"]],
    ["apply -f a.yaml --dry", ["--dry-run"]],
    ["compile --workload sh", ["shop/cart-1"]],
    ["run --name a -- ", [":files"]],
    ["completion ", ["bash", "zsh", "fish"]],
    ["nosuch ", []],
  ])("%p", async (line, words) => {
    const found = await complete(line);
    expect(found).toEqual(words);
  });

  test("of the mesh that the line names", async () => {
    asked.length = 0;
    await complete("get --server http://127.0.0.1:9 vs ");
    expect(asked).toEqual(["http://127.0.0.1:9"]);
  });

  test("every command is named, and no secret one", async () => {
    const all = await complete("");
    expect(all).toContain("explain");
    expect(all).not.toContain("__complete");
  });
});
