// `heddle proxy-config`: what a proxy runs with, by its own word or out of a dump, in istioctl's columns.

import { Argument, type Command, Option } from "commander";
import { stringify } from "yaml";
import { EXIT, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { stateOption } from "./api-client.ts";
import { listenerTable } from "./listener-table.ts";
import { readFiles } from "./object-files.ts";
import { type AdminAddress, adminClusters, adminDump, adminOf, adminPage } from "./proxy-admin.ts";
import { type Json, type ProxyDump, readDump } from "./proxy-dump.ts";
import {
  assignmentTable,
  clusterTable,
  endpointTable,
  type ProxyRow,
  type ProxyTable,
  routeTable,
  secretTable,
} from "./proxy-table.ts";
import { print, printError, renderTable } from "./terminal.ts";

/** With istioctl's short names. */
const TYPES = {
  cluster: ["cluster", "clusters", "c"],
  listener: ["listener", "listeners", "l"],
  route: ["route", "routes", "r"],
  endpoint: ["endpoint", "endpoints", "ep"],
  secret: ["secret", "secrets", "s"],
  bootstrap: ["bootstrap", "b"],
  log: ["log", "o"],
  all: ["all", "a"],
} as const;
type ConfigType = keyof typeof TYPES;

/** Filters by the columns that they look at, whichever tables have them. */
const FILTERS = {
  fqdn: ["service fqdn"],
  port: ["port"],
  subset: ["subset"],
  direction: ["direction"],
  address: ["addresses"],
  cluster: ["cluster"],
  status: ["status"],
  name: ["name", "resource name"],
} as const;
type Filter = keyof typeof FILTERS;

const OUTPUTS = ["table", "json", "yaml"] as const;

interface ProxyConfigOptions extends Partial<Readonly<Record<Filter, string>>> {
  readonly admin?: string;
  readonly file?: string;
  readonly state?: string;
  readonly level?: string;
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
    .option("--admin <address>", "the proxy's admin interface, HOST:PORT")
    .option(
      "-f, --file <file>",
      "a dump instead (/config_dump?include_eds, or heddle compile -o json), - for standard input",
    )
    .option("--fqdn <host>", "clusters of the service")
    .option("--port <port>", "clusters, listeners")
    .option("--subset <name>", "clusters")
    .option("--direction <direction>", "clusters: inbound or outbound")
    .option("--address <address>", "listeners")
    .option("--cluster <name>", "endpoints of it")
    .option("--status <status>", "endpoints: HEALTHY, UNHEALTHY, …; secrets: ACTIVE, WARMING")
    .option("--name <name>", "route configurations, secrets")
    .option("--level <level>", "log: set it, for all or for some: debug, or http:debug,tls:info")
    .addOption(new Option("-o, --output <form>").choices(OUTPUTS).default("table"));
  command.addOption(stateOption());
  command.addHelpText(
    "after",
    "\nExample: heddle proxy-config routes web --name 80; heddle pc endpoints web --status UNHEALTHY",
  );
  command.action((type: string, workload: string | undefined, options: ProxyConfigOptions) =>
    proxyConfig(configType(type), workload, options),
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

async function proxyConfig(type: ConfigType, workload: string | undefined, options: ProxyConfigOptions): Promise<void> {
  const admin = adminAddress(workload, options);
  if (type === "log") return logLevels(required(admin, "levels are a running proxy's"), options.level);
  const dump = admin ? await adminDump(admin) : await fileDump(options.file!);
  if (type === "bootstrap") return printBootstrap(dump, options.output);
  const clusters = admin && (type === "endpoint" || type === "all") ? await adminClusters(admin) : undefined;
  const tables = tablesOf(type, dump, clusters).map((table) => filtered(table, options));
  if (options.output !== "table") return print(resourcesText(tables, options.output));
  const shown = tables.filter(({ rows }) => rows.length > 0);
  if (shown.length === 0) return printError("nothing of that kind");
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
  { admin, file, state }: ProxyConfigOptions,
): AdminAddress | undefined {
  const given = [workload, admin, file].filter((value) => value !== undefined);
  if (given.length !== 1)
    throw new Failure(
      given.length === 0 ? "whose configuration?" : "a workload, --admin and --file exclude each other",
      {
        hint: "heddle proxy-config cluster WORKLOAD, or --admin HOST:PORT, or --file DUMP",
        exit: EXIT.usage,
      },
    );
  if (admin !== undefined) return { address: admin, node: undefined };
  return workload === undefined ? undefined : adminOf(workload, state);
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

/** Envoy sets levels by POST, and shows them by it too. */
async function logLevels(admin: AdminAddress, level: string | undefined): Promise<void> {
  const query = level === undefined ? "" : level.includes(":") ? `?paths=${level}` : `?level=${level}`;
  await print((await adminPage(admin, `/logging${query}`, "POST")).trimEnd());
}

async function printBootstrap({ bootstrap }: ProxyDump, output: ProxyConfigOptions["output"]): Promise<void> {
  if (!bootstrap) throw new Failure("there is no bootstrap in it", { exit: EXIT.data });
  await print(output === "yaml" ? yamlText({ bootstrap }) : JSON.stringify({ bootstrap }, null, 2));
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
    case "secret":
      return [secretTable(dump, Date.now())];
    default:
      return [clusterTable(dump), listenerTable(dump), routeTable(dump), endpoints(), secretTable(dump, Date.now())];
  }
}

/** A filter that no column of the table answers to leaves it as it is. */
function filtered({ columns, rows }: ProxyTable, options: ProxyConfigOptions): ProxyTable {
  const wanted = (Object.keys(FILTERS) as Filter[]).flatMap((filter) => {
    const column = columns.findIndex((name) => (FILTERS[filter] as readonly string[]).includes(name));
    const value = options[filter]?.toLowerCase();
    return value === undefined || column < 0 ? [] : [{ column, value }];
  });
  const fits = ({ cells }: ProxyRow) => wanted.every(({ column, value }) => cells[column]?.toLowerCase() === value);
  return { columns, rows: rows.filter(fits) };
}

function resourcesText(tables: readonly ProxyTable[], output: "json" | "yaml"): string {
  const resources = [...new Set(tables.flatMap(({ rows }) => rows.map(({ resource }) => resource)))];
  return output === "yaml" ? yamlText(resources) : JSON.stringify(resources, null, 2);
}

function yamlText(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}
