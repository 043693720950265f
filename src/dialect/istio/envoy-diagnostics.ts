// What can be wrong with patches of Envoy's configuration and with its plugins: codes HED1540 to HED1559, sorted and never reused.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

export function valueMissing(operation: string): Message {
  return error("HED1540", `${operation} needs a value`, "value: what is to be put in");
}

export function valueIgnored(): Message {
  return warning("HED1541", "REMOVE takes no value: this one has no effect");
}

export function matchOfAnother(applyTo: string, wanted: string, written: string): Message {
  return error("HED1542", `${applyTo} is found by ${wanted}, not by ${written}`, `match: {${wanted}: …}`);
}

export function misspeltField(name: string, message: string, near: string): Message {
  return { ...error("HED1543", `${message} has no field ${quote(name)}`, near), part: "name" };
}

/** `passed`: as it is, so that an Envoy with a newer API takes it. */
export function unknownField(name: string, message: string, passed: boolean): Message {
  const said = `${message} has no field ${quote(name)} that is known here`;
  if (passed) return { ...warning("HED1544", `${said}: it is passed on, and Envoy is the judge of it`), part: "name" };
  return { ...error("HED1544", said), part: "name" };
}

export function wrongValue(value: unknown, wanted: string): Message {
  return error("HED1545", `Envoy does not take ${quote(value)} here`, wanted);
}

export function unknownType(type: string, near: string | undefined): Message {
  const said = `${type} is no type that is known here`;
  if (near !== undefined) return error("HED1546", said, near);
  return { code: "HED1546", severity: "info", message: `${said}: it is passed on, and Envoy is the judge of it` };
}

export function typeMissing(): Message {
  return error("HED1547", "the configuration of an extension says its type", '"@type": type.googleapis.com/…');
}

export function unreadable(reason: string): Message {
  return error("HED1548", `Envoy could not read the value: ${reason}`);
}

export function noSuchOperation(operation: string, applyTo: string): Message {
  return warning("HED1549", `${operation} has no effect on ${applyTo}`, "operation: MERGE");
}

export function waypointContext(): Message {
  return warning("HED1551", "there are no waypoints: this patch has no effect", "context: GATEWAY");
}

export function filterWithoutName(applyTo: string): Message {
  return error(
    "HED1553",
    `${applyTo} needs a name: others are inserted before and after it by that`,
    "name: my.filter",
  );
}

export function moduleAddress(url: string): Message {
  return error(
    "HED1555",
    `url of a module is a file, an address of the web or an image: ${quote(url)}`,
    "url: file:///opt/filters/mine.wasm",
  );
}

function instead(isOpen: boolean): string {
  return isOpen
    ? "traffic goes on without it (failStrategy: FAIL_OPEN)"
    : "what it would see is refused (failStrategy: FAIL_CLOSE)";
}

export function imageNotFetched(url: string, isOpen: boolean): Message {
  return warning(
    "HED1556",
    `images of modules are not fetched (${quote(url)}): ${instead(isOpen)}`,
    "url: https://… with its sha256",
  );
}

export function moduleNotPinned(url: string, isOpen: boolean): Message {
  return warning(
    "HED1557",
    `Envoy fetches a module only by its digest (${quote(url)}): ${instead(isOpen)}`,
    "sha256: the module's digest",
  );
}

export function badDigest(value: string): Message {
  return error("HED1558", `sha256 is 64 hexadecimal digits: ${quote(value)}`, "sha256: the output of sha256sum");
}
