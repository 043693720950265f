// PeerAuthentication → server policies: which workloads demand mutual TLS.

import type { MtlsMode, PolicyScope, ServerPolicy } from "../../model/server-policy.ts";
import { decodeObject } from "../decode.ts";
import { bounded, choice, mapOf, openRecord, record, text } from "../schema.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Reading } from "./reading.ts";
import { checkSelector } from "./selector.ts";
import { WORKLOAD_SELECTOR } from "./selector-schema.ts";

/** UNSET is not PERMISSIVE: it asks the wider scope. */
const MTLS = record({ mode: choice("UNSET", "DISABLE", "PERMISSIVE", "STRICT") });

export const PEER_AUTHENTICATION = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: record({
    selector: WORKLOAD_SELECTOR,
    mtls: MTLS,
    portLevelMtls: bounded(65_535, mapOf(MTLS, "port"), 1),
  }),
  status: openRecord({}),
});

/** Ports are read with a selector alone, and in a root namespace a policy with a selector is ignored, as Istio does. */
export function readPeerAuthentication({
  object,
  origin,
  namespace,
  settings,
  reporter,
}: Reading): ServerPolicy | undefined {
  const read = decodeObject(PEER_AUTHENTICATION, object, reporter);
  if (!read) return undefined;
  const { selector, mtls, portLevelMtls } = read.spec ?? {};
  const labels = selector?.matchLabels ?? {};
  const hasSelector = Object.keys(labels).length > 0;
  checkSelector(selector && (selector.matchLabels ?? {}), "spec.selector", reporter);
  const isRoot = settings.rootNamespaces.includes(namespace);
  if (hasSelector && isRoot) {
    reporter.report("spec.selector", diagnostics.selectorInRoot(namespace));
    return undefined;
  }
  const scope: PolicyScope = hasSelector
    ? { kind: "workloads", namespace, labels }
    : isRoot
      ? { kind: "mesh" }
      : { kind: "namespace", namespace };
  const ports = Object.entries(portLevelMtls ?? {}).map(([port, { mode }]) => ({
    port: Number(port),
    mtls: modeOf(mode),
  }));
  if (ports.length > 0 && !hasSelector) reporter.report("spec.portLevelMtls", diagnostics.portsWithoutSelector());
  return {
    origin,
    createdAt: object.createdAt,
    scope,
    mtls: modeOf(mtls?.mode),
    ports: hasSelector ? ports.sort((a, b) => a.port - b.port) : [],
  };
}

function modeOf(mode: "UNSET" | "DISABLE" | "PERMISSIVE" | "STRICT" | undefined): MtlsMode | undefined {
  switch (mode) {
    case undefined:
    case "UNSET":
      return undefined;
    case "DISABLE":
      return "disable";
    case "PERMISSIVE":
      return "permissive";
    case "STRICT":
      return "strict";
  }
}
