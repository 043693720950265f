// Where a MeshConfig stands: the ConfigMap `istio` among the mesh's objects, and files that a command line names.

import type { Diagnostic } from "../../base/diagnostic.ts";
import { type Origin, originKey } from "../../model/origin.ts";
import type { MeshSettings } from "../../model/settings.ts";
import type { SpanFinder } from "../../model/source-map.ts";
import { decodeValue } from "../decode.ts";
import { remembered } from "../dialect.ts";
import { isObject, type SourceObject, sourceObject } from "../object.ts";
import { allFindings } from "../partial.ts";
import { joinPath } from "../path.ts";
import { Reporter } from "../reporter.ts";
import { readYaml } from "../yaml.ts";
import { readMeshConfig, type TrustDomainChoice } from "./mesh-config.ts";
import { MESH_CONFIG_MAP, MESH_NETWORKS } from "./mesh-config-schema.ts";
import * as diagnostics from "./mesh-diagnostics.ts";
import { isTrustDomain } from "./trust-anchors.ts";

/** Istio's, wherever the root namespace is. */
const CONFIG_MAP: Origin = { group: "", kind: "ConfigMap", namespace: "istio-system", name: "istio" };
const KEY = originKey(CONFIG_MAP);

export function isMeshConfigMap({ key }: SourceObject): boolean {
  return key === KEY;
}

