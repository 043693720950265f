// The kubeconfig file, as kubectl reads it: several files merged, a context that names a cluster and a user, and the ways a
// user can be authenticated. https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { EXIT, Failure } from "../../base/failure.ts";
import { nearest } from "../../base/nearest.ts";
import { isJsonArray, isJsonObject, type Json, type JsonObject } from "../json.ts";
import { ANONYMOUS, type ClientTls, type Credentials, type KubeConnection } from "./connection.ts";
import { ExecCredentials, readExecConfig } from "./exec-credentials.ts";

/** A named entry, with the folder that its relative paths start from. */
interface Entry {
  readonly value: JsonObject;
  readonly folder: string;
  readonly file: string;
}

interface Kubeconfig {
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
  readonly contexts: ReadonlyMap<string, Entry>;
  readonly currentContext: string;
}

export interface KubeconfigOptions {
  /** A file; else those of $KUBECONFIG, else ~/.kube/config. */
  readonly file?: string;
  /** Else the current context of the files. */
  readonly context?: string;
}

function bad(message: string, hint?: string): Failure {
  return new Failure(message, { exit: EXIT.data, ...(hint === undefined ? {} : { hint }) });
}

/** The files that count, whether they exist or not. */
export function kubeconfigFiles(file?: string): readonly string[] {
  if (file !== undefined) return [file];
  const listed = (process.env.KUBECONFIG ?? "").split(delimiter).filter((path) => path !== "");
  return listed.length > 0 ? listed : [join(homedir(), ".kube", "config")];
}

function readFile(file: string): JsonObject {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new Failure(`cannot read the kubeconfig ${file}: ${Failure.from(cause).message}`, { exit: EXIT.data, cause });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw bad(`the kubeconfig ${file}:${line}:${col} is not valid YAML: ${error.message}`);
  }
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (value === null) return {};
  if (!isJsonObject(value)) throw bad(`the kubeconfig ${file} is not a mapping`);
  return value;
}

function entriesOf(
  config: JsonObject,
  list: string,
  field: string,
  file: string,
): readonly (readonly [string, Entry])[] {
  const items = config[list] ?? [];
  if (!isJsonArray(items)) throw bad(`the kubeconfig ${file}: ${list} must be a list`);
  return items.map((item, index) => {
    const value = isJsonObject(item) ? (item[field] ?? {}) : undefined;
    if (!isJsonObject(item) || typeof item.name !== "string" || !isJsonObject(value)) {
      throw bad(`the kubeconfig ${file}: ${list}[${index}] must have a name and a ${field}`);
    }
    return [item.name, { value, folder: dirname(resolve(file)), file }] as const;
  });
}

/** Merged as kubectl does: whichever file names something first has it. */
function readKubeconfig(files: readonly string[]): Kubeconfig {
  const configs = files.map((file) => ({ file, config: readFile(file) }));
  const merged = (list: string, field: string) =>
    new Map(configs.flatMap(({ file, config }) => entriesOf(config, list, field, file)).reverse());
  const current = configs
    .map(({ config }) => config["current-context"])
    .find((name) => typeof name === "string" && name !== "");
  return {
    clusters: merged("clusters", "cluster"),
    users: merged("users", "user"),
    contexts: merged("contexts", "context"),
    currentContext: typeof current === "string" ? current : "",
  };
}

function entry(kind: string, entries: ReadonlyMap<string, Entry>, name: string, files: readonly string[]): Entry {
  const found = entries.get(name);
  if (found) return found;
  const guess = nearest(name, entries.keys());
  throw bad(
    `the kubeconfig ${files.join(", ")} has no ${kind} ${JSON.stringify(name)}`,
    guess === undefined
      ? `it has: ${[...entries.keys()].join(", ") || "none"}`
      : `did you mean ${JSON.stringify(guess)}?`,
  );
}

