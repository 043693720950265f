// What can be wrong with Istio's kinds beyond their fields: codes HED1200 to HED1299, sorted and never reused.

import { nearest } from "../../base/nearest.ts";
import type { Message } from "../../model/message.ts";
import type { Origin } from "../../model/origin.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

function nameOf({ kind, namespace, name }: Origin): string {
  return `${kind} ${namespace}/${name}`;
}

export function weightsAllZero(): Message {
  return error(
    "HED1201",
    "the weights of all destinations are 0: no request could be forwarded",
    "weights that add up to 100",
  );
}

/** `shares` in percent, in the order written. */
export function weightsNot100(total: number, shares: readonly number[]): Message {
  const percent = shares.map((share) => `${Math.round(share * 10) / 10} %`).join(", ");
  return warning(
    "HED1202",
    `weights add up to ${total}, not to 100: they are taken as shares, ${percent}`,
    "weights that add up to 100",
  );
}

export function destinationWithoutWeight(): Message {
  return warning(
    "HED1203",
    "destination has no weight beside others: it gets no traffic",
    "weight: 0 to say so, or its share",
  );
}

export function routeWithoutAction(): Message {
  return error("HED1204", "route says nothing about what to do", "route, redirect or directResponse");
}

export function unreachableRoute(before: string): Message {
  return warning(
    "HED1205",
    `route is never reached: ${before} matches every request`,
    "the route without conditions at the end",
  );
}

export function retriesOff(): Message {
  return warning("HED1207", "retries without attempts means none: 0 is their default", "attempts: 2");
}

export function unknownRetryCondition(condition: string, known: readonly string[]): Message {
  const near = known.includes(condition.trim()) ? condition.trim() : nearest(condition, known);
  return error(
    "HED1208",
    `retryOn has no condition ${quote(condition)}`,
    near ?? `an HTTP status, or one of ${known.join(", ")}`,
  );
}

export function delegateMissing(name: string): Message {
  return warning(
    "HED1209",
    `there is no VirtualService ${name} to delegate to, or it is not exported to here: the route is left out`,
  );
}

export function delegateWithHosts(name: string): Message {
  return warning(
    "HED1210",
    `VirtualService ${name} has hosts of its own, so nothing can delegate to it: the route is left out`,
    "a VirtualService without hosts",
  );
}

export function delegateConflict(root: Origin, route: string): Message {
  return warning(
    "HED1211",
    `${route} contradicts the route of ${nameOf(root)} that delegates to it: it is left out there`,
    "matches narrower than those of that route, and no regex",
  );
}

export function nestedDelegate(): Message {
  return error("HED1212", "a delegate cannot delegate further");
}

export function delegateNotAlone(field: string): Message {
  return error("HED1213", `a route that delegates cannot have ${field}`, "the delegate's own routes");
}

export function delegateField(field: string): Message {
  return error("HED1214", `a VirtualService without hosts is a delegate and cannot have ${field}`, "hosts");
}

export function wildcardForMesh(): Message {
  return error("HED1215", 'host "*" is for gateways alone', 'names, or "*.example.com"');
}

export function claimsNeedGateway(name: string): Message {
  return error(
    "HED1216",
    `routing by token claims works at gateways alone: ${name}`,
    "gateways: [namespace/name], without mesh",
  );
}

export function pseudoHeader(name: string): Message {
  return error("HED1217", `${name} cannot be changed as a header`);
}

export function redirectStatus(status: number): Message {
  return error("HED1219", `redirectCode must be 301, 302, 303, 307 or 308: ${status}`);
}

export function duplicateSubset(name: string, other: Origin | undefined): Message {
  return other
    ? warning(
        "HED1221",
        `subset ${quote(name)} is defined by ${nameOf(other)} already, which is older: this one is ignored`,
      )
    : error("HED1221", `subset ${quote(name)} is defined twice`, "one of the two, or another name");
}

export function policyOverridden(other: Origin): Message {
  return warning(
    "HED1222",
    `${nameOf(other)} has a trafficPolicy for this host and is older: this one is ignored, its subsets are added`,
  );
}

export function otherExport(other: Origin): Message {
  return warning(
    "HED1223",
    `${nameOf(other)} is for the same host with another exportTo: they are not merged, and clients that see both follow the younger`,
  );
}

