// One command as a manual page: roff with the macros of man(7).

import type { Command, Help } from "commander";

/** `heddle-proxy-status` */
export function pageName(command: Command): string {
  return command.parent ? `${pageName(command.parent)}-${command.name()}` : command.name();
}

export function manualPage(command: Command): string {
  const help = command.createHelp();
  const name = pageName(command);
  const summary = command.summary() || command.description();
  return `${[
    `.TH ${name.toUpperCase()} 1 "" Heddle "Heddle's commands"`,
    ".SH NAME",
    `${escaped(name)} \\- ${escaped(nameLine(summary))}`,
    ".SH SYNOPSIS",
    `.B ${escaped(help.commandUsage(command))}`,
    ".SH DESCRIPTION",
    escaped(help.commandDescription(command)),
    ...section(
      "ARGUMENTS",
      listOf(
        help.visibleArguments(command),
        (one) => help.argumentTerm(one),
        (one) => help.argumentDescription(one),
      ),
    ),
    ...section(
      "OPTIONS",
      listOf(
        help.visibleOptions(command),
        (one) => help.optionTerm(one),
        (one) => help.optionDescription(one),
      ),
    ),
    ...section("COMMANDS", commandsOf(command, help)),
    ...section("NOTES", verbatim(textAfter(command))),
    ...section("SEE ALSO", seeAlso(command, help)),
  ].join("\n")}\n`;
}

/** A phrase, as `man -k` lists them (man-pages(7)). */
function nameLine(summary: string): string {
  return `${summary.charAt(0).toLowerCase()}${summary.slice(1).replace(/\.$/, "")}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length > 0 ? [`.SH ${title}`, ...lines] : [];
}

function listOf<T>(all: readonly T[], term: (one: T) => string, about: (one: T) => string): readonly string[] {
  return all.flatMap((one) => [".TP", `.B ${escaped(term(one))}`, about(one) === "" ? "\\&" : escaped(about(one))]);
}

function commandsOf(command: Command, help: Help): readonly string[] {
  return listOf(
    help.visibleCommands(command),
    (one) => help.subcommandTerm(one),
    (one) => help.subcommandDescription(one),
  );
}

/** What `--help` ends with: commander shows it, but gives it to nobody. */
function textAfter(command: Command): string {
  let shown = "";
  command.configureOutput({ writeOut: (text) => (shown += text) }).outputHelp();
  return shown.slice(command.helpInformation().length).trim();
}

function verbatim(text: string): readonly string[] {
  return text === "" ? [] : [".nf", ...text.split("\n").map(escaped), ".fi"];
}

function seeAlso(command: Command, help: Help): readonly string[] {
  const others = command.parent
    ? [command.parent]
    : help.visibleCommands(command).filter((one) => one.name() !== "help");
  return [others.map((one) => `.BR ${escaped(pageName(one))} (1)`).join(",\n")];
}

/**
 * roff takes a backslash, and a dot or an apostrophe at the start of a line, for its own; a bare hyphen may become another character; and
 * what is not ASCII is read byte by byte where nobody names the encoding.
 */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/[^\t\n -~]/gu, (one) => `\\[u${one.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`)
    .replace(/^([.'])/, "\\&$1");
}
