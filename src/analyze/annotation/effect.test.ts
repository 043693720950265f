import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configInVain, inVain } from "./effect.ts";
import { ANNOTATIONS } from "./table.ts";

const DOCUMENT = readFileSync(join(import.meta.dir, "../../../docs/kubernetes.md"), "utf8");
const [, annotations = ""] = DOCUMENT.split("\n## Annotations\n");
const [acting = "", others = ""] = annotations.split("All others come to nothing");

test("the page says of every annotation of Istio's whether it acts, and one that does not is told", () => {
  for (const [name, { kinds }] of ANNOTATIONS) {
    const isInVain = inVain(name, kinds[0] ?? "Pod").length > 0;
    expect([name, acting.includes(`\`${name}\``), others.includes(`\`${name}\``)]).toEqual([name, !isInVain, isInVain]);
  }
});

test("preferences by place are of Services, not of their Namespaces", () => {
  const name = "networking.istio.io/traffic-distribution";
  expect(["Service", "ServiceEntry", "Namespace"].map((kind) => inVain(name, kind).length)).toEqual([0, 0, 1]);
});

test("of a workload's own settings of connections the buffer of clusters is told: proxies share them", () => {
  const told = (settings: string) => configInVain(`connectionSettings: {${settings}}`).map(({ code }) => code);
  expect(told("clusterPerConnectionBufferLimitBytes: 65536")).toEqual(["HED1327"]);
  expect(told("globalDownstreamConnectionLimit: 7, listenerPerConnectionBufferLimitBytes: 65536")).toEqual([]);
});

test("what is captured a WorkloadGroup says for those that register by it", () => {
  const name = "traffic.sidecar.istio.io/excludeOutboundPorts";
  expect([inVain(name, "Pod", "Deployment").length, inVain(name, "Pod", "WorkloadGroup").length]).toEqual([1, 0]);
  expect(inVain("traffic.sidecar.istio.io/excludeInterfaces", "Pod", "WorkloadGroup").length).toBe(1);
  const merges = "prometheus.istio.io/merge-metrics";
  expect([inVain(merges, "Pod").length, inVain(merges, "Pod", "WorkloadGroup").length]).toEqual([1, 0]);
});
