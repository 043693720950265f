// Slips of the pen as people make them: one finding each, where the mistake stands, with what would be right.

import { expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { check } from "./dialects.ts";
import { readObjects } from "./object.ts";

const RIGHT = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: web
  namespace: shop
spec:
  hosts:
  - web
  http:
  - route:
    - destination:
        host: web
`;

/** Place, what it is called wrong, what would be right. */
function told(text: string): readonly string[] {
  const { objects, diagnostics } = readObjects("f.yaml", text);
  const all = [...diagnostics, ...objects.flatMap((object) => check(object, DEFAULT_SETTINGS))];
  return all.map(({ span, message, suggestion }) => `${span?.line}:${span?.column} ${message} → ${suggestion}`);
}

const CASES: readonly (readonly [name: string, from: string, to: string, told: string])[] = [
  ["a required field under another name", "host:", "hots:", '12:9 unknown field "hots" → host'],
  [
    "a field that is not below its parent",
    "    host: web",
    "  host: web",
    '12:7 unknown field "host" → host below destination, and further in than it',
  ],
  ["one host where a list is", "\n  - web", " web", '7:10 hosts must be a list: "web" → hosts: [web]'],
  [
    "no space after a colon",
    "host: web",
    "host:web",
    '12:9 destination must be an object: "host:web" → host: web, with a space after the colon',
  ],
  [
    "a space that is none",
    "host: web",
    "host:\u00a0web",
    '12:9 destination must be an object: "host:\\u00a0web" → host: web, with a space after the colon',
  ],
  [
    "a character that nobody sees",
    "- web",
    "- we\u200bb",
    '8:5 hosts[0] is no host name: "we\\u200bb" (label "we\\u200bb") → undefined',
  ],
  [
    "a name that YAML takes for false",
    "name: web",
    "name: off",
    "4:9 name must be a string: false → the value in quotes",
  ],
  [
    "a namespace that is a number",
    "namespace: shop",
    "namespace: 123",
    "5:14 namespace must be a string: 123 → the value in quotes",
  ],
  [
    "a name that the API would make",
    "name: web",
    "generateName: web-",
    "4:17 object has no metadata.name: generateName makes one in the API alone (kubectl create) → name: web-a",
  ],
  [
    "metadata that is a text",
    "name: web\n  namespace: shop",
    "name:web",
    '4:3 metadata must be an object: "name:web" → a space after the colon',
  ],
  [
    "a template",
    "name: web",
    "name: {{ .Values.name }}",
    "4:9 not valid YAML: a template that nobody has filled in → what the template makes: helm template CHART | heddle analyze -",
  ],
  [
    "a template's condition",
    "  http:",
    "{{- if .Values.http }}\n  http:",
    "9:1 not valid YAML: a template that nobody has filled in → what the template makes: helm template CHART | heddle analyze -",
  ],
  [
    "a merge conflict",
    "  http:",
    "<<<<<<< HEAD\n  http:",
    "9:1 not valid YAML: a merge conflict that nobody has resolved → one of the two sides",
  ],
  [
    "a quote that is open",
    "- web",
    '- "web',
    '8:5 not valid YAML: nothing closes this quote: " → " at the end of the value',
  ],
  [
    "a wildcard without quotes",
    "- web",
    "- *.example.com",
    '8:5 there is no anchor &.example.com before this alias → "*.example.com" in quotes, if it is a text',
  ],
];

test("what is right is told nothing of", () => {
  expect(told(RIGHT)).toEqual([]);
});

test.each(CASES)("%s", (_, from, to, expected) => {
  const wrong = RIGHT.replace(from, to);
  expect(wrong).not.toBe(RIGHT);
  expect(told(wrong)).toEqual([expected]);
});
