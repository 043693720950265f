// `heddle proxy-config`: what a proxy runs with, by its own word or out of a dump, in istioctl's columns.

import { Argument, type Command, Option } from "commander";
import { stringify } from "yaml";
import { EXIT, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { adminOption } from "./admin-option.ts";
import { stateOption } from "./api-client.ts";
import { listenerTable } from "./listener-table.ts";
import { readFiles } from "./object-files.ts";
import { type AdminAddress, adminClusters, adminDump, adminOf, adminPage } from "./proxy-admin.ts";
import { type Json, type ProxyDump, readDump } from "./proxy-dump.ts";
import { addFilters, type FilterOptions, filtered, filterText, givenIn } from "./proxy-filter.ts";
import { comparedRoots } from "./proxy-roots.ts";
import { statsText } from "./proxy-stats.ts";
import {
  assignmentTable,
  clusterTable,
  endpointTable,
  extensionTable,
  type ProxyTable,
  routeTable,
  secretTable,
} from "./proxy-table.ts";
import { print, printError, renderTable } from "./terminal.ts";
import { name, port } from "./values.ts";

/** With istioctl's short names. */
const TYPES = {
  cluster: ["cluster", "clusters", "c"],
  listener: ["listener", "listeners", "l"],
  route: ["route", "routes", "r"],
  endpoint: ["endpoint", "endpoints", "ep"],
  secret: ["secret", "secrets", "s"],
  eds: ["eds"],
  ecds: ["ecds"],
  bootstrap: ["bootstrap", "b"],
  log: ["log", "o"],
  "envoy-stats": ["envoy-stats", "stats", "es"],
  "rootca-compare": ["rootca-compare", "rc"],
  all: ["all", "a"],
} as const;
type ConfigType = keyof typeof TYPES;

/** `short` is istioctl's name of the table; `prom` is of statistics. */
const OUTPUTS = ["table", "short", "json", "yaml", "prom"] as const;

interface ProxyConfigOptions extends FilterOptions {
  readonly admin?: string;
  readonly proxyAdminPort?: number;
  readonly file?: string;
  readonly state?: string;
  readonly namespace?: string;
  readonly level?: string;
  readonly reset?: true;
  readonly output: (typeof OUTPUTS)[number];
}

/** Its choices are for the help and for shells: short names are taken, too. */
function typeArgument(): Argument {
  return Object.assign(new Argument("<type>", "what of it"), { argChoices: Object.keys(TYPES) });
}

export function define(command: Command): void {
  command
    .addArgument(typeArgument())
    .argument("[workload]", "NAME, NAMESPACE/NAME or NAME.NAMESPACE of what was started on this machine")
    .argument("[other]", "rootca-compare: the workload that it is compared with")
    .option("-n, --namespace <name>", "namespace of a NAME alone (default: any)", name("--namespace"))
    .addOption(adminOption("the proxy's admin interface, HOST:PORT"))
    .option("--proxy-admin-port <port>", "the port of it on this machine", port("--proxy-admin-port"))
    .option(
      "-f, --file <file>",
      "a dump instead (/config_dump?include_eds, or heddle compile -o json), - for standard input",
    );
  addFilters(command);
  command
    .option("--level <levels>", "log: set it, for all or for some: debug, or http:debug,tls:info")
    .option("-r, --reset", `log: set it back to ${DEFAULT_LEVEL} for all`)
    .addOption(new Option("-o, --output <form>").choices(OUTPUTS).default("table"));
  command.addOption(stateOption());
  command.addHelpText(
    "after",
    "\nExample: heddle proxy-config routes web --name 80; heddle pc endpoints web --status UNHEALTHY",
  );
  command.action((type: string, workload: string | undefined, other: string | undefined, options: ProxyConfigOptions) =>
    run(configType(type), workload, other, options),
  );
}

function configType(text: string): ConfigType {
  const types = Object.entries(TYPES) as [ConfigType, readonly string[]][];
  const found = types.find(([, names]) => names.includes(text));
  if (found) return found[0];
  const near = nearest(
    text,
    types.flatMap(([, names]) => names.filter((name) => name.length > 2)),
  );
  throw new Failure(`no type of configuration: ${JSON.stringify(text)}`, {
    hint: near ?? `one of ${Object.keys(TYPES).join(", ")}`,
    exit: EXIT.usage,
  });
}

async function run(
  type: ConfigType,
  workload: string | undefined,
  other: string | undefined,
  options: ProxyConfigOptions,
): Promise<void> {
  if (type === "rootca-compare") return compareRoots(workload, other, options);
  if (other !== undefined)
    throw new Failure(`one workload is enough: ${JSON.stringify(other)}`, {
      hint: "heddle proxy-config rootca-compare compares two",
      exit: EXIT.usage,
    });
  return proxyConfig(type, workload, options);
}

async function compareRoots(
  one: string | undefined,
  other: string | undefined,
  { state, namespace }: ProxyConfigOptions,
): Promise<void> {
  if (one === undefined || other === undefined)
    throw new Failure("which two are compared?", {
      hint: "heddle proxy-config rootca-compare WORKLOAD WORKLOAD",
      exit: EXIT.usage,
    });
  const dumpOf = (name: string) => adminDump(adminOf(name, state, namespace));
  await print(comparedRoots(one, other, [await dumpOf(one), await dumpOf(other)]));
}

async function proxyConfig(type: ConfigType, workload: string | undefined, options: ProxyConfigOptions): Promise<void> {
  const admin = adminAddress(workload, options);
  const isTable = options.output === "table" || options.output === "short";
  if (type === "log") return logLevels(required(admin, "levels are a running proxy's"), options);
  if (type === "envoy-stats") {
    const { type: wanted, ...rest } = options;
    withoutFilters(rest);
    return print(await statsText(required(admin, "statistics are a running proxy's"), wanted, options.output));
  }
  if (options.output === "prom")
    throw new Failure("--output prom is of statistics", { hint: "heddle proxy-config envoy-stats", exit: EXIT.usage });
  const dump = admin ? await adminDump(admin) : await fileDump(options.file!);
  if (type === "bootstrap") return printBootstrap(dump, options);
  if (type === "all" && !isTable) return printWhole(dump, options);
  const clusters = admin && (type === "endpoint" || type === "all") ? await adminClusters(admin) : undefined;
  const tables = filtered(tablesOf(type, dump, clusters), options);
  if (!isTable) return print(valueText(resourcesIn(tables), options.output));
  const shown = tables.filter(({ rows }) => rows.length > 0);
  if (shown.length === 0) return printError(nothingText(options));
  await print(
    shown
      .map(({ columns, rows }) =>
        renderTable(
          columns,
          rows.map(({ cells }) => cells),
        ),
      )
      .join("\n\n"),
  );
}

/** Undefined: a dump is read. */
function adminAddress(
  workload: string | undefined,
  { admin, proxyAdminPort, file, state, namespace }: ProxyConfigOptions,
): AdminAddress | undefined {
  const own = proxyAdminPort === undefined ? undefined : `127.0.0.1:${proxyAdminPort}`;
  // istioctl's form has both: the port is the workload's.
  const given = [workload ?? own, admin, file].filter((value) => value !== undefined);
  if (given.length !== 1)
    throw new Failure(
      given.length === 0 ? "whose configuration?" : "a workload, --admin and --file exclude each other",
      {
        hint: "heddle proxy-config cluster WORKLOAD, or --admin HOST:PORT, or --file DUMP",
        exit: EXIT.usage,
      },
    );
  if (admin !== undefined) return { address: admin, node: undefined };
  const found = workload === undefined ? undefined : adminOf(workload, state, namespace);
  return own === undefined ? found : { address: own, node: found?.node };
}

function required(admin: AdminAddress | undefined, why: string): AdminAddress {
  if (admin) return admin;
  throw new Failure(`a file has none of this: ${why}`, { exit: EXIT.usage });
}

async function fileDump(path: string): Promise<ProxyDump> {
  const [file] = await readFiles([path]);
  const { content = "", name = path } = file ?? {};
  return readDump(typeof content === "string" ? content : new TextDecoder().decode(content), name);
}

function nothingText(options: ProxyConfigOptions): string {
  const text = filterText(options);
  return text === "" ? "nothing of that kind" : `nothing of that kind with ${text}`;
}

/** Envoy's. */
const DEFAULT_LEVEL = "warning";
const LEVELS = ["trace", "debug", "info", "warning", "error", "critical", "off"];

/** Envoy sets levels by POST, and shows them by it too. */
async function logLevels(admin: AdminAddress, options: ProxyConfigOptions): Promise<void> {
  withoutFilters(options);
  if (options.reset && options.level !== undefined)
    throw new Failure("--level and --reset exclude each other", { exit: EXIT.usage });
  const level = options.reset ? DEFAULT_LEVEL : options.level?.split(",").map(knownLevel).join(",");
  const query = level === undefined ? "" : level.includes(":") ? `?paths=${level}` : `?level=${level}`;
  const page = await adminPage(admin, `/logging${query}`, "POST");
  if (options.output === "table" || options.output === "short") return print(page.trimEnd());
  await print(valueText({ loggers: loggersOf(page) }, options.output));
}

/** `  http: warning`, below the line of what they are. */
function loggersOf(page: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...page.matchAll(/^ +(\S+): (\S+)$/gm)].map(([, logger = "", level = ""]) => [logger, level]),
  );
}

