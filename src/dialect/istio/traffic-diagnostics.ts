// What can be wrong with the way that clients treat a service (DestinationRule): codes HED1333 and HED1570 to HED1599, sorted and never reused; of these
// HED1580 and HED1581 are in model/validate-origination.ts, which sees the Secrets, and HED1582 to HED1584 and HED1589 in gateway-tls-diagnostics.ts.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

export function upgradeOfClients(): Message {
  return error(
    "HED1333",
    "connections keep the client's protocol or are upgraded to HTTP/2, not both",
    "one of the two",
  );
}

export function sharesAndFailover(): Message {
  return error("HED1570", "distribute says where all requests go: there is nothing left for failover", "one of them");
}

export function failoverWithoutDetection(): Message {
  return warning(
    "HED1571",
    "failover without outlierDetection: no endpoint is ever found to fail, so that the setting has no effect",
    "outlierDetection: {}",
  );
}

export function localityWeights(weights: readonly number[]): Message {
  return error(
    "HED1572",
    `weights of localities are at least 1 and add up to 100: ${weights.join(", ")}`,
    "weights that add up to 100",
  );
}

export function localitiesOverlap(one: string, other: string): Message {
  return error(
    "HED1573",
    `locality ${quote(one)} covers ${quote(other)} as well`,
    "localities that exclude each other",
  );
}

export function failoverToItself(region: string): Message {
  return error("HED1574", `failover from region ${quote(region)} leads back to it`, "another region");
}

export function noRegion(text: string): Message {
  return error("HED1575", `failover is from region to region: ${quote(text)} is none`, "a region's name");
}

export function failoverTwice(label: string): Message {
  return error(
    "HED1576",
    `failover says the order of regions already: failoverPriority cannot have ${label} beside it`,
  );
}

export function placeBesideZones(label: string): Message {
  return error(
    "HED1585",
    `zones and regions are looked at anyway: failoverPriority of zoneAwareLbSetting cannot have ${label}`,
  );
}

export function zonesBesideLocalities(): Message {
  return warning("HED1586", "zoneAwareLbSetting counts: localityLbSetting beside it has no effect", "one of them");
}

export function zonesElsewhere(policy: string): Message {
  const why = policy === "PASSTHROUGH" ? "requests go where the client dialled" : "the hash says which endpoint";
  return warning("HED1587", `zones have no effect with ${policy}: ${why}`, "LEAST_REQUEST, ROUND_ROBIN or RANDOM");
}

export function zonesBesideUtilization(size: number): Message {
  return warning(
    "HED1591",
    `with backendUtilization zones do not count below 6 endpoints, whatever minClusterSize says: Envoy's policy takes no ${size}`,
    "minClusterSize: 6, or LEAST_REQUEST or ROUND_ROBIN",
  );
}

export function localFailuresNotSplit(): Message {
  return error(
    "HED1577",
    "consecutiveLocalOriginFailures has no effect: failed connections count as 5xx",
    "splitExternalLocalOriginErrors: true",
  );
}

export function filesBesideCredential(field: string): Message {
  return error("HED1578", `credentialName says which certificates: ${field} cannot be beside it`, "one of them");
}

export function rootsOfSecret(field: string): Message {
  return warning("HED1588", `caCertCredentialName says which roots: ${field} beside it has no effect`, "one of them");
}

export function statisticsOfEnvoy(prefix: string): Message {
  return {
    code: "HED1590",
    severity: "info",
    message: `Envoy keeps statistics of the match (vhost.NAME.route.${prefix}): Heddle's proxy keeps none`,
    suggestion: undefined,
  };
}

export function withoutEffectInMode(mode: string, field: string): Message {
  return warning("HED1579", `${field} has no effect where mode is ${mode}`, "mode: SIMPLE or MUTUAL");
}
