// What could stand at the cursor.

import type { Command, Option } from "commander";
import { RESOURCES } from "../../kube/resources.ts";
import type { LiveNames } from "./live-names.ts";
import { type Place, type Position, positionIn } from "./place.ts";
import { type Subject, subjectOfArgument, subjectOfName, subjectOfOption, typeOf } from "./subject.ts";

export interface Candidate {
  readonly word: string;
  readonly about: string;
}

export type Candidates = { readonly kind: "files" } | { readonly kind: "words"; readonly words: readonly Candidate[] };

const NONE: Candidates = { kind: "words", words: [] };
const plain = (word: string): Candidate => ({ word, about: "" });
const words = (all: readonly Candidate[]): Candidates => ({ kind: "words", words: all });

/** `typed`: what stands after the program's name, the last word unfinished. The shell keeps those that begin as it does. */
export async function candidatesFor(
  program: Command,
  typed: readonly string[],
  live: (server: string | undefined, state: string | undefined) => LiveNames,
): Promise<Candidates> {
  const position = positionIn(program, typed);
  const current = typed.at(-1) ?? "";
  const all = await atPlace(position, position.place, current, () =>
    live(givenValue(position, "server"), givenValue(position, "state")),
  );
  if (all.kind === "files") return all;
  return words(all.words.filter(({ word }) => word.startsWith(current)));
}

function givenValue({ given }: Position, name: string): string | undefined {
  for (const [option, value] of given) if (option.name() === name) return value;
  return undefined;
}

async function atPlace(position: Position, place: Place, current: string, live: () => LiveNames): Promise<Candidates> {
  switch (place.kind) {
    case "command":
      return words(commandsOf(position.command));
    case "option":
      return words(optionsOf(position));
    case "argument":
      return place.argument
        ? argumentOf(subjectOfArgument(place.argument, place.before), current, position, live)
        : NONE;
    case "value": {
      const values = await named(subjectOfOption(place.option), position, live);
      if (values.kind === "files") return values;
      return words(values.words.map(({ word, about }) => ({ word: `${place.prefix}${word}`, about })));
    }
  }
}

/** `vs/web` is a kind and a name in one word, and `vs,dr` several kinds. */
async function argumentOf(
  subject: Subject,
  current: string,
  position: Position,
  live: () => LiveNames,
): Promise<Candidates> {
  const [, kind, mark] = /^(.*)([/,])/.exec(current) ?? [];
  const isKind = subject.kind === "kinds" || (subject.kind === "choices" && describesKind(subject, kind));
  if (kind === undefined || !isKind) return named(subject, position, live);
  const behind: Subject = mark === "," ? subject : subjectOfName(kind);
  const found = await named(behind, position, live);
  if (found.kind === "files") return found;
  return words(found.words.map(({ word, about }) => ({ word: `${kind}${mark}${word}`, about })));
}

/** `pod/`, `svc/`: the first argument of `heddle describe`, by any name of the kind. */
function describesKind({ choices }: Extract<Subject, { kind: "choices" }>, text = ""): boolean {
  const kind = typeOf(text)?.singular;
  return choices.includes(text) || (kind !== undefined && choices.includes(kind));
}

function commandsOf(command: Command): readonly Candidate[] {
  const known = command.createHelp().visibleCommands(command);
  return known.map((one) => ({ word: one.name(), about: one.summary() || one.description() }));
}

function optionsOf({ command, given }: Position): readonly Candidate[] {
  const help = command.createHelp();
  const isOpen = (option: Option) => option.variadic || option.parseArg !== undefined || !given.has(option);
  const all = [...help.visibleOptions(command), ...(command.parent?.options ?? [])].filter(isOpen);
  return all.flatMap(({ long, short, description }) => {
    const word = long ?? short;
    return word === undefined ? [] : [{ word, about: description }];
  });
}

async function named(subject: Subject, position: Position, live: () => LiveNames): Promise<Candidates> {
  switch (subject.kind) {
    case "files":
      return { kind: "files" };
    case "choices":
      return words(subject.choices.map(plain));
    case "kinds":
      return words([
        ...RESOURCES.map(({ plural, kind }) => ({ word: plural, about: kind })),
        ...(subject.categories ? [{ word: "all", about: "what runs, and what configures it" }] : []),
      ]);
    case "namespaces":
      return words((await namesOf(live(), "namespaces", undefined)).map(({ name }) => plain(name)));
    case "objects": {
      const namespace = subject.qualified ? undefined : (givenValue(position, "namespace") ?? "default");
      const found = await namesOf(live(), subject.of, namespace);
      return words(found.map(({ namespace, name }) => plain(subject.qualified ? `${namespace}/${name}` : name)));
    }
    case "free":
      return NONE;
  }
}

async function namesOf(live: LiveNames, kind: string, namespace: string | undefined): ReturnType<LiveNames["objects"]> {
  const type = typeOf(kind);
  return type ? live.objects(type, namespace) : [];
}
