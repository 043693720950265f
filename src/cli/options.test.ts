// Each option of each command, once with a value that is right and once with one that is wrong, and said what it is for. A value that the
// command line alone cannot judge (a file, a name in the mesh) is taken here, and judged by the command.

import { describe, expect, test } from "bun:test";
import { type Argument, Command, type CommanderError, type Option } from "commander";
import { Failure } from "../base/failure.ts";
import { wholeProgram } from "./program.ts";

/** By the placeholder, or by the option where one placeholder has several meanings. */
const VALUES: Readonly<Record<string, readonly [right: string, wrong: string | undefined]>> = {
  port: ["8080", "80a"],
  duration: ["1h30m", "20"],
  name: ["web", "Web_1"],
  url: ["http://127.0.0.1:15030", "ftp://x"],
  ip: ["10.0.0.5", "10.0.0"],
  number: ["2", "two"],
  bytes: ["1024", "1k"],
  seconds: ["60", "1m"],
  version: ["v1.2", "a b"],
  path: ["/metrics", "metrics"],
  status: ["5xx", "6xx"],
  method: ["POST", "PO ST"],
  type: ["cds", "cdss"],
  level: ["Warning", "Loud"],
  condition: ["condition=Accepted", "sometime"],
  boolean: ["false", undefined], // another word is the first file
  "host:port": ["mesh.example.com:15012", "mesh"],
  "port=host:port": ["9191=golden-signal:80", "9191"],
  "port=port": ["80=8080", "80="],
  "namespace/name": ["shop/legacy", "a/b/c"],
  "key=value,…": ["app=web,version=v1", "app"],
  "code=kind name": ["IST0118=Service web.shop", "IST0118"],
  "name[:value]": ["x-user: alice", undefined],
  line: ["x-user: alice", undefined],
  "--admin": ["127.0.0.1:15000", "x"],
};

/** Their value is looked for in files, in the mesh or in a proxy's tables. */
const JUDGED_LATER: Readonly<Record<string, readonly string[]>> = {
  compile: ["--name", "--gateway", "--workload"],
  explain: ["--from", "--gateway", "--source-ip"],
  "proxy-config": ["--fqdn", "--subset", "--address", "--cluster", "--status", "--name", "--level"],
  tap: ["--path", "--authority", "--source"],
  up: ["--host"],
  get: ["--selector"],
};
const FREE = ["file", "file...", "folder", "token"];

interface Case {
  readonly command: string;
  readonly option: Option;
}

const placeholderOf = ({ flags }: Option): string => /[<[](.*)[\]>]$/.exec(flags)?.[1] ?? "";

function commandsBelow(command: Command, path: readonly string[] = []): readonly (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[path.join(" "), command]];
  return command.commands.flatMap((one) => commandsBelow(one, [...path, one.name()]));
}

const ALL = commandsBelow(await wholeProgram());

/** What the option alone makes of a value: undefined when it takes it. */
function refusalOf(option: Option, value: string): string | undefined {
  const command = new Command("heddle").exitOverride().configureOutput({ outputError: () => {} });
  command.addOption(option);
  try {
    command.parse([`${option.long}=${value}`], { from: "user" });
    return undefined;
  } catch (thrown) {
    return thrown instanceof Failure || thrown instanceof Error ? thrown.message : String(thrown);
  }
}

function isFree({ command, option }: Case): boolean {
  if (FREE.includes(placeholderOf(option))) return true;
  return JUDGED_LATER[command.replace(/^x /, "")]?.includes(option.long ?? "") ?? false;
}

const CASES = ALL.flatMap(([command, { options }]) =>
  options.filter(({ required, optional }) => required || optional).map((option): Case => ({ command, option })),
);

describe("an option", () => {
  test("that has choices takes each of them, and no other word", () => {
    const faults = CASES.filter(({ option }) => option.argChoices).flatMap(({ command, option }) => {
      const right = option.argChoices!.filter((choice) => !choice.endsWith("=")).map((one) => refusalOf(option, one));
      return [...right.filter((said) => said !== undefined), refusalOf(option, "no-such-word") ? "" : "takes any word"]
        .filter((fault) => fault !== "")
        .map((fault) => `heddle ${command} ${option.flags}: ${fault}`);
    });
    expect(faults).toEqual([]);
  });

  test("that has a form takes what is right and says what is wrong with the rest", () => {
    const judged = CASES.filter((one) => !one.option.argChoices && !isFree(one));
    expect(judged.length).toBeGreaterThan(80);
    const faults = judged.flatMap(({ command, option }) => {
      const place = placeholderOf(option);
      const values = VALUES[option.long ?? ""] ?? VALUES[place];
      if (!values) return [`heddle ${command} ${option.flags}: no values for it in this test`];
      const [right, wrong] = values;
      const refused = refusalOf(option, right);
      const said = wrong === undefined ? "" : refusalOf(option, wrong);
      return [
        ...(refused === undefined ? [] : [`heddle ${command} ${option.long} ${right}: ${refused}`]),
        ...(said === undefined ? [`heddle ${command} ${option.long} ${wrong}: is taken`] : []),
      ];
    });
    expect(faults).toEqual([]);
  });

  test("that does not exist is refused by each command", () => {
    const codeOf = (command: Command): string => {
      try {
        command
          .exitOverride()
          .configureOutput({ outputError: () => {} })
          .parse(["--no-such-option"], { from: "user" });
        return "taken";
      } catch (thrown) {
        return (thrown as CommanderError).code;
      }
    };
    const taken = ALL.filter(([name]) => name !== "bench") // hands its arguments on
      .map(([name, command]) => [name, codeOf(command)] as const)
      .filter(([, code]) => code !== "commander.unknownOption");
    expect(taken).toEqual([]);
  });

  test("and an argument are described", () => {
    const silent = ALL.flatMap(([name, command]) =>
      [
        ...command.options.filter((one) => !one.argChoices).map((one): [string, Option | Argument] => [one.flags, one]),
        ...command.registeredArguments.map((one): [string, Option | Argument] => [one.name(), one]),
      ]
        .filter(([, { description }]) => description === "")
        .map(([what]) => `heddle ${name} ${what}`),
    );
    expect(silent).toEqual([]);
  });
});
