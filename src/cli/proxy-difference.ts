// `heddle proxy-status NAME`: whether a proxy runs what the control plane would have it run, type by type.

import type { ProxyConfiguration, ProxyStatus, State } from "../admin/api.ts";
import { CONFIGURATION_KINDS } from "../admin/sources.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { decodeResource, encodeResource, type Resource } from "../xds/resource.ts";
import type { ResourceKind } from "../xds/type-urls.ts";
import { differencesOf, type KindDifference, type WantedResources } from "./configuration-difference.ts";
import { fetchAdmin, type MeshOptions } from "./mesh-status.ts";
import { readFiles } from "./object-files.ts";
import { adminDump, adminOf } from "./proxy-admin.ts";
import { type ProxyDump, readDump } from "./proxy-dump.ts";
import type { Style } from "./terminal.ts";
import { workloadCalled } from "./workload-name.ts";

export interface DifferenceOptions extends MeshOptions {
  readonly namespace: string;
  readonly admin?: string;
  readonly file?: string;
}

/** Undefined `name`: whoever the dump is of. Throws a Failure when the two cannot be compared. */
export async function proxyDifferences(
  { proxies }: State,
  name: string | undefined,
  options: DifferenceOptions,
): Promise<{ readonly proxy: ProxyStatus; readonly kinds: readonly KindDifference[] }> {
  const given = await givenDump(options);
  const proxy = proxyNamed(proxies, name ?? ownerOf(given), options.namespace);
  const wanted = await wantedOf(proxy, options);
  if (given?.endpoints.length === 0 && wanted.eds.size > 0)
    throw new Failure("the dump tells no endpoints", {
      hint: "the JSON of /config_dump?include_eds",
      exit: EXIT.data,
    });
  const dump = given ?? (await adminDump(adminOf(`${proxy.namespace}/${proxy.name}`, options.state)));
  return { proxy, kinds: differencesOf(wanted, dump) };
}

async function givenDump({ admin, file }: DifferenceOptions): Promise<ProxyDump | undefined> {
  if (admin !== undefined && file !== undefined)
    throw new Failure("--admin and --file exclude each other", { exit: EXIT.usage });
  if (admin !== undefined) return adminDump({ address: admin, node: undefined });
  if (file === undefined) return undefined;
  const [read] = await readFiles([file]);
  return readDump(Buffer.from(read?.content ?? "").toString(), read?.name ?? file);
}

/** `sidecar~127.0.0.1~web-1.shop~shop.svc.cluster.local` says it. */
function ownerOf(dump: ProxyDump | undefined): string {
  const { id = "" } = (dump?.bootstrap?.node ?? {}) as { readonly id?: string };
  const owner = id.split("~")[2];
  if (owner) return owner;
  throw new Failure("whose configuration is it?", { hint: "heddle proxy-status NAME --file DUMP", exit: EXIT.usage });
}

/** Of a Pod, of what owns it, or of its app. */
function proxyNamed(proxies: readonly ProxyStatus[], text: string, namespace: string): ProxyStatus {
  const namesOf = ({ namespace: of, name, workload, app }: ProxyStatus) => ({
    namespace: of,
    names: [name, workload, app],
  });
  const found = workloadCalled(proxies, namesOf, text, namespace);
  if (found) return found;
  const known = proxies
    .map(namesOf)
    .flatMap(({ namespace: of, names }) =>
      names.flatMap((one) => [...(of === namespace ? [one] : []), `${of}/${one}`, `${one}.${of}`]),
    );
  const pods = proxies.map(({ namespace: of, name }) => `${of}/${name}`);
  const few = pods.length > 0 && pods.length <= 10 ? `one of ${pods.join(", ")}` : "heddle proxy-status";
  throw new Failure(`no proxy ${text} has registered`, {
    hint: nearest(text, known) ?? few,
  });
}

async function wantedOf({ id }: ProxyStatus, options: MeshOptions): Promise<WantedResources> {
  const told = await Promise.all(
    CONFIGURATION_KINDS.map(async (kind) => {
      const path = `/api/v1/configuration?proxy=${encodeURIComponent(id)}&kind=${kind}`;
      return [kind, (await fetchAdmin(options, path)) as ProxyConfiguration] as const;
    }),
  );
  if (told.some(([, { connected }]) => !connected))
    throw new Failure("the proxy is not connected: nobody knows what it would ask for", {
      hint: "heddle compile shows what a workload's proxy would get",
    });
  const entries = told.map(([kind, { resources }]) => [
    kind,
    new Map(resources.map(({ name, bytes }) => [name, resourceOf(kind, bytes)])),
  ]);
  return Object.fromEntries(entries) as WantedResources;
}

/** Encoded again, as the dump's are: so that equal messages have equal versions. */
function resourceOf(kind: ResourceKind, base64: string): Resource {
  return encodeResource(kind, decodeResource(kind, Buffer.from(base64, "base64")));
}

export function differencesText(kinds: readonly KindDifference[], style: Style): string {
  return kinds.map((kind) => kindText(kind, style)).join("\n");
}

function kindText({ title, differences }: KindDifference, style: Style): string {
  if (differences.length === 0) return style.green(`${title} Match`);
  const count = `${differences.length} ${differences.length === 1 ? "differs" : "differ"}`;
  const parts = differences.flatMap(({ name, kind, diff }) => [
    `--- ${kind === "extra" ? "/dev/null" : `control plane: ${name}`}`,
    `+++ ${kind === "missing" ? "/dev/null" : `proxy: ${name}`}`,
    ...diff.split("\n").map((line) => painted(line, style)),
  ]);
  return [style.red(`${title} Don't Match (${count})`), ...parts].join("\n");
}

function painted(line: string, style: Style): string {
  if (line.startsWith("+")) return style.green(line);
  if (line.startsWith("-")) return style.red(line);
  return line.startsWith("@@") ? style.cyan(line) : line;
}
