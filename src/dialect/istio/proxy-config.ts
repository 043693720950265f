// ProxyConfig → how proxies are started.

import type { ProxyStartRule } from "../../model/proxy-start.ts";
import { decodeObject } from "../decode.ts";
import { bounded, later, mapOf, openRecord, record, text } from "../schema.ts";
import { CONCURRENCY } from "./proxy-config-schema.ts";
import { checkVariables } from "./proxy-start.ts";
import type { Reading } from "./reading.ts";
import { checkSelector } from "./selector.ts";
import { WORKLOAD_SELECTOR } from "./selector-schema.ts";
import { badVariable } from "./sidecar-diagnostics.ts";

export const PROXY_CONFIG_KIND = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: record({
    selector: WORKLOAD_SELECTOR,
    concurrency: CONCURRENCY,
    environmentVariables: mapOf(bounded(2_048, text())),
    image: later("the agent starts the proxy that comes with it"),
  }),
  status: openRecord({}),
});

/** Names of variables as POSIX has them (XBD 8.1), and the small letters that it leaves to applications. */
const VARIABLE = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

/** In a root namespace one without a selector is for everybody; one with a selector for workloads of that namespace alone. */
export function readProxyConfig(reading: Reading): ProxyStartRule | undefined {
  const { object, origin, namespace, settings, reporter } = reading;
  const read = decodeObject(PROXY_CONFIG_KIND, object, reporter);
  if (!read) return undefined;
  const { selector, concurrency, environmentVariables: environment = {} } = read.spec ?? {};
  for (const name of Object.keys(environment))
    if (!VARIABLE.test(name)) reporter.report("spec.environmentVariables", badVariable(name));
  checkSelector(selector && (selector.matchLabels ?? {}), "spec.selector", reporter);
  checkVariables(environment, "spec.environmentVariables", reporter);
  const labels = selector?.matchLabels ?? {};
  const isRoot = settings.rootNamespaces.includes(namespace);
  return {
    origin,
    createdAt: object.createdAt,
    scope:
      isRoot && Object.keys(labels).length === 0 ? { kind: "mesh", labels } : { kind: "namespace", namespace, labels },
    start: { concurrency, environment },
  };
}
