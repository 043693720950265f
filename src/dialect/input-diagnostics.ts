// What can be wrong with what is read before it is anybody's object, and with fields that nobody reads: codes HED1620 to HED1639, sorted and never
// reused.

import type { Message } from "../model/message.ts";
import { quote } from "./diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

/** `character`: one that YAML 1.2.2 (section 5.1) and Kubernetes refuse, mostly because nobody sees it. */
export function controlCharacter(character: string): Message {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return error(
    "HED1620",
    `not valid YAML: the character U+${code} may not stand in a file`,
    `nothing in its place, or "\\u${code.toLowerCase()}" in double quotes`,
  );
}

/** `written`: as it stands in the file. JSON, and so the API, has neither infinity nor integers of more than 53 bits that all readers keep. */
export function unkeptNumber(written: string): Message {
  return error(
    "HED1621",
    `number cannot be kept exactly: ${written.length > 40 ? `${written.slice(0, 40)}…` : written}`,
    "the value in quotes, or a number within ±9007199254740991",
  );
}

export function tooManyValues(limit: number): Message {
  return error("HED1622", `document has more than ${limit} values`, "several smaller documents");
}

/** In an object that has more fields than are read: who checks them may not be asked. */
export function misspeltField(field: string, near: string | undefined): Message {
  return { ...warning("HED1623", `unknown field ${quote(field)}: it has no effect`, near), part: "name" };
}

/** `limit`: words and marks (tokens) of a file that may be other than plain. */
export function tooMuchToParse(limit: number): Message {
  return error(
    "HED1624",
    `not read: documents with aliases, folded texts, brackets over several lines or mistakes have more than ${limit} words and marks before this one's end`,
    "several smaller files, or JSON",
  );
}

/** `limit`: words and marks (tokens) of a document that is other than plain. */
export function tooCostlyToParse(limit: number): Message {
  return error(
    "HED1625",
    `not read: a document with aliases, folded texts, brackets over several lines or mistakes has more than ${limit} words and marks`,
    "several smaller documents, or JSON",
  );
}

/** More than what the store of a cluster takes in one object, so that nobody has written it by hand or meant it. */
export function tooManyEntries(field: string, length: number, limit: number): Message {
  return error("HED1626", `${field} has ${length} entries, which is more than ${limit}`, "several objects");
}

/** `lengths`: of lists of which each entry of one is combined with each of the others. */
export function tooManyTogether(lengths: Readonly<Record<string, number>>, limit: number): Message {
  const text = Object.entries(lengths)
    .filter(([, length]) => length > 1)
    .map(([name, length]) => `${length} ${name}`)
    .join(" × ");
  return error("HED1627", `one object has ${text}, which is more than ${limit} together`, "several objects");
}
