// A filter in WebAssembly, as WasmPlugin and TrafficExtension say it.

import type { WasmFilter, WasmModule } from "../../model/traffic-extension.ts";
import { isObject } from "../object.ts";
import type { Value } from "../schema.ts";
import * as diagnostics from "./envoy-diagnostics.ts";
import type { WASM_CONFIG } from "./extension-schema.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";

type Spec = Value<typeof WASM_CONFIG>;

/** Where it stands in the object, and what is written there. */
interface Place {
  readonly path: string;
  readonly written: unknown;
}

const FAILURES = { FAIL_CLOSE: "refuse", FAIL_OPEN: "pass", FAIL_RELOAD: "reload" } as const;

export function readWasmFilter(spec: Spec, { path, written }: Place, reading: Reading): WasmFilter | undefined {
  checkEnvironment(spec, path, reading);
  const module = readModule(spec, path, reading);
  if (!module) return undefined;
  const env = spec.vmConfig?.env ?? [];
  return {
    kind: "wasm",
    pluginName: spec.pluginName ?? "",
    module,
    layer: spec.type === "NETWORK" ? "network" : "http",
    configuration: writtenConfiguration(written),
    onFailure: FAILURES[spec.failStrategy ?? "FAIL_CLOSE"],
    environment: {
      values: Object.fromEntries(
        env.filter(({ valueFrom }) => valueFrom !== "HOST").map(({ name, value = "" }) => [name, value]),
      ),
      fromProxy: env.filter(({ valueFrom }) => valueFrom === "HOST").map(({ name }) => name),
    },
  };
}

function checkEnvironment({ vmConfig }: Spec, base: string, { reporter }: Reading): void {
  const seen = new Set<string>();
  for (const [i, { name, valueFrom, value }] of (vmConfig?.env ?? []).entries()) {
    const path = `${base}.vmConfig.env[${i}]`;
    if (seen.has(name)) reporter.report(`${path}.name`, refusals.envTwice(name));
    if (valueFrom === "HOST" && value) reporter.report(`${path}.value`, refusals.valueOfHost());
    seen.add(name);
  }
}

/** Without a scheme it is an image, as Istio has it. */
function readModule(
  { url, sha256 = "", failStrategy }: Spec,
  base: string,
  { reporter }: Reading,
): WasmModule | undefined {
  const isOpen = failStrategy === "FAIL_OPEN";
  const digest = sha256.toLowerCase();
  if (digest !== "" && !/^[0-9a-f]{64}$/.test(digest)) reporter.report(`${base}.sha256`, diagnostics.badDigest(sha256));
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
      reporter.report(`${base}.url`, diagnostics.moduleNotPinned(url, isOpen));
      return { kind: "unreachable", url };
    case "oci":
      reporter.report(`${base}.url`, diagnostics.imageNotFetched(url, isOpen));
      return { kind: "unreachable", url };
  }
  reporter.report(`${base}.url`, diagnostics.moduleAddress(url));
  return undefined;
}

/** Its fields are the module's own. */
function writtenConfiguration(spec: unknown): string | undefined {
  const written = isObject(spec) ? (spec.pluginConfig ?? spec.plugin_config) : undefined;
  return isObject(written) ? JSON.stringify(written) : undefined;
}
