// Credentials from a program that the kubeconfig names: how cloud providers log in (client.authentication.k8s.io).
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins

import { EXIT, Failure } from "../../base/failure.ts";
import { isJsonArray, isJsonObject, type Json, type JsonObject } from "../json.ts";
import type { Credentials } from "./connection.ts";

export interface ExecConfig {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly provideClusterInfo: boolean;
  readonly installHint: string;
  readonly folder: string;
}

/** A plugin may open a browser and wait for a person, but not for ever. */
const TIMEOUT_MS = 120_000;

/** Renewed this long before it expires, so that no request leaves with a token that ends on the way. */
const EARLY_MS = 30_000;

/** Reads `users[].user.exec`; throws a Failure that names the file. */
export function readExecConfig(value: Json, file: string, folder: string): ExecConfig {
  const config = isJsonObject(value) ? value : {};
  const { apiVersion, command, args, env, provideClusterInfo, installHint } = config as {
    readonly [key: string]: Json | undefined;
  };
  if (typeof command !== "string" || command === "") {
    throw new Failure(`the kubeconfig ${file}: users[].user.exec has no command`, { exit: EXIT.data });
  }
  if (apiVersion !== "client.authentication.k8s.io/v1" && apiVersion !== "client.authentication.k8s.io/v1beta1") {
    throw new Failure(
      `the kubeconfig ${file}: users[].user.exec.apiVersion ${JSON.stringify(apiVersion)} is not supported`,
      {
        hint: "use client.authentication.k8s.io/v1 or v1beta1",
        exit: EXIT.data,
      },
    );
  }
  const variables = isJsonArray(env) ? env.filter(isJsonObject) : [];
  return {
    apiVersion,
    command,
    args: isJsonArray(args) ? args.map(String) : [],
    env: Object.fromEntries(variables.map(({ name, value: text }) => [String(name), String(text ?? "")])),
    provideClusterInfo: provideClusterInfo === true,
    installHint: typeof installHint === "string" ? installHint : "",
    folder,
  };
}

function clusterInfo(cluster: JsonObject): JsonObject {
  const names = ["server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url"];
  return Object.fromEntries(
    names.flatMap((name) => (cluster[name] === undefined ? [] : [[name, cluster[name]] as const])),
  );
}

/** Runs one plugin when its credentials are needed, and keeps them while they last. */
export class ExecCredentials {
  readonly #config: ExecConfig;
  readonly #cluster: JsonObject;
  #cached: { readonly credentials: Promise<Credentials>; readonly expires: () => number } | undefined;

  constructor(config: ExecConfig, cluster: JsonObject) {
    this.#config = config;
    this.#cluster = cluster;
  }

  /** The credentials of the last run while they are valid; `rejected` runs the program again. Concurrent callers share a run. */
  get(rejected: boolean): Promise<Credentials> {
    if (this.#cached && !rejected && Date.now() < this.#cached.expires() - EARLY_MS) return this.#cached.credentials;
    let expiry = Number.POSITIVE_INFINITY;
    const credentials = this.#run().then((status) => {
      expiry = Date.parse(String(status.expirationTimestamp ?? "")) || Number.POSITIVE_INFINITY;
      return credentialsOf(status, this.#config.command);
    });
    this.#cached = { credentials, expires: () => expiry };
    credentials.catch(() => {
      this.#cached = undefined;
    });
    return credentials;
  }

  async #run(): Promise<JsonObject> {
    const { command, args, apiVersion, env, installHint, folder } = this.#config;
    const spec = {
      interactive: false,
      ...(this.#config.provideClusterInfo ? { cluster: clusterInfo(this.#cluster) } : {}),
    };
    const info = JSON.stringify({ apiVersion, kind: "ExecCredential", spec });
    try {
      // A path is relative to the kubeconfig, a plain name is looked for in PATH.
      const program = command.includes("/") && !command.startsWith("/") ? `${folder}/${command}` : command;
      const child = Bun.spawn([program, ...args], {
        env: { ...process.env, ...env, KUBERNETES_EXEC_INFO: info },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "inherit",
        timeout: TIMEOUT_MS,
      });
      const output = await new Response(child.stdout).text();
      if ((await child.exited) !== 0) throw new Failure(`it exited with ${child.exitCode ?? child.signalCode}`);
      const parsed: unknown = JSON.parse(output);
      if (isJsonObject(parsed) && parsed.kind === "ExecCredential" && isJsonObject(parsed.status)) return parsed.status;
      throw new Failure("it printed no ExecCredential with a status");
    } catch (cause) {
      throw new Failure(`the credential plugin ${command} failed: ${Failure.from(cause).message}`, {
        ...(installHint === "" ? {} : { hint: installHint.trim() }),
        cause,
      });
    }
  }
}

function credentialsOf(status: JsonObject, command: string): Credentials {
  const { token, clientCertificateData, clientKeyData } = status as { readonly [key: string]: Json | undefined };
  if (typeof clientCertificateData === "string" && typeof clientKeyData === "string") {
    const headers = typeof token === "string" ? { authorization: `Bearer ${token}` } : {};
    return { headers, tls: { cert: clientCertificateData, key: clientKeyData } };
  }
  if (typeof token === "string") return { headers: { authorization: `Bearer ${token}` } };
  throw new Failure(`the credential plugin ${command} gave neither a token nor a client certificate`);
}