export interface SettingsRead {
  /** Undefined: they are wrong, and those before hold. */
  readonly settings: MeshSettings | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** The verdict on the ConfigMap. `before`: what holds where it says nothing. */
export function judgeMeshConfigMap(object: SourceObject, before: MeshSettings): SettingsRead {
  return readConfigMap(object, before, "made");
}

/** The same settings for the same object and the same `before`: whatever was read by them is then not read again. */
const settled = remembered(judgeMeshConfigMap);

/** The settings in force among these objects. */
export function settingsOf(objects: readonly SourceObject[], before: MeshSettings): MeshSettings {
  const object = objects.find(isMeshConfigMap);
  return (object && settled(object, before).settings) ?? before;
}

/** What the ConfigMap among these objects has as trust domain, if anything, whatever else is wrong in it: for commands without a mesh that runs. */
export function trustDomainOf(objects: readonly SourceObject[]): string | undefined {
  const data = objects.find(isMeshConfigMap)?.value.data;
  if (!isObject(data) || typeof data.mesh !== "string") return undefined;
  const value = readYaml("data.mesh", data.mesh).documents[0]?.value;
  const trustDomain = isObject(value) ? (value.trustDomain ?? value.trust_domain) : undefined;
  return typeof trustDomain === "string" && isTrustDomain(trustDomain) ? trustDomain : undefined;
}

function readConfigMap(object: SourceObject, before: MeshSettings, choice: TrustDomainChoice): SettingsRead {
  const reporter = new Reporter(object);
  const map = decodeValue(MESH_CONFIG_MAP, object.value, "", reporter);
  if (!map) return { settings: undefined, diagnostics: reporter.diagnostics };
  const { mesh, meshNetworks } = map.data;
  const written = object.value.data;
  for (const key of isObject(written) ? Object.keys(written) : [])
    if (!Object.hasOwn(map.data, key)) reporter.report(joinPath("data", key), diagnostics.unknownKeyOfConfigMap(key));
  if (meshNetworks !== undefined) readNetworks(meshNetworks, reporter);
  const value = yamlOf(mesh, "data.mesh", reporter);
  return readSettings(object, reporter, { value, path: "data.mesh" }, before, choice);
}

/** `reporter`: of the object, with what is wrong around the settings. */
function readSettings(
  object: SourceObject,
  reporter: Reporter,
  { value, path }: { readonly value: unknown; readonly path: string },
  before: MeshSettings,
  choice: TrustDomainChoice,
): SettingsRead {
  const read = (each: Reporter) => readMeshConfig(value, path, before, choice, each);
  const settings = read(reporter);
  return {
    settings: reporter.failed ? undefined : settings,
    diagnostics: allFindings(object, reporter, read, value),
  };
}

/** The YAML in a field; undefined when there is none, or when it is wrong (reported). */
function yamlOf(text: string, path: string, reporter: Reporter): unknown {
  const { documents, diagnostics: problems } = readYaml(path, text);
  for (const { message, suggestion, span } of problems)
    reporter.reportWithin(path, diagnostics.meshIsNoYaml(message, suggestion), span);
  if (documents.length > 1) reporter.report(path, diagnostics.severalMeshConfigs());
  return documents[0]?.value;
}

function readNetworks(text: string, reporter: Reporter): void {
  const value = yamlOf(text, "data.meshNetworks", reporter);
  const read = decodeValue(MESH_NETWORKS, value, "data.meshNetworks", reporter);
  if (Object.keys(read?.networks ?? {}).length > 0)
    reporter.report("data.meshNetworks", diagnostics.networksHaveNoEffect());
}

/** A file that is a MeshConfig, or that holds it: the ConfigMap, an IstioOperator, values of Istio's Helm chart. Never throws. */
export function readMeshConfigFile(
  file: string,
  content: string | Uint8Array,
  before: MeshSettings,
  choice: TrustDomainChoice,
): SettingsRead {
  const { documents, diagnostics: unreadable } = readYaml(file, content);
  if (unreadable.length > 0) return { settings: undefined, diagnostics: unreadable };
  const found = documents.flatMap(({ value, spans }) => candidate(value, spans) ?? []);
  const [only] = found;
  if (only && found.length === 1) return only(before, choice);
  const message = found.length === 0 ? diagnostics.noMeshConfig() : diagnostics.severalMeshConfigs();
  const { code, severity, suggestion } = message;
  const span = { file, line: 1, column: 1, length: 0, text: "" };
  const diagnostic: Diagnostic = { code, severity, message: message.message, span };
  return {
    settings: undefined,
    diagnostics: [suggestion === undefined ? diagnostic : { ...diagnostic, suggestion }],
  };
}

type Candidate = (before: MeshSettings, choice: TrustDomainChoice) => SettingsRead;

function candidate(value: unknown, spans: SpanFinder): Candidate | undefined {
  if (!isObject(value)) return undefined;
  if (value.kind === "IstioOperator") return ofOperator(value, spans);
  if (value.kind === undefined && value.apiVersion === undefined)
    return isObject(value.meshConfig) ? at(value.meshConfig, "meshConfig", spans) : at(value, "", spans);
  if (value.kind !== "ConfigMap" || !isObject(value.data) || value.data.mesh === undefined) return undefined;
  const read = sourceObject(value, spans);
  return (before, choice) =>
    read.kind === "object"
      ? readConfigMap(read.object, before, choice)
      : { settings: undefined, diagnostics: read.diagnostics };
}

/** What Istio was installed by: https://istio.io/latest/docs/reference/config/istio.operator.v1alpha1/ */
function ofOperator({ spec }: SourceObject["value"], spans: SpanFinder): Candidate | undefined {
  if (!isObject(spec)) return undefined;
  if (isObject(spec.meshConfig)) return at(spec.meshConfig, "spec.meshConfig", spans);
  const { values } = spec;
  if (!isObject(values) || !isObject(values.meshConfig)) return undefined;
  return at(values.meshConfig, "spec.values.meshConfig", spans);
}

/** The MeshConfig itself, at `path` of its document. */
function at(value: SourceObject["value"], path: string, spans: SpanFinder): Candidate {
  const origin: Origin = { ...CONFIG_MAP, kind: "MeshConfig" };
  const envelope = { version: "", createdAt: 0, labels: {}, annotations: {} };
  const object: SourceObject = { origin, key: originKey(origin), ...envelope, value, spans };
  return (before, choice) => {
    return readSettings(object, new Reporter(object), { value, path }, before, choice);
  };
}
