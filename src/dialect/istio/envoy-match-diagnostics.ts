// What can be wrong with what a patch is to find, and with the form of what it brings: codes HED1730 to HED1739, sorted and never reused.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

export function waypointMatch(isContext: boolean): Message {
  return isContext
    ? error("HED1730", "context WAYPOINT needs a match of waypoint", "context: GATEWAY, or waypoint: {}")
    : error("HED1730", "waypoint is for context WAYPOINT alone", "listener, routeConfiguration or cluster");
}

export function filterUnnamed(filter: "filter" | "subFilter", example: string): Message {
  return error("HED1731", `${filter} is found by its name`, `name: ${example}`);
}

export function subFilterOfAnother(applyTo: string): Message {
  return error("HED1732", `${applyTo} has no filters within: subFilter is for HTTP_FILTER`, "applyTo: HTTP_FILTER");
}

export function subFilterOfBytes(filter: string, manager: string): Message {
  return error("HED1733", `${quote(filter)} has no HTTP filters within`, `filter: {name: ${manager}, subFilter: …}`);
}

export function filterOfListener(applyTo: string): Message {
  return warning("HED1735", `${applyTo} is not found by its filters: filter has no effect`, "applyTo: NETWORK_FILTER");
}

export function formerName(name: string, since: readonly string[]): Message {
  return warning("HED1736", `${quote(name)} has another name by now`, `name: ${since.join(", or ")}`);
}

export function configurationMissing(name: string): Message {
  return warning(
    "HED1737",
    `${quote(name)} has no configuration: Envoy finds an extension by the type of that, not by its name`,
    'typed_config: {"@type": type.googleapis.com/…}',
  );
}

export function formerApi(type: string): Message {
  return error("HED1738", `${type} is of a form of Envoy's API that no Envoy since 1.20 reads`, "the type of v3");
}
