// WasmPlugin → a plugin of the model.

import type { WasmModule, WasmPlugin } from "../../model/wasm-plugin.ts";
import { decodeObject } from "../decode.ts";
import { isObject } from "../object.ts";
import type { Value } from "../schema.ts";
import * as diagnostics from "./envoy-diagnostics.ts";
import { WASM_PLUGIN } from "./envoy-filter-schema.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import { portTwice } from "./validation-diagnostics.ts";
import { readScope } from "./workload-scope.ts";

type Spec = NonNullable<Value<typeof WASM_PLUGIN>["spec"]>;

const PHASES = { UNSPECIFIED_PHASE: "end", AUTHN: "authn", AUTHZ: "authz", STATS: "stats" } as const;
const FAILURES = { FAIL_CLOSE: "refuse", FAIL_OPEN: "pass", FAIL_RELOAD: "reload" } as const;
/** UNDEFINED is both, as CLIENT_AND_SERVER. */
const MODES = { UNDEFINED: "both", CLIENT: "client", SERVER: "server", CLIENT_AND_SERVER: "both" } as const;

export function readWasmPlugin(reading: Reading): WasmPlugin | undefined {
  const { object, origin, reporter } = reading;
  const spec = decodeObject(WASM_PLUGIN, object, reporter)?.spec;
  if (!spec) return undefined;
  checkEnvironment(spec, reading);
  checkPorts(spec, reading);
  const scope = readScope(spec, reading);
  const module = readModule(spec, reading);
  if (!scope || !module) return undefined;
  const env = spec.vmConfig?.env ?? [];
  return {
    origin,
    createdAt: object.createdAt,
    scope,
    pluginName: spec.pluginName ?? "",
    module,
    layer: spec.type === "NETWORK" ? "network" : "http",
    configuration: writtenConfiguration(object.value),
    phase: PHASES[spec.phase ?? "UNSPECIFIED_PHASE"],
    priority: spec.priority ?? 0,
    onFailure: FAILURES[spec.failStrategy ?? "FAIL_CLOSE"],
    environment: {
      values: Object.fromEntries(
        env.filter(({ valueFrom }) => valueFrom !== "HOST").map(({ name, value = "" }) => [name, value]),
      ),
      fromProxy: env.filter(({ valueFrom }) => valueFrom === "HOST").map(({ name }) => name),
    },
    traffic: (spec.match ?? []).map(({ mode = "UNDEFINED", ports = [] }) => ({
      mode: MODES[mode],
      ports: ports.map(({ number }) => number),
    })),
  };
}

function checkEnvironment({ vmConfig }: Spec, { reporter }: Reading): void {
  const seen = new Set<string>();
  for (const [i, { name, valueFrom, value }] of (vmConfig?.env ?? []).entries()) {
    const path = `spec.vmConfig.env[${i}]`;
    if (seen.has(name)) reporter.report(`${path}.name`, refusals.envTwice(name));
    if (valueFrom === "HOST" && value) reporter.report(`${path}.value`, refusals.valueOfHost());
    seen.add(name);
  }
}

/** Of one selector: Istio's definition tells them apart by number. */
function checkPorts({ match = [] }: Spec, { reporter }: Reading): void {
  for (const [i, { ports = [] }] of match.entries())
    for (const [j, { number }] of ports.entries())
      if (ports.findIndex((other) => other.number === number) < j)
        reporter.report(`spec.match[${i}].ports[${j}]`, portTwice(number));
}

/** Without a scheme it is an image, as Istio has it. */
function readModule({ url, sha256 = "", failStrategy }: Spec, { reporter }: Reading): WasmModule | undefined {
  const isOpen = failStrategy === "FAIL_OPEN";
  const digest = sha256.toLowerCase();
  if (digest !== "" && !/^[0-9a-f]{64}$/.test(digest)) reporter.report("spec.sha256", diagnostics.badDigest(sha256));
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase() ?? "oci";
  switch (scheme) {
    case "file": {
      const path = url.slice("file://".length);
      if (path.startsWith("/")) return { kind: "file", path };
      break;
    }
    case "http":
    case "https":
      if (!URL.canParse(url)) break;
      if (digest !== "") return { kind: "http", url, sha256: digest };
      reporter.report("spec.url", diagnostics.moduleNotPinned(url, isOpen));
      return { kind: "unreachable", url };
    case "oci":
      reporter.report("spec.url", diagnostics.imageNotFetched(url, isOpen));
      return { kind: "unreachable", url };
  }
  reporter.report("spec.url", diagnostics.moduleAddress(url));
  return undefined;
}

/** Its fields are the module's own. */
function writtenConfiguration(object: unknown): string | undefined {
  const spec = isObject(object) && isObject(object.spec) ? object.spec : {};
  const written = spec.pluginConfig ?? spec.plugin_config;
  return isObject(written) ? JSON.stringify(written) : undefined;
}