export function selectorInRoot(namespace: string): Message {
  return warning(
    "HED1224",
    `a selector has no effect in the root namespace ${namespace}: the policy is ignored`,
    "the namespace of the workloads",
  );
}

export function portsWithoutSelector(): Message {
  return error(
    "HED1225",
    "portLevelMtls has no effect without a selector",
    "a selector for the workloads that have the port",
  );
}

export function tlsFields(mode: string, field: string, effect: string): Message {
  return error("HED1226", `tls mode ${mode} ${effect} ${field}`);
}

export function endpointsNotAllowed(resolution: string): Message {
  return error("HED1227", `endpoints are for resolution STATIC or DNS: resolution is ${resolution}`);
}

export function endpointsMissing(): Message {
  return warning("HED1228", "resolution STATIC without endpoints or a workloadSelector: nothing is reached");
}

export function endpointsAndSelector(): Message {
  return error("HED1229", "endpoints and workloadSelector exclude each other", "one of the two");
}

export function endpointAddress(address: string, resolution: string): Message {
  const wanted = resolution === "STATIC" ? "an IP address" : "an IP address or a host name";
  return error(
    "HED1230",
    `address of an endpoint must be ${wanted} with resolution ${resolution}: ${quote(address)}`,
    resolution === "STATIC" ? "resolution: DNS" : undefined,
  );
}

export function dnsOfWildcard(host: string): Message {
  return error("HED1231", `a wildcard cannot be looked up in DNS: ${quote(host)}`, "endpoints, or resolution: NONE");
}

export function duplicatePort(what: string): Message {
  return error("HED1232", `two ports have the ${what}`, "another one for each");
}

export function unknownEndpointPort(name: string, ports: readonly string[]): Message {
  const near = nearest(name, ports);
  return error("HED1233", `the service has no port named ${quote(name)}`, near ?? `one of ${ports.join(", ")}`);
}

export function unsupportedProtocol(protocol: string, known: readonly string[]): Message {
  const near = nearest(protocol.toUpperCase(), known);
  return error(
    "HED1234",
    `protocol must be one of ${known.join(", ")}: ${quote(protocol)}`,
    near ? `protocol: ${near}` : undefined,
  );
}

export function rangeWithEndpoints(address: string): Message {
  return error("HED1236", `a range of addresses is for resolution NONE or STATIC: ${quote(address)}`);
}

export function noTlsMatch(): Message {
  return error("HED1238", "a tls route needs a match with sniHosts", 'match: [{sniHosts: ["example.com"]}]');
}

export function patternNeedsValue(field: string): Message {
  return error("HED1240", `${field} of a match must not be empty`, "the match without it");
}

export function duplicateHost(host: string): Message {
  return error("HED1241", `host stands twice: both are ${quote(host)}`, "one of the two");
}

export function emptyFault(): Message {
  return error("HED1242", "fault has neither delay nor abort", "fault: {delay: …} or fault: {abort: …}");
}

export function delayWithoutTime(): Message {
  return error("HED1243", "delay does not say how long", "fixedDelay: 5s");
}

export function abortWithoutStatus(): Message {
  return warning(
    "HED1244",
    "abort does not say with what: nothing is aborted",
    "httpStatus: 503, or grpcStatus: UNAVAILABLE",
  );
}

export function faultWithoutShare(what: "delay" | "abort"): Message {
  return warning("HED1245", `${what} without a percentage is for 0 % of the requests`, "percentage: {value: 100}");
}

export function wholeSeconds(ms: number): Message {
  return error("HED1246", `maxAge is in whole seconds: ${ms / 1_000} s`, `${Math.ceil(ms / 1_000)}s`);
}

export function originWithoutMatch(): Message {
  return error("HED1247", "an origin needs exact, prefix or regex", 'exact: "https://example.com"');
}

export function mirrorTwice(): Message {
  return error("HED1248", "mirror and mirrors exclude each other", "all destinations in mirrors");
}

export function rewriteOfNothing(action: "redirect" | "direct"): Message {
  const field = action === "redirect" ? "redirect" : "directResponse";
  return error("HED1249", `rewrite is for requests that go on, and a ${field} answers`, "one of the two");
}

export function emptyRewrite(): Message {
  return error("HED1250", "rewrite says nothing", "uri, uriRegexRewrite or authority");
}

