// What a file that is no YAML has wrong, in words of people: the library's where they say it, better ones where the cause is known.

import type { YAMLError } from "yaml";
import * as diagnostics from "./diagnostics.ts";
import type { Problem } from "./tree.ts";

/** How the library says that a key is a map, a list or an alias. */
const NOT_A_WORD = "With stringKeys";

/** Parts of the library's messages are the file's own words, however long. */
const MAX_MESSAGE = 160;

/** What is missing at the end is shown at the last character rather than on the line of the next document. */
export function syntaxProblem({ code, message, pos }: YAMLError, text: string): Problem {
  const known = templateLeft(text, pos[0]) ?? conflictLeft(text, pos[0]) ?? openQuote(message, text);
  if (known) return known;
  if (message.startsWith(NOT_A_WORD))
    return {
      message: diagnostics.yamlSyntax("a key must be a plain word", "the key in quotes"),
      from: pos[0],
      to: pos[1],
    };
  const whole = message.charAt(0).toLowerCase() + message.slice(1);
  const problem = whole.length > MAX_MESSAGE ? `${whole.slice(0, MAX_MESSAGE)}…` : whole;
  const from = Math.min(pos[0], Math.max(0, text.trimEnd().length - 1));
  return { message: diagnostics.yamlSyntax(problem, suggestion(code, message)), from, to: Math.max(from, pos[1]) };
}

interface Line {
  readonly start: number;
  readonly text: string;
}

function lineAt(text: string, at: number): Line {
  const start = text.lastIndexOf("\n", at - 1) + 1;
  const end = text.indexOf("\n", at);
  return { start, text: text.slice(start, end === -1 ? undefined : end) };
}

/** `{{ .Values.name }}` on the line, or on the one before what it broke. */
function templateLeft(text: string, at: number): Problem | undefined {
  const own = lineAt(text, at);
  const lines = own.start === 0 ? [own] : [own, lineAt(text, own.start - 1)];
  for (const line of lines) {
    const [found] = /\{\{.*?(?:\}\}|$)/.exec(line.text) ?? [];
    if (found === undefined) continue;
    const from = line.start + line.text.indexOf(found);
    const message = diagnostics.yamlSyntax(
      "a template that nobody has filled in",
      "what the template makes: helm template CHART | heddle analyze -",
    );
    return { message, from, to: from + found.length };
  }
  return undefined;
}

/** Git's marks. */
function conflictLeft(text: string, at: number): Problem | undefined {
  const line = lineAt(text, at);
  if (!/^(?:<{7}|>{7}|\|{7})(?: |\r?$)|^={7}\r?$/.test(line.text)) return undefined;
  const message = diagnostics.yamlSyntax("a merge conflict that nobody has resolved", "one of the two sides");
  return { message, from: line.start, to: line.start + line.text.length };
}

/** A quote that nothing closes reaches to the end, so that it is the last of its kind. */
function openQuote(message: string, text: string): Problem | undefined {
  const [, kind] = /^Missing closing (["'])quote/.exec(message) ?? [];
  const from = kind === undefined ? -1 : text.lastIndexOf(kind);
  if (from === -1) return undefined;
  const { start, text: line } = lineAt(text, from);
  const problem = diagnostics.yamlSyntax(`nothing closes this quote: ${kind}`, `${kind} at the end of the value`);
  return { message: problem, from, to: start + line.length };
}

/** The library says one code of all these. */
function missing(message: string): string {
  if (message.includes("quote")) return "the closing quote";
  if (message.includes("must end with")) return "the closing bracket";
  return "a colon and a space after the field's name";
}

function suggestion(code: string, message: string): string | undefined {
  switch (code as YAMLError["code"]) {
    case "TAB_AS_INDENT":
      return "spaces instead of the tab";
    case "BAD_INDENT":
      return message.startsWith("Flow") ? "the closing bracket" : "the same indentation as the fields beside it";
    case "BLOCK_AS_IMPLICIT_KEY":
      return "a value with a colon in quotes, a nested field on a line of its own";
    case "BAD_SCALAR_START":
      return "the value in quotes";
    case "BAD_DQ_ESCAPE":
      return "single quotes, or two backslashes for one";
    case "MISSING_CHAR":
      return missing(message);
    case "MULTILINE_IMPLICIT_KEY":
      return "a colon and a space after the field's name";
    case "TAG_RESOLVE_FAILED":
      return "the value without the tag (!), or in quotes";
    case "UNEXPECTED_TOKEN":
      return "one value a line, lists as lines that begin with a dash";
    default:
      return undefined;
  }
}
