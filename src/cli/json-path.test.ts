// Templates with what kubectl 1.34 prints for them (`kubectl get … -o jsonpath=…`), and those that it refuses.

import { describe, expect, test } from "bun:test";
import { parsePath, parseTemplate, renderTemplate, valuesAt } from "./json-path.ts";

const LIST = {
  kind: "List",
  items: [
    {
      metadata: { name: "web", labels: { app: "web", "heddle.dev/tier": "front" } },
      spec: { hosts: ["web", "web.test"], http: [{ timeout: "1s", route: [{ weight: 80 }, { weight: 20 }] }] },
    },
    { metadata: { name: "api", labels: { app: "api" } }, spec: { hosts: ["api"], http: [] } },
  ],
};

describe("templates", () => {
  test.each<[template: string, text: string]>([
    ["plain", "plain"],
    ["{.kind}", "List"],
    ["{$.kind}", "List"],
    ["{.items[*].metadata.name}", "web api"],
    ["{.items[0].metadata.name}", "web"],
    ["{.items[-1].metadata.name}", "api"],
    ["{.items[0,1].metadata.name}", "web api"],
    ["{.items[0].spec.hosts}", '["web","web.test"]'],
    ["{.items[0].spec.hosts[0:1]}", "web"],
    ["{.items[0].spec.hosts[1:]}", "web.test"],
    ["{.items[0].spec.hosts[::2]}", "web"],
    ["{.items[0].metadata.labels.heddle\\.dev/tier}", "front"],
    ["{.items[0].metadata.labels['heddle.dev/tier']}", "front"],
    ["{.items[0].metadata['name','labels']}", 'web {"app":"web","heddle.dev/tier":"front"}'],
    ['{range .items[*]}{.metadata.name}{"\\t"}{.spec.hosts[0]}{"\\n"}{end}', "web\tweb\napi\tapi\n"],
    ['{range .items[*]}{.metadata.name}{"="}{range .spec.hosts[*]}{@}{","}{end}{end}', "web=web,web.test,api=api,"],
    ["{range .items[*]}{$.kind}:{end}", "List:List:"],
    ["{..weight}", "80 20"],
    ["{.items..hosts[0]}", "web api"],
    ['{.items[?(@.metadata.name=="api")].spec.hosts}', '["api"]'],
    ["{.items[?(@.metadata.labels['heddle.dev/tier'])].metadata.name}", "web"],
    ["{.items[*].spec.http[*].route[?(@.weight>50)].weight}", "80"],
    ['{.items[?(@.metadata.name!="api")].metadata.name}', "web"],
    ["{.items[*].nothing}", ""],
    ["{.items[7].metadata.name}", ""],
    ["{.items.length}", ""],
    ["{.items[0].metadata.constructor}", ""],
  ])("%p", (template, text) => {
    const rendered = renderTemplate(parseTemplate(template), LIST);
    expect(rendered).toBe(text);
  });

  test.each<[template: string, message: string]>([
    ["{.items", "} is missing, at character 8"],
    ["{.items[}", "no index, name, * or ?( )"],
    ["{range .items[*]}{.a}", "{range} has no {end}"],
    ["{.a}{end}", "{end} ends no {range}"],
    ["{}", "no path"],
    ["{.items[?(@.a==)]}", "no path"],
    ["{.items[?(@.a]}", ")] is missing"],
    ["{.items[::0]}", "a step of 0"],
    ["{range .a}".repeat(40), "more ranges than can stand in each other"],
  ])("%p is refused", (template, message) => {
    expect(() => parseTemplate(template)).toThrow(message);
  });
});

test.each([".metadata.name", "metadata.name", "{.metadata.name}", "{metadata.name}", "['metadata'].name"])(
  "the path %p is one way to write it",
  (path) => {
    expect(valuesAt(parsePath(path), LIST.items[0])).toEqual(["web"]);
  },
);

test("a path that goes on after its end is refused", () => {
  expect(() => parsePath(".a b")).toThrow("the path goes on after its end, at character 3");
});
