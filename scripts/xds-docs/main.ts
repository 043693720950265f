// Writes docs/xds.md: what Heddle's proxy takes of xDS, field by field. `--check` compares instead.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DescMessage } from "@bufbuild/protobuf";
import { configRegistry } from "../../src/proxy/admin/config-registry.ts";
import { outcome, type Place } from "./probe.ts";
import { Reference } from "./reference.ts";
import { type ResourceReference, render, staleNotes, unexplained } from "./render.ts";
import { ROOTS } from "./samples.ts";

const PAGE = join(dirname(dirname(import.meta.dir)), "docs/xds.md");

const TITLES: Readonly<Record<string, string>> = {
  "envoy.config.listener.v3.Listener": "Listener",
  "envoy.config.route.v3.RouteConfiguration": "Route configuration",
  "envoy.config.route.v3.VirtualHost": "Virtual host",
  "envoy.config.cluster.v3.Cluster": "Cluster",
  "envoy.config.endpoint.v3.ClusterLoadAssignment": "Endpoints",
  "envoy.extensions.transport_sockets.tls.v3.Secret": "Secret",
};

/** Routes before listeners, which hold them: a message stands where it is most at home. */
const ORDER = [
  "envoy.config.route.v3.RouteConfiguration",
  "envoy.config.route.v3.VirtualHost",
  "envoy.config.cluster.v3.Cluster",
  "envoy.config.endpoint.v3.ClusterLoadAssignment",
  "envoy.extensions.transport_sockets.tls.v3.Secret",
  "envoy.config.listener.v3.Listener",
];

function rootPlace(typeName: string): Place {
  const root: DescMessage = configRegistry.getMessage(typeName)!;
  const place: Place = { root, resource: ROOTS[typeName]!, path: [] };
  const { rejections } = outcome(place, configRegistry);
  if (rejections.length > 0) throw new Error(`the sample of ${typeName} is refused: ${JSON.stringify(rejections)}`);
  return place;
}

const reference = new Reference(configRegistry);
for (const typeName of ORDER) reference.probe(rootPlace(typeName));
const shown = new Set<string>();
const resources = ORDER.map(
  (typeName): ResourceReference => ({
    title: TITLES[typeName]!,
    messages: reference.messagesOf(typeName, shown, ORDER),
  }),
);
const faults = [
  ...reference.faults,
  ...staleNotes(resources).map(
    (name) =>
      `scripts/xds-docs/notes.ts: the note of ${name} is stale: it is of no field, or of one with another verdict`,
  ),
  ...unexplained(resources).map((name) => `scripts/xds-docs/notes.ts: say why ${name} is taken without effect`),
];
for (const fault of faults) console.error(fault);
const page = render(resources);
if (!process.argv.includes("--check")) {
  mkdirSync(dirname(PAGE), { recursive: true });
  writeFileSync(PAGE, page);
} else if (readFileSync(PAGE, "utf8") !== page) {
  faults.push("");
  console.error("docs/xds.md differs from what the proxy takes; run: npm run generate");
}
process.exit(faults.length === 0 ? 0 : 1);