function textOf({ value }: Entry, field: string): string | undefined {
  const found: Json | undefined = value[field];
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** A text given in place as base64 (`field-data`) or as the path of a file (`field`). */
function pem(source: Entry, field: string): string | undefined {
  const data = textOf(source, `${field}-data`);
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  const path = textOf(source, field);
  if (path === undefined) return undefined;
  try {
    return readFileSync(resolve(source.folder, path), "utf8");
  } catch (cause) {
    throw bad(`the kubeconfig ${source.file}: ${field} cannot be read: ${Failure.from(cause).message}`);
  }
}

function present<T extends object>(fields: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

function tlsOf(cluster: Entry, user: Entry): ClientTls {
  const insecure = cluster.value["insecure-skip-tls-verify"] === true;
  return present({
    ca: pem(cluster, "certificate-authority"),
    serverName: textOf(cluster, "tls-server-name"),
    cert: pem(user, "client-certificate"),
    key: pem(user, "client-key"),
    rejectUnauthorized: insecure ? false : undefined,
  });
}

function impersonation(user: Entry): Readonly<Record<string, string>> {
  if (user.value["as-groups"] !== undefined || user.value["as-user-extra"] !== undefined) {
    throw bad(
      `the kubeconfig ${user.file}: as-groups and as-user-extra are not supported`,
      "impersonate a user alone, with `as`",
    );
  }
  const as = textOf(user, "as");
  return as === undefined ? {} : { "impersonate-user": as };
}

function credentialsOf(user: Entry, cluster: Entry): KubeConnection["credentials"] {
  const extra = impersonation(user);
  const authorized = (authorization: string): Credentials => ({ headers: { ...extra, authorization } });
  const { value } = user;
  if (value["auth-provider"] !== undefined) {
    throw bad(
      `the kubeconfig ${user.file}: auth-provider is not supported`,
      "use an exec credential plugin, as Kubernetes 1.26 does",
    );
  }
  const token = textOf(user, "token");
  const tokenFile = textOf(user, "tokenFile");
  // The file counts before the text: it is the one that is renewed.
  if (tokenFile !== undefined)
    return async () => authorized(`Bearer ${readFileSync(resolve(user.folder, tokenFile), "utf8").trim()}`);
  if (token !== undefined) return async () => authorized(`Bearer ${token}`);
  const name = textOf(user, "username");
  if (name !== undefined) {
    const basic = Buffer.from(`${name}:${textOf(user, "password") ?? ""}`).toString("base64");
    return async () => authorized(`Basic ${basic}`);
  }
  if (value.exec !== undefined) {
    const plugin = new ExecCredentials(readExecConfig(value.exec, user.file, user.folder), cluster.value);
    return async (rejected) => {
      const { headers, ...rest } = await plugin.get(rejected);
      return { ...rest, headers: { ...extra, ...headers } };
    };
  }
  return async () => ({ ...ANONYMOUS, headers: extra });
}

/** The connection that a kubeconfig describes. Throws a Failure that names the file and what is missing in it. */
export function kubeconfigConnection(options: KubeconfigOptions = {}): KubeConnection {
  const wanted = kubeconfigFiles(options.file);
  const files = options.file === undefined ? wanted.filter((file) => existsSync(file)) : wanted;
  if (files.length === 0) throw bad(`there is no kubeconfig: ${wanted.join(", ")}`, "set KUBECONFIG, or name a file");
  const config = readKubeconfig(files);
  const contextName = options.context ?? config.currentContext;
  if (contextName === "") throw bad(`the kubeconfig ${files.join(", ")} has no current-context`, "name a context");
  const context = entry("context", config.contexts, contextName, files);
  const cluster = entry("cluster", config.clusters, textOf(context, "cluster") ?? "", files);
  const userName = textOf(context, "user");
  const user = userName === undefined ? { ...context, value: {} } : entry("user", config.users, userName, files);
  const server = textOf(cluster, "server");
  if (server === undefined || !URL.canParse(server)) {
    throw bad(
      `the kubeconfig ${cluster.file}: the cluster of context ${JSON.stringify(contextName)} has no valid server URL`,
    );
  }
  const proxy = textOf(cluster, "proxy-url");
  return {
    server: server.replace(/\/+$/, ""),
    namespace: textOf(context, "namespace") ?? "default",
    tls: tlsOf(cluster, user),
    ...(proxy === undefined ? {} : { proxy }),
    credentials: credentialsOf(user, cluster),
    fetch: (url, request) => fetch(url, request),
  };
}