/** `debug`, `http:debug`; as Envoy spells it. */
function knownLevel(text: string, _: number, all: readonly string[]): string {
  const [, scope = "", written = ""] = /^(?:([^:]+):)?([^:]*)$/.exec(text.trim()) ?? [];
  const level = written.toLowerCase() === "warn" ? "warning" : written.toLowerCase();
  if (!LEVELS.includes(level))
    throw new Failure(`--level is none of ${LEVELS.join(", ")}: ${JSON.stringify(text)}`, {
      hint: nearest(level, LEVELS) ?? "--level debug, or --level http:debug,tls:info",
      exit: EXIT.usage,
    });
  if (scope !== "") return `${scope}:${level}`;
  if (all.length === 1) return level;
  throw new Failure(`--level of what? ${JSON.stringify(text)}`, { hint: `--level http:${level}`, exit: EXIT.usage });
}

function withoutFilters(options: ProxyConfigOptions): void {
  const [wrong] = givenIn(options);
  if (wrong) throw new Failure(`--${wrong} chooses rows of tables, and this is none`, { exit: EXIT.usage });
}

async function printBootstrap({ bootstrap }: ProxyDump, options: ProxyConfigOptions): Promise<void> {
  withoutFilters(options);
  if (!bootstrap) throw new Failure("there is no bootstrap in it", { exit: EXIT.data });
  await print(valueText({ bootstrap }, options.output));
}

