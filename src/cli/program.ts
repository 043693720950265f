// The command line: its commands, and how one of them is found, loaded, run, and reported when it fails.

import { Command, CommanderError, Option } from "commander";
import { EXIT, Failure } from "../base/failure.ts";
import { configureLog, LOG_LEVELS, type LogLevel } from "../base/log.ts";
import { nearest } from "../base/nearest.ts";
import { failureText } from "./failure-report.ts";
import { insteadOf } from "./foreign-commands.ts";
import { keepLoopbackDirect } from "./loopback.ts";
import { printError, styleOf } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** What a command's file exports. */
export interface CommandModule {
  /** Adds arguments, options and the action. The action sets process.exitCode where it is not 0, or throws a Failure. */
  define(command: Command): void;
}

interface Entry {
  readonly name: string;
  readonly alias?: string;
  /** Its terminal is another program's, too: it speaks only when something is wrong. */
  readonly quiet?: true;
  readonly summary: string;
  /** Only the command that runs is loaded: none pays for the imports of another. */
  readonly load: () => Promise<CommandModule>;
}

const COMMANDS: readonly Entry[] = [
  { name: "up", summary: "start the control plane", load: () => import("./up.ts") },
  { name: "run", summary: "run a program with a sidecar beside it", quiet: true, load: () => import("./run.ts") },
  { name: "gateway", summary: "run a proxy at the edge of the mesh", load: () => import("./gateway.ts") },
  { name: "apply", summary: "create or change objects from files", load: () => import("./apply.ts") },
  { name: "analyze", summary: "find what is wrong with files, or with the mesh", load: () => import("./analyze.ts") },
  {
    name: "compile",
    summary: "show what a proxy would get for files, and where each part came from",
    load: () => import("./compile.ts"),
  },
  { name: "explain", summary: "show where a request would go, and why", load: () => import("./explain.ts") },
  {
    name: "describe",
    summary: "show what concerns a Pod, a service or a workload, and what decides it",
    load: () => import("./describe.ts"),
  },
  {
    name: "diff",
    summary: "show what files would change, and for whom, before they are applied",
    load: () => import("./diff.ts"),
  },
  { name: "get", summary: "show objects", load: () => import("./get.ts") },
  {
    name: "schema",
    summary: "print JSON schemas for editors, and definitions for clusters",
    load: () => import("./schema.ts"),
  },
  { name: "wait", summary: "wait until objects are in force on proxies", load: () => import("./wait.ts") },
  { name: "delete", summary: "delete objects", load: () => import("./delete.ts") },
  {
    name: "proxy-status",
    alias: "ps",
    summary: "show which proxies have the configuration they should have",
    load: () => import("./proxy-status.ts"),
  },
  {
    name: "proxy-config",
    alias: "pc",
    summary: "show what a proxy runs with",
    load: () => import("./proxy-config.ts"),
  },
  {
    name: "x",
    alias: "experimental",
    summary: "more of istioctl's commands: authz check, describe, wait",
    load: () => import("./experimental.ts"),
  },
  {
    name: "dashboard",
    alias: "dash",
    summary: "print the address of the dashboard, or of a proxy's admin interface",
    load: () => import("./dashboard.ts"),
  },
  { name: "check", summary: "look for what is wrong with the mesh", load: () => import("./check.ts") },
  { name: "scope", summary: "suggest Sidecars by who called whom", load: () => import("./scope.ts") },
  { name: "tap", summary: "watch the requests that pass through a proxy", load: () => import("./tap.ts") },
  { name: "token", summary: "make a join token for `heddle run` on another machine", load: () => import("./token.ts") },
  { name: "backup", summary: "copy the store of objects to a file", load: () => import("./backup.ts") },
  { name: "restore", summary: "put a backup in the place of the store", load: () => import("./restore.ts") },
  {
    name: "completion",
    summary: "print the script that completes commands in a shell",
    load: () => import("./completion.ts"),
  },
  { name: "bench", summary: "measure Heddle beside its peers", load: () => import("./bench.ts") },
  {
    name: "version",
    summary: "show versions of client, control plane and proxies",
    load: () => import("./show-version.ts"),
  },
];

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 64 wrong usage, 65 wrong file, 79 findings. Environment: HEDDLE_STATE (folder of the
control plane, ~/.heddle), HEDDLE_SERVER (address of the API), HEDDLE_TOKEN (join token), NO_COLOR.`;

/** The command that `args` name: the first word that is neither an option nor the value of a general one. */
function entryOf(args: readonly string[]): Entry | undefined {
  const words = args.filter((arg, i) => !arg.startsWith("-") && !/^--log-(?:level|format)$/.test(args[i - 1] ?? ""));
  const [name] = words[0] === "help" ? words.slice(1) : words;
  return name === undefined ? undefined : COMMANDS.find((entry) => entry.name === name || entry.alias === name);
}

/** The command line with every command's name and summary, and the arguments and options of those that `loads` chooses. */
async function commandTree(loads: (entry: Entry) => boolean): Promise<Command> {
  const program = new Command("heddle")
    .description("Heddle, a service mesh: control plane, sidecars, certificates, telemetry.")
    .addOption(new Option("--debug", "log everything, and show where failures come from"))
    .addOption(new Option("--log-level <level>", "log of what Heddle does, on standard error").choices(LOG_LEVELS))
    .addOption(new Option("--log-format <format>", "of that log").choices(["text", "json"]))
    .addHelpText("after", EXIT_CODES)
    .configureOutput({ outputError: () => {}, writeErr: () => {} }) // reported below, like every failure
    .exitOverride();
  for (const entry of COMMANDS) {
    const command = new Command(entry.name)
      .summary(entry.summary)
      .description(`${entry.summary.charAt(0).toUpperCase()}${entry.summary.slice(1)}.`)
      .copyInheritedSettings(program)
      .exitOverride();
    if (entry.alias) command.alias(entry.alias);
    if (loads(entry)) (await entry.load()).define(command);
    program.addCommand(command);
  }
  return program;
}

/** With the arguments and options of the command that `args` name. */
export async function programFor(args: readonly string[]): Promise<Command> {
  const chosen = entryOf(args);
  const program = await commandTree((entry) => entry === chosen);
  if (!chosen) program.version(VERSION, "-V, --version"); // `run` has a --version of its own
  return program;
}

/** With everything: for what describes it. */
export async function wholeProgram(): Promise<Command> {
  return (await commandTree(() => true)).version(VERSION, "-V, --version");
}

function configureLogFrom(program: Command, entry: Entry | undefined): void {
  const { debug, logLevel, logFormat } = program.opts<{
    debug?: true;
    logLevel?: LogLevel;
    logFormat?: "text" | "json";
  }>();
  configureLog({
    level: debug ? "debug" : (logLevel ?? (entry?.quiet ? "warn" : "info")),
    ...(logFormat ? { format: logFormat } : {}),
  });
}

/** A command of commands by itself, or `help` about one that there is not. */
function withoutCommand(args: readonly string[], entry: Entry | undefined, cause: CommanderError): Failure {
  const words = args.filter((arg) => !arg.startsWith("-"));
  if (words[0] !== "help" || entry)
    return new Failure(`\`heddle ${words.join(" ")}\` needs a command after it`, {
      hint: `heddle ${words.join(" ")} --help`,
      exit: EXIT.usage,
      cause,
    });
  const near = nearest(
    words[1] ?? "",
    COMMANDS.map(({ name }) => name),
  );
  return new Failure(`unknown command \`${words[1]}\``, { hint: near ?? "heddle --help", exit: EXIT.usage, cause });
}

