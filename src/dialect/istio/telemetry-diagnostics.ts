// What can be wrong with Telemetry and with those whom it names: codes HED1480 to HED1509, sorted and never reused.

import { nearest } from "../../base/nearest.ts";
import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

export function unknownTelemetryProvider(name: string, known: readonly string[]): Message {
  const near = nearest(name, known);
  return warning(
    "HED1480",
    `no extension provider is called ${quote(name)}: nobody is told`,
    near ? `name: ${near}` : `one of ${known.join(", ")}, or MeshConfig's extensionProviders`,
  );
}

/** `what`: the kind of the provider; `section`: of Telemetry. */
export function providerOfOtherKind(name: string, what: string, section: string): Message {
  return warning("HED1481", `provider ${quote(name)} (${what}) is told nothing by ${section}`);
}

export function badExpression(text: string, problem: string): Message {
  return error(
    "HED1482",
    `expression is not read: ${quote(text)} (${problem})`,
    "CEL over Envoy's attributes: response.code >= 400",
  );
}

/** Envoy refuses the listener of an expression that calls a function it does not have. */
export function unknownFunction(name: string, known: readonly string[]): Message {
  const near = nearest(name, known);
  return error("HED1483", `expression calls ${quote(name)}, which proxies do not have`, near ?? known.join(", "));
}

export function notEvaluatedByHeddle(what: string): Message {
  return warning(
    "HED1484",
    `Heddle's proxy does not evaluate ${what}: it logs nothing by this filter, Envoy does`,
    "attributes of request, response, source, destination, connection and xds.cluster_name (docs/telemetry.md)",
  );
}

export function tagOfNoKind(tag: string): Message {
  return error("HED1485", `custom tag ${quote(tag)} has no value`, "one of literal, environment, header, formatter");
}

export function oneTracingProvider(names: readonly string[]): Message {
  return warning("HED1487", `spans go to one provider: ${quote(names[0])} counts, not ${names.slice(1).join(", ")}`);
}

export function unknownMetric(name: string, known: readonly string[]): Message {
  const near = nearest(name, known);
  return warning(
    "HED1488",
    `no proxy has a metric ${quote(name)}: nothing is overridden`,
    near ? `customMetric: ${near}` : `one of ${known.join(", ")}`,
  );
}

export function valueOfRemovedTag(tag: string): Message {
  return error("HED1489", `tag ${quote(tag)} is removed and has a value`, "operation: UPSERT, or no value");
}

export function tagWithoutValue(tag: string): Message {
  return error(
    "HED1490",
    `tag ${quote(tag)} is set to no value`,
    `value: "'text'", an expression, or operation: REMOVE`,
  );
}

export function badTagName(tag: string): Message {
  return error(
    "HED1491",
    `${quote(tag)} cannot be the name of a label`,
    "letters, digits and _, no digit first; not le, nor __ in front",
  );
}

export function tagNotEvaluated(tag: string, what: string): Message {
  return warning(
    "HED1492",
    `Heddle's proxy does not evaluate ${what}: tag ${quote(tag)} stays as it is`,
    "attributes of request, response, source, destination, connection and xds.cluster_name (docs/telemetry.md)",
  );
}

export function noSuchVariable(variable: string, header: string): Message {
  return warning("HED1493", `there is no environment variable ${variable} here: spans are sent without ${header}`);
}

export function percentInMetadata(name: string): Message {
  return warning(
    "HED1494",
    `a percent sign cannot be sent by gRPC: spans are sent without ${name}`,
    "http, or a value without %",
  );
}

export function badReceiverAddress(address: string): Message {
  return error("HED1495", `${quote(address)} is no host with a port`, "zipkin.istio-system:9411");
}

export function noLogServiceAddress(): Message {
  return warning(
    "HED1496",
    "enableEnvoyAccessLogService has no effect: nobody says where the service is",
    "defaultConfig: {envoyAccessLogService: {address: HOST:PORT}}",
  );
}

export function toldByEnvoyAlone(what: string): Message {
  return warning(
    "HED1497",
    `${what} is for Envoys alone: Heddle's proxy ${what === "dynatraceSampler" ? "samples as Telemetry says" : "tells it of no spans"}`,
    what === "dynatraceSampler"
      ? "randomSamplingPercentage, for the others"
      : "zipkin or opentelemetry, for the others",
  );
}

export function noSamplerService(): Message {
  return error(
    "HED1498",
    "dynatraceSampler does not say where Dynatrace is asked, and spans do not go by HTTP",
    "httpService: {service: HOST, port: 443, http: {path: ...}}, or http",
  );
}
