// The kinds of extensions.istio.io: what proxies run of others. Fields: Istio's extensions/v1alpha1/{wasm,traffic_extension}.proto.

import { bounded, choice, list, notEmpty, openRecord, port, record, required, text, whole } from "../schema.ts";
import { SCOPE_FIELDS } from "./workload-scope.ts";

const ENVIRONMENT = record({
  name: required(bounded(256, notEmpty())),
  valueFrom: choice("INLINE", "HOST"),
  value: bounded(2_048, text()),
});

const WASM_FIELDS = {
  url: required(notEmpty()),
  sha256: text(),
  imagePullPolicy: choice("UNSPECIFIED_POLICY", "IfNotPresent", "Always"),
  imagePullSecret: bounded(253, notEmpty()),
  verificationKey: text(),
  pluginConfig: openRecord({}),
  pluginName: bounded(256, notEmpty()),
  failStrategy: choice("FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"),
  vmConfig: record({ env: bounded(256, list(ENVIRONMENT)) }),
  type: choice("UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK"),
};

export const WASM_CONFIG = record(WASM_FIELDS);

export const TRAFFIC_MATCH = record({
  mode: choice("UNDEFINED", "CLIENT", "SERVER", "CLIENT_AND_SERVER"),
  ports: list(record({ number: required(port()) })),
});

const PRIORITY = whole(-(2 ** 31), 2 ** 31 - 1);

export const WASM_PLUGIN = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: record(
    {
      ...SCOPE_FIELDS,
      ...WASM_FIELDS,
      phase: choice("UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"),
      priority: PRIORITY,
      match: list(TRAFFIC_MATCH),
    },
    [["selector", "targetRef", "targetRefs"]],
  ),
  status: openRecord({}),
});

export const TRAFFIC_EXTENSION = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: required(
    record(
      {
        selector: SCOPE_FIELDS.selector,
        targetRefs: SCOPE_FIELDS.targetRefs,
        // Those of WasmPlugin, which Istio's examples write, and the names of its own enum in later versions.
        phase: choice(
          "UNSPECIFIED_PHASE",
          "AUTHN",
          "AUTHZ",
          "STATS",
          "EXECUTION_PHASE_UNSPECIFIED",
          "EXECUTION_PHASE_AUTHN",
          "EXECUTION_PHASE_AUTHZ",
          "EXECUTION_PHASE_STATS",
        ),
        priority: PRIORITY,
        match: list(TRAFFIC_MATCH),
        wasm: WASM_CONFIG,
        lua: record({ inlineCode: required(bounded(65_536, notEmpty())) }),
      },
      [
        ["selector", "targetRefs"],
        ["wasm", "lua"],
      ],
    ),
  ),
  status: openRecord({}),
});