/** `option '-o, --output <form>' argument 'jsn' is invalid. Allowed choices are table, json.`, and the like of arguments. */
function wrongChoice(message: string): { readonly message: string; readonly hint: string } | undefined {
  const [, option, written, argument, list] =
    /^(?:option '([^']*)' argument|command-argument value) '(.*)' is invalid(?: for argument '(.*)')?\. Allowed choices are (.*)\.$/s.exec(
      message,
    ) ?? [];
  if (written === undefined || list === undefined) return undefined;
  const choices = list.split(", ");
  const long = /--[\w-]+/.exec(option ?? "")?.[0];
  const near = nearest(written, choices);
  const value = long === undefined ? near : `${long} ${near}`;
  return {
    message: `${long ?? argument} is none of ${choices.join(", ")}: ${JSON.stringify(written)}`,
    hint: near === undefined || value === undefined ? `one of ${choices.join(", ")}` : value,
  };
}

/** What commander says about a wrong command line, in our words: `(Did you mean --port?)` is the way out. */
function usageFailure(error: CommanderError, args: readonly string[]): Failure {
  const [, message = error.message, suggestion] =
    /^(?:error: )?(.*?)(?:\s*\(Did you mean (?:one of )?(.*)\?\))?$/s.exec(error.message) ?? [];
  const entry = entryOf(args);
  const help = `heddle ${entry ? `${entry.name} ` : ""}--help`;
  if (error.code === "commander.help") return withoutCommand(args, entry, error);
  const choice = wrongChoice(message);
  if (choice) return new Failure(choice.message, { hint: choice.hint, exit: EXIT.usage, cause: error });
  return new Failure(message.replaceAll("'", "`").trim(), {
    hint: insteadOf(message) ?? suggestion ?? help,
    exit: EXIT.usage,
    cause: error,
  });
}

/** Runs one command; sets process.exitCode, and returns when there is nothing left to do. Never rejects. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const debug = args.includes("--debug");
  keepLoopbackDirect();
  try {
    const program = await programFor(args);
    program.hook("preAction", () => configureLogFrom(program, entryOf(args)));
    if (args.length === 0) throw new Failure("no command given", { hint: "heddle --help", exit: EXIT.usage });
    await program.parseAsync(args, { from: "user" });
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return; // --help, --version
    const failure = thrown instanceof CommanderError ? usageFailure(thrown, args) : thrown;
    await printError(failureText(failure, styleOf(process.stderr), debug));
    process.exitCode = Failure.from(failure).exit;
  }
}
