// Where the cursor stands in an unfinished command line: in an option's value, an option, or an argument.

import type { Argument, Command, Option } from "commander";

export type Place =
  /** `prefix` stands before the value in the same word: `--output=`. */
  | { readonly kind: "value"; readonly option: Option; readonly prefix: string }
  | { readonly kind: "option" }
  | { readonly kind: "command" }
  /** `before`: the arguments that stand already. Undefined: the command takes no more. */
  | { readonly kind: "argument"; readonly argument: Argument | undefined; readonly before: readonly string[] };

export interface Position {
  readonly command: Command;
  readonly place: Place;
  /** The command's options that are given already, and the last value of each. */
  readonly given: ReadonlyMap<Option, string>;
}

function optionNamed(command: Command, word: string): Option | undefined {
  const own = command.options.find(({ short, long }) => short === word || long === word);
  return own ?? (command.parent ? optionNamed(command.parent, word) : undefined);
}

const takesValue = ({ required, optional }: Option): boolean => required || optional;

/** `words`: what stands after the program's name, the last of them unfinished, be it empty. */
export function positionIn(program: Command, words: readonly string[]): Position {
  const current = words.at(-1) ?? "";
  let command = program;
  /** The option whose value may follow. */
  let open: Option | undefined;
  let onlyArguments = false;
  const before: string[] = [];
  const given = new Map<Option, string>();
  for (const word of words.slice(0, -1)) {
    if (!onlyArguments && word.startsWith("-")) {
      if (word === "--") onlyArguments = true;
      const [name = "", ...value] = word.split("=");
      const option = optionNamed(command, name);
      if (option) given.set(option, value.join("="));
      open = option && takesValue(option) && value.length === 0 ? option : undefined;
    } else if (open && !onlyArguments) {
      given.set(open, word);
      if (!open.variadic) open = undefined;
    } else {
      const next = command.commands.find(
        (one) => before.length === 0 && (one.name() === word || one.aliases().includes(word)),
      );
      if (next) command = next;
      else before.push(word);
    }
  }
  return { command, place: placeOf(command, current, { open, onlyArguments, before }), given };
}

interface Read {
  readonly open: Option | undefined;
  readonly onlyArguments: boolean;
  readonly before: readonly string[];
}

function placeOf(command: Command, current: string, { open, onlyArguments, before }: Read): Place {
  if (!onlyArguments) {
    const [, name] = /^(--[^=]+)=/.exec(current) ?? [];
    const option = name === undefined ? undefined : optionNamed(command, name);
    if (option) return { kind: "value", option, prefix: `${name}=` };
    if (current.startsWith("-") && current !== "-") return { kind: "option" };
    if (open) return { kind: "value", option: open, prefix: "" };
    if (command.commands.length > 0 && before.length === 0) return { kind: "command" };
  }
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  const argument = registeredArguments[before.length] ?? (last?.variadic ? last : undefined);
  return { kind: "argument", argument, before };
}