export function badSubstitution(sequence: string, groups: number): Message {
  return error(
    "HED1251",
    `${quote(sequence)} in the rewrite is no group of the match, which has ${groups}`,
    "\\\\1 for the first group, \\\\0 for all of the match",
  );
}

export function warmupElsewhere(balancer: string): Message {
  return warning(
    "HED1252",
    `warmup is for ROUND_ROBIN, LEAST_REQUEST and backendUtilization alone: with ${balancer} a new endpoint gets its full share at once`,
  );
}

export function hashOfNothing(): Message {
  return warning(
    "HED1253",
    "consistentHash does not say of what: endpoints are chosen at random",
    "httpHeaderName, httpCookie, useSourceIp: true or httpQueryParameterName",
  );
}

export function noPrime(size: number): Message {
  return error("HED1254", `the size of a Maglev table must be a prime: ${size}`, "65537");
}

export function targetsOfWaypoints(): Message {
  return warning(
    "HED1260",
    "targetRefs of services are for waypoints: no sidecar applies the policy",
    "selector: {matchLabels: …}, with the labels of the workloads",
  );
}

export function targetNotSupported(kind: string): Message {
  return error(
    "HED1261",
    `a ${kind} is nothing that can be a target`,
    "selector: {matchLabels: …}, with the labels of the workloads",
  );
}

export function targetElsewhere(): Message {
  return error("HED1262", "targets are in the policy's own namespace, and name none", "no namespace");
}

export function actionWithoutRules(action: string): Message {
  return error("HED1263", `${action} without rules is for no request`, "rules: [{}] for every request");
}

export function customWithoutProvider(): Message {
  return error("HED1264", "CUSTOM does not say whom to ask", "provider: {name: …}");
}

export function providerElsewhere(action: string): Message {
  return error("HED1265", `provider is for CUSTOM alone, the action is ${action}`, "action: CUSTOM");
}

export function emptyClause(field: string): Message {
  return error("HED1266", `${field} is there and says nothing`, `no ${field} at all, for every request`);
}

export function unknownConditionKey(key: string, keys: readonly string[]): Message {
  const near = nearest(key, keys);
  return error(
    "HED1267",
    `there is no condition ${quote(key)}`,
    near ? `key: ${near}` : "a key such as request.headers[x-user] or source.principal",
  );
}

export function conditionWithoutValues(key: string): Message {
  return error("HED1268", `the condition on ${key} has no values`, "values or notValues");
}

export function customAsksIdentity(field: string): Message {
  return error(
    "HED1269",
    `CUSTOM cannot look at ${field}: the authorizer is asked before anybody is authenticated`,
    "a policy of its own with DENY or ALLOW",
  );
}

export function badPort(value: string): Message {
  return error("HED1270", `no port: ${quote(value)}`, '"8080"');
}

export function badTemplate(path: string, problem: string): Message {
  return error("HED1271", `path is no template: ${quote(path)} (${problem})`, "/users/{*}/settings or /files/{**}");
}

export function serviceAccountsWithOthers(): Message {
  return error(
    "HED1272",
    "serviceAccounts cannot stand beside principals or namespaces in one source",
    "two sources, or principals alone",
  );
}

export function badServiceAccount(value: string): Message {
  return error("HED1273", `no service account: ${quote(value)}`, "namespace/name or name, without wildcards");
}

export function dryRunOf(action: string): Message {
  return error("HED1274", `${action} has no dry run: ALLOW and DENY have`, "no istio.io/dry-run");
}

export function badDryRun(value: string): Message {
  return error("HED1275", `dry-run is neither "true" nor "false": ${quote(value)}`, '"true"');
}

export function badKeySet(): Message {
  return error(
    "HED1280",
    "jwks has no key that can verify a token (RFC 7517)",
    '{"keys": [{"kty": "RSA", "n": …, "e": "AQAB"}]}',
  );
}

export function badKeyAddress(uri: string): Message {
  return error("HED1281", `jwksUri is no web address: ${quote(uri)}`, "https://example.com/.well-known/jwks.json");
}

export function issuerWithoutKeys(issuer: string): Message {
  return warning(
    "HED1282",
    `nothing says where the keys of ${quote(issuer)} are: no token of it is right`,
    "jwksUri, jwks, or an issuer that is a web address",
  );
}
