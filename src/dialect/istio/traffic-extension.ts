// WasmPlugin and TrafficExtension → an extension of the model.

import type { ExtendedTraffic, ExtensionPhase, TrafficExtension } from "../../model/traffic-extension.ts";
import { decodeObject } from "../decode.ts";
import { requiredField } from "../diagnostics.ts";
import { isObject } from "../object.ts";
import type { Value } from "../schema.ts";
import { TRAFFIC_EXTENSION, type TRAFFIC_MATCH, WASM_PLUGIN } from "./extension-schema.ts";
import type { Reading } from "./reading.ts";
import { portTwice } from "./validation-diagnostics.ts";
import { readWasmFilter } from "./wasm-filter.ts";
import { readScope } from "./workload-scope.ts";

const PHASES = {
  UNSPECIFIED_PHASE: "end",
  AUTHN: "authn",
  AUTHZ: "authz",
  STATS: "stats",
  EXECUTION_PHASE_UNSPECIFIED: "end",
  EXECUTION_PHASE_AUTHN: "authn",
  EXECUTION_PHASE_AUTHZ: "authz",
  EXECUTION_PHASE_STATS: "stats",
} as const satisfies Readonly<Record<string, ExtensionPhase>>;
/** UNDEFINED is both, as CLIENT_AND_SERVER. */
const MODES = { UNDEFINED: "both", CLIENT: "client", SERVER: "server", CLIENT_AND_SERVER: "both" } as const;

type Match = Value<typeof TRAFFIC_MATCH>;

export function readWasmPlugin(reading: Reading): TrafficExtension | undefined {
  const { object, origin, reporter } = reading;
  const spec = decodeObject(WASM_PLUGIN, object, reporter)?.spec;
  if (!spec) return undefined;
  const place = { path: "spec", written: object.value.spec };
  const traffic = readTraffic(spec.match ?? [], reading);
  const scope = readScope(spec, reading);
  const filter = readWasmFilter(spec, place, reading);
  if (!scope || !filter) return undefined;
  const { phase = "UNSPECIFIED_PHASE", priority = 0 } = spec;
  return { origin, createdAt: object.createdAt, scope, filter, phase: PHASES[phase], priority, traffic };
}

/** Istio's successor of WasmPlugin (extensions/v1alpha1/traffic_extension.proto). */
export function readTrafficExtension(reading: Reading): TrafficExtension | undefined {
  const { object, origin, reporter } = reading;
  const spec = decodeObject(TRAFFIC_EXTENSION, object, reporter)?.spec;
  if (!spec) return undefined;
  const { wasm, lua, phase = "UNSPECIFIED_PHASE", priority = 0 } = spec;
  if (!wasm && !lua) reporter.report("spec", requiredField("wasm or lua"));
  const written = isObject(object.value.spec) ? object.value.spec.wasm : undefined;
  const traffic = readTraffic(spec.match ?? [], reading);
  const scope = readScope(spec, reading);
  const filter = wasm
    ? readWasmFilter(wasm, { path: "spec.wasm", written }, reading)
    : lua && ({ kind: "lua", code: lua.inlineCode } as const);
  if (!scope || !filter) return undefined;
  return { origin, createdAt: object.createdAt, scope, filter, phase: PHASES[phase], priority, traffic };
}

function readTraffic(match: readonly Match[], { reporter }: Reading): readonly ExtendedTraffic[] {
  return match.map(({ mode = "UNDEFINED", ports = [] }, i) => {
    // Of one selector: Istio's definition tells them apart by number.
    for (const [j, { number }] of ports.entries())
      if (ports.findIndex((other) => other.number === number) < j)
        reporter.report(`spec.match[${i}].ports[${j}]`, portTwice(number));
    return { mode: MODES[mode], ports: ports.map(({ number }) => number) };
  });
}
