// The way from a command to the Kubernetes API of the control plane: which one, and what to say when it is not there.

import { Option } from "commander";
import { Failure } from "../base/failure.ts";
import { fetchProblem } from "../base/fetch-problem.ts";
import { KubeClient } from "../kube/client/client.ts";
import { type ConnectionRequest, type KubeConnection, plainConnection } from "../kube/client/connection.ts";
import { readNote, stateFolder } from "./state-folder.ts";
import { printError } from "./terminal.ts";
import { name, serverUrl } from "./values.ts";

export const DEFAULT_SERVER = "http://127.0.0.1:15030";

/** Owns the fields that people write with this program. */
const FIELD_MANAGER = "heddle";

const CONNECT_TIMEOUT_MS = 5_000;

export interface ApiOptions {
  readonly server?: string;
  readonly state?: string;
}

/** Options of every command that talks to the API. */
export function apiOptions(): readonly Option[] {
  return [
    new Option("--server <url>", "the Kubernetes API of the control plane (default: the one that runs here)")
      .env("HEDDLE_SERVER")
      .argParser(serverUrl("--server")),
    stateOption(),
  ];
}

export function namespaceOption(): Option {
  return new Option("-n, --namespace <name>", "namespace of what names none")
    .default("default")
    .argParser(name("--namespace"));
}

export function stateOption(): Option {
  return new Option("--state <folder>", "state folder of the control plane (default: $HEDDLE_STATE or ~/.heddle)");
}

export function serverOf({ server, state }: ApiOptions): string {
  return server ?? readNote(stateFolder(state))?.api ?? DEFAULT_SERVER;
}

export interface Api {
  readonly server: string;
  readonly connection: KubeConnection;
  readonly client: KubeClient;
}

/** Rejects with a Failure when nothing answers. */
export async function openApi(options: ApiOptions, fieldManager = FIELD_MANAGER): Promise<Api> {
  const connection = { ...plainConnection(serverOf(options)), fetch: fetchAndWarn };
  const { server } = connection;
  try {
    const response = await fetch(`${server}/version`, { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    await response.arrayBuffer();
    if (!response.ok) throw new Failure(`${server} answers ${response.status}: it is no Kubernetes API`, wrongServer);
  } catch (thrown) {
    throw thrown instanceof Failure ? thrown : unreachable(server, thrown);
  }
  return { server, connection, client: new KubeClient(connection, fieldManager) };
}

/** Of an object that a folder holds, too: the code of dialect/diagnostics. What else the API warns of, the commands say themselves. */
const OVERRULED = "[HED1027]";

/** Shows what the API warns of at a write (`Warning: 299 - "…"`, RFC 7234, 5.5), as kubectl does. */
async function fetchAndWarn(url: string, request: ConnectionRequest): Promise<Response> {
  const response = await fetch(url, request);
  for (const [, quoted = ""] of (response.headers.get("warning") ?? "").matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)) {
    const text = quoted.replaceAll(/\\(.)/g, "$1");
    if (text.includes(OVERRULED)) await printError(`warning: ${text}`);
  }
  return response;
}

const wrongServer = { hint: "name the control plane's API with --server" } as const;

/** A cluster's API server asks for credentials that no command here has. */
const NO_TLS =
  "the API of `heddle up` is http://; objects of a cluster are analyzed as files: kubectl get vs,dr,services,pods -A -o yaml | heddle analyze -";

function unreachable(server: string, cause: unknown): Failure {
  return new Failure(`cannot reach the control plane at ${server}: ${fetchProblem(cause)}`, {
    hint: server.startsWith("https:") ? NO_TLS : "start it with `heddle up`, or name another with --server",
    cause,
  });
}
