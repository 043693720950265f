// What can be wrong with the mesh's settings: codes HED1400 to HED1429, sorted and never reused.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

/** `problem` is the YAML reader's. */
export function meshIsNoYaml(problem: string, suggestion: string | undefined): Message {
  return error("HED1400", `the settings in this ConfigMap cannot be read: ${problem}`, suggestion);
}

export function severalMeshConfigs(): Message {
  return error("HED1401", "more than one document with the mesh's settings", "one MeshConfig, or its ConfigMap");
}

export function noMeshConfig(): Message {
  return error(
    "HED1402",
    "no document with the mesh's settings",
    "the fields of MeshConfig at the top, a ConfigMap with data.mesh, an IstioOperator or Helm values with meshConfig",
  );
}

export function unknownKeyOfConfigMap(key: string): Message {
  return { ...warning("HED1403", `data.${key} has no effect`, "mesh or meshNetworks"), part: "name" };
}

export function networksHaveNoEffect(): Message {
  return warning(
    "HED1404",
    "networks are not supported yet: endpoints of every network are reached at their own addresses",
  );
}

export function badTrustDomain(field: string, value: string): Message {
  return error(
    "HED1405",
    `${field} is no trust domain: ${quote(value)}`,
    'at most 255 lower-case letters, digits, "-", "_" and "."',
  );
}

/** `current`: that of the control plane that runs. */
export function trustDomainChanged(value: string, current: string): Message {
  return error(
    "HED1406",
    `trustDomain cannot become ${quote(value)}: the mesh was started with ${current}, and every certificate says it`,
    "another control plane, with --trust-domain or --mesh-config; trustDomainAliases let identities of both through",
  );
}

export function badNamespace(field: string, value: string): Message {
  return error("HED1407", `${field} is no namespace: ${quote(value)}`, 'lower-case letters, digits and "-"');
}

export function badExport(field: string, value: string): Message {
  return error(
    "HED1408",
    `${field} is no namespace: ${quote(value)}`,
    '"*" for all, "." for the object\'s own, "~" for none, or a name',
  );
}

export function logFormatWithoutFile(field: string): Message {
  return warning("HED1409", `${field} has no effect: access logs are off`, "accessLogFile: /dev/stdout");
}

export function logFormatIsNoJson(problem: string): Message {
  return error(
    "HED1410",
    `accessLogFormat is no JSON object, which accessLogEncoding: JSON needs (${problem})`,
    '{"method": "%REQ(:METHOD)%", "status": "%RESPONSE_CODE%"}',
  );
}

export function badLogOperator(text: string): Message {
  return error(
    "HED1411",
    `accessLogFormat has an operator that does not end, or has no name: ${quote(text)}`,
    '"%REQ(:METHOD)%"; a percent sign itself as "%%"',
  );
}

export function providerTwice(name: string): Message {
  return error("HED1412", `there are two extension providers ${quote(name)}`, "a name of its own for each");
}

export function providerOfNoKind(name: string, kinds: readonly string[]): Message {
  return error("HED1413", `extension provider ${quote(name)} does not say what it is`, `one of ${kinds.join(", ")}`);
}

export function providerOfSeveralKinds(name: string, kinds: readonly string[]): Message {
  return error("HED1414", `extension provider ${quote(name)} is several: ${kinds.join(", ")}`, "one of them");
}

export function badProviderService(service: string, problem: string): Message {
  return error(
    "HED1415",
    `${quote(service)} is no service of an authorizer: ${problem}`,
    '"authz.example.svc.cluster.local"',
  );
}

export function providerNamespace(namespace: string): Message {
  return warning(
    "HED1416",
    `the namespace ${quote(namespace)} has no effect: the service is found by its host`,
    "the host alone",
  );
}

export function badStatusOnError(value: string): Message {
  return error("HED1417", `statusOnError is no HTTP status that Envoy answers with: ${quote(value)}`, '"403" or "503"');
}

export function badPathPrefix(value: string): Message {
  return error("HED1418", `pathPrefix does not begin with a slash: ${quote(value)}`, quote(`/${value}`));
}

export function badHeaderPattern(value: string): Message {
  return error(
    "HED1419",
    `no name of headers: ${quote(value)}`,
    '"x-user", "x-user-*", "*-id", or "*" for all of them',
  );
}

export function unknownCurve(curve: string): Message {
  return warning(
    "HED1420",
    `${quote(curve)} is no curve that a proxy knows: it is left out`,
    "X25519MLKEM768, X25519, P-256, P-384 or P-521",
  );
}

export function valuesOfOperator(operator: string, takes: boolean): Message {
  return error(
    "HED1421",
    `operator ${operator} ${takes ? "needs values" : "takes no values"}`,
    takes ? "values: [prod, stage]" : "In or NotIn, or no values",
  );
}

export function runtimeOfEnvoyAlone(key: string): Message {
  return warning(
    "HED1423",
    `${quote(key)} is no runtime value that Heddle's proxy knows: at Envoys alone it has an effect`,
  );
}

export function badStatName(variable: string, known: readonly string[]): Message {
  return error("HED1424", `there is no ${quote(variable)} of a cluster`, known.join(", "));
}

export function badTrustAnchor(problem: string): Message {
  return error("HED1425", `no roots: ${problem}`, "-----BEGIN CERTIFICATE----- and so on, of an authority");
}

/** `field` limits whom the root may vouch for. */
export function anchorHeldBack(field: string): Message {
  return warning(
    "HED1426",
    `roots with ${field} are left out: proxies cannot keep a root to them, and would trust it for every signer`,
    `no ${field}, if it is to be trusted for everybody`,
  );
}

/** Of the annotation proxy.istio.io/config. */
export function ownConfigWithoutEffect(field: string, problem: string): Message {
  return warning("HED1427", `${field} in it has no effect: ${problem}`);
}
