// A process that reads one large file and says what it cost: `bun large-file-process-fixture.ts DOCUMENTS KILOBYTES_EACH FORM`.

import { readFileSync } from "node:fs";
import { readObjects } from "./object.ts";

const [documents = "1", kilobytes = "1", form = "yaml"] = process.argv.slice(2);

function headers(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `x-header-${i}`);
}

const names = headers(Math.max(1, (Number(kilobytes) * 1024) / 50));

function yaml(i: number): string {
  const set = names.map((name) => `          ${name}: "value of ${name}"\n`).join("");
  return `---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: web-${i}\nspec:\n  hosts:\n  - web-${i}\n  http:\n  - route:\n    - destination: {host: web-${i}}\n    headers:\n      request:\n        set:\n${set}    timeout: 5s\n`;
}

function json(i: number): string {
  const set = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
  const http = [{ route: [{ destination: { host: `web-${i}` } }], headers: { request: { set } }, timeout: "5s" }];
  const object = {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: `web-${i}` },
    spec: { hosts: [`web-${i}`], http },
  };
  return `---\n${JSON.stringify(object)}\n`;
}

/** As `kubectl get -A -o yaml` and `-o json` write it: one document. */
function list(count: number): string {
  const items = Array.from({ length: count }, (_, i) => yaml(i).slice("---\n".length).trimEnd());
  const indented = items.map((item) => `- ${item.replaceAll("\n", "\n  ")}\n`);
  return `apiVersion: v1\nitems:\n${indented.join("")}kind: List\nmetadata:\n  resourceVersion: ""\n`;
}

function jsonList(count: number): string {
  const items = Array.from({ length: count }, (_, i) => JSON.parse(json(i).slice("---\n".length)));
  return JSON.stringify({ apiVersion: "v1", items, kind: "List", metadata: { resourceVersion: "" } }, undefined, 4);
}

function written(count: number): string {
  if (form === "list") return list(count);
  if (form === "json-list") return jsonList(count);
  return Array.from({ length: count }, (_, i) => (form === "json" ? json(i) : yaml(i))).join("");
}

/** Of this program alone: what getrusage says counts from the fork on, with the memory of whoever started it. */
function peakMegabytes(): number {
  const [, kilobytesHeld = ""] = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Math.round(Number(kilobytesHeld) / 1024);
}

const content = Buffer.from(written(Number(documents)));
const { objects, diagnostics } = readObjects("large.yaml", content);
const span = objects.at(-1)?.spans?.("spec.http[0].timeout");
console.log(
  JSON.stringify({
    bytes: content.length,
    objects: objects.length,
    findings: diagnostics.length,
    line: span?.line,
    text: span?.text.trim().slice(0, 20),
    lines: content.toString("latin1").split("\n").length - 1,
    peakMegabytes: peakMegabytes(),
  }),
);