/** As istioctl: what --file takes. */
async function printWhole({ whole }: ProxyDump, options: ProxyConfigOptions): Promise<void> {
  withoutFilters(options);
  await print(valueText(whole, options.output));
}

function tablesOf(type: ConfigType, dump: ProxyDump, clusters: Json | undefined): readonly ProxyTable[] {
  const endpoints = () => (clusters ? endpointTable(clusters) : assignmentTable(dump));
  switch (type) {
    case "cluster":
      return [clusterTable(dump)];
    case "listener":
      return [listenerTable(dump)];
    case "route":
      return [routeTable(dump)];
    case "endpoint":
      return [endpoints()];
    case "eds":
      return [assignmentTable(dump)];
    case "ecds":
      return [extensionTable(dump)];
    case "secret":
      return [secretTable(dump, Date.now())];
    default:
      return [
        clusterTable(dump),
        listenerTable(dump),
        routeTable(dump),
        endpoints(),
        secretTable(dump, Date.now()),
        extensionTable(dump),
      ];
  }
}

function resourcesIn(tables: readonly ProxyTable[]): readonly Json[] {
  return [...new Set(tables.flatMap(({ rows }) => rows.map(({ resource }) => resource)))];
}

function valueText(value: unknown, output: ProxyConfigOptions["output"]): string {
  return output === "yaml" ? yamlText(value) : JSON.stringify(value, null, 2);
}

function yamlText(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}
