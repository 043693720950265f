// The admin interface of a proxy: which address it has, and what it says.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { relaySocket } from "../agent/relay.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { fetchProblem } from "../base/fetch-problem.ts";
import { nearest } from "../base/nearest.ts";
import { type Json, type ProxyDump, readDump } from "./proxy-dump.ts";
import { stateFolder, statePaths } from "./state-folder.ts";
import { workloadCalled } from "./workload-name.ts";

const TIMEOUT_MS = 10_000;

/** A proxy that `heddle run` or `heddle gateway` started here. */
interface LocalProxy {
  readonly namespace: string;
  readonly name: string;
  readonly workload: string;
  readonly app: string;
  readonly node: string;
  readonly admin: string;
  readonly socket: string | undefined;
}

interface BootstrapJson {
  readonly node?: { readonly id?: string; readonly metadata?: Readonly<Record<string, unknown>> };
  readonly admin?: { readonly address?: { readonly socket_address?: { address?: string; port_value?: number } } };
}

/** What a sidecar's folder tells; undefined for one that is ending or has just begun. */
function localProxy(folder: string): LocalProxy | undefined {
  try {
    const { node, admin } = JSON.parse(readFileSync(join(folder, "bootstrap.json"), "utf8")) as BootstrapJson;
    const { NAME, NAMESPACE, WORKLOAD_NAME, LABELS } = node?.metadata ?? {};
    const { address = "", port_value: port = 0 } = admin?.address?.socket_address ?? {};
    const socket = relaySocket(folder, port);
    return {
      namespace: String(NAMESPACE),
      name: String(NAME),
      workload: String(WORKLOAD_NAME),
      app: String((LABELS as Readonly<Record<string, unknown>> | undefined)?.["service.istio.io/canonical-name"]),
      node: node?.id ?? "",
      admin: `${address}:${port}`,
      socket: existsSync(socket) ? socket : undefined,
    };
  } catch {
    return undefined;
  }
}

function localProxies(state: string | undefined): readonly LocalProxy[] {
  const { sidecars } = statePaths(stateFolder(state));
  let names: readonly string[] = [];
  try {
    names = readdirSync(sidecars).sort();
  } catch {
    return []; // nothing was ever started with this state folder
  }
  return names.flatMap((name) => localProxy(join(sidecars, name)) ?? []);
}

/** Where a proxy is asked, and who should answer. */
export interface AdminAddress {
  readonly address: string;
  /** Path of the Unix socket that leads to the address, which is in a captured program's own network; undefined: it is in this one. */
  readonly socket?: string | undefined;
  /** Of its node; undefined when the address was given. */
  readonly node: string | undefined;
}

/** `namespace`: of a name alone; undefined: any. `text`: a Pod, what owns it, or its app, `NAME`, `NAMESPACE/NAME` or istioctl's `NAME.NAMESPACE`. Throws a Failure with the nearest name. */
export function adminOf(text: string, state: string | undefined, namespace?: string): AdminAddress {
  const proxies = localProxies(state);
  const namesOf = ({ namespace, name, workload, app }: LocalProxy) => ({ namespace, names: [name, workload, app] });
  const found = workloadCalled(proxies, namesOf, text, namespace);
  if (found) return { address: found.admin, socket: found.socket, node: found.node };
  const known = proxies.map(({ namespace, name }) => `${namespace}/${name}`);
  const names = proxies
    .map(namesOf)
    .flatMap(({ namespace: of, names: own }) =>
      own.flatMap((one) => [...(namespace === undefined ? [one] : []), `${of}/${one}`, `${one}.${of}`]),
    );
  const near = nearest(text, names);
  const all = known.length > 0 && known.length <= 10 ? `one of ${known.join(", ")}; or ` : "";
  throw new Failure(`no proxy of ${text} was started here`, {
    hint: near ?? `${all}name its admin interface with --admin HOST:PORT`,
  });
}

/** The text of a page. Rejects with a Failure when nothing answers, or it refuses. */
export async function adminPage({ address, socket }: AdminAddress, path: string, method = "GET"): Promise<string> {
  let response: Response;
  try {
    const way = socket === undefined ? {} : { unix: socket };
    response = await fetch(`http://${address}${path}`, { method, signal: AbortSignal.timeout(TIMEOUT_MS), ...way });
  } catch (cause) {
    throw new Failure(`no proxy answers at ${address}: ${fetchProblem(cause)}`, {
      hint: "name its admin interface with --admin HOST:PORT",
      cause,
    });
  }
  const body = await response.text();
  if (response.ok) return body;
  // Envoy's next lines are the usage of its own interface.
  const [reason = ""] = body.trim().split("\n");
  throw new Failure(`the proxy at ${address} refuses ${path}: ${reason.replace(/^error: /, "")}`, {
    exit: response.status === 400 ? EXIT.usage : EXIT.failure,
  });
}

/** The proxy's own word, once it is sure that it is that proxy's: another may have the port by now. */
export async function adminDump(admin: AdminAddress): Promise<ProxyDump> {
  const dump = readDump(await adminPage(admin, "/config_dump?include_eds"), `what ${admin.address} says`);
  const { id } = (dump.bootstrap?.node ?? {}) as { readonly id?: string };
  if (admin.node === undefined || admin.node === id) return dump;
  throw new Failure(`another proxy answers at ${admin.address}: ${id ?? "one without a name"}`, {
    hint: "has the proxy ended? `heddle proxy-status` names those that run",
  });
}

export async function adminClusters(admin: AdminAddress): Promise<Json> {
  return JSON.parse(await adminPage(admin, "/clusters?format=json")) as Json;
}
