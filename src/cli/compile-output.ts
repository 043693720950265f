// What `heddle compile` writes: the resources of one proxy as `/config_dump` shows them, in the order in which they are sent, and beside each
// the objects, files and lines that it came from.

import type { JsonObject } from "@bufbuild/protobuf";
import { stringify } from "yaml";
import { Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import type { Source } from "../compile/provenance.ts";
import { sourcesOf } from "../compile/proxy-snapshot.ts";
import { staticBootstrap } from "../compile/static-bootstrap.ts";
import { identityText } from "../model/identity.ts";
import type { SourceMap } from "../model/source-map.ts";
import { shownBytes } from "../proxy/admin/config-section.ts";
import { envoyRegistry } from "../xds/envoy-types.ts";
import type { Resource } from "../xds/resource.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { RESOURCE_TYPES, type ResourceKind, SEND_ORDER } from "../xds/type-urls.ts";
import type { OfflineCompilation } from "./offline-compilation.ts";

export const COMPILE_OUTPUTS = ["yaml", "json", "bootstrap"] as const;
export type CompileOutput = (typeof COMPILE_OUTPUTS)[number];

/** An object that shaped a resource, and the place in it; without a file when options described it. */
interface ShownSource {
  readonly object: string;
  readonly path?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

interface ShownResource {
  readonly name: string;
  readonly version: string;
  /** The one that shaped it most first; empty for what every proxy has. */
  readonly sources: readonly ShownSource[];
  /** Of its message, with `@type`; secrets are redacted. */
  readonly resource: JsonObject;
}

type ResourceSection = Readonly<Partial<Record<ResourceKind, readonly ShownResource[]>>>;

interface CompiledConfiguration {
  readonly workload: {
    readonly namespace: string;
    readonly name: string;
    readonly proxy: string;
    readonly gateway: boolean;
    readonly identity: string;
    readonly labels: Readonly<Record<string, string>>;
    /** The files hold no such workload. */
    readonly described: boolean;
  };
  readonly version: string;
  /** Keys stand in the order in which the types are sent. */
  readonly resources: ResourceSection;
}

/** What the command line says of the output; a bootstrap is always whole. */
export interface OutputOptions {
  readonly output: CompileOutput;
  readonly type?: readonly ResourceKind[] | undefined;
  /** `*` stands for anything. */
  readonly name?: string | undefined;
}

/** Which resources are shown. */
interface Selection {
  readonly kinds: readonly ResourceKind[];
  readonly matches: (name: string) => boolean;
}

function shownSource({ origin, path }: Source, sources: SourceMap): ShownSource {
  const span = sources.span(origin, path);
  return {
    object: `${origin.kind} ${origin.namespace}/${origin.name}`,
    ...(path === "" ? {} : { path }),
    ...(span ? { file: span.file, line: span.line, column: span.column } : {}),
  };
}

/** Several parts of a resource may have come from one place. */
function distinctSources(sources: readonly ShownSource[]): readonly ShownSource[] {
  return [...new Map(sources.map((source) => [`${source.object} ${source.path ?? ""}`, source])).values()];
}

function shownResource(
  { snapshot, sources }: OfflineCompilation,
  { kind, name, version, bytes }: Resource,
): ShownResource {
  const from = sourcesOf(snapshot, kind, name).map((source) => shownSource(source, sources));
  return {
    name,
    version,
    sources: distinctSources(from),
    resource: shownBytes(RESOURCE_TYPES[kind].schema, bytes, envoyRegistry()) as JsonObject,
  };
}

function compiledConfiguration(compiled: OfflineCompilation, { kinds, matches }: Selection): CompiledConfiguration {
  const { workload, described, snapshot } = compiled;
  const { namespace, name, proxy, identity, labels } = workload;
  const sections = SEND_ORDER.filter((kind) => kinds.includes(kind)).map((kind) => {
    const wanted = [...resourcesOf(snapshot, kind).values()].filter((resource) => matches(resource.name));
    return [kind, wanted.map((resource) => shownResource(compiled, resource))] as const;
  });
  return {
    workload: {
      namespace,
      name,
      proxy: proxy?.kind ?? "",
      gateway: proxy?.gateway !== undefined,
      identity: identityText(identity),
      labels,
      described,
    },
    version: snapshot.version,
    resources: Object.fromEntries(sections.filter(([, shown]) => shown.length > 0)),
  };
}

function configurationText(configuration: CompiledConfiguration, output: "yaml" | "json"): string {
  if (output === "json") return JSON.stringify(configuration, null, 2);
  return stringify(configuration, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}

/** Without a newline at the end. Throws a Failure, with the nearest name, when nothing is left to show. */
export function outputText(compilation: OfflineCompilation, options: OutputOptions): string {
  const { output } = options;
  if (output === "bootstrap") return JSON.stringify(bootstrapOf(compilation), null, 2);
  const selection = selectionOf(options);
  const configuration = compiledConfiguration(compilation, selection);
  if (Object.keys(configuration.resources).length === 0) throw nothing(compilation, selection, options.name);
  return configurationText(configuration, output);
}

function bootstrapOf({ workload, snapshot }: OfflineCompilation): object {
  return staticBootstrap(snapshot, { node: `${workload.name}.${workload.namespace}`, adminPort: 15_000 });
}

function selectionOf({ type, name: pattern = "*" }: OutputOptions): Selection {
  const parts = pattern.split("*").map((part) => part.replace(/[.|[\]{}()+?^$\\]/g, "\\$&"));
  const regex = new RegExp(`^${parts.join(".*")}$`, "s");
  return { kinds: type ?? SEND_ORDER, matches: (text) => regex.test(text) };
}

function nothing({ snapshot }: OfflineCompilation, { kinds }: Selection, wanted = "*"): Failure {
  const names = kinds.flatMap((kind) => [...resourcesOf(snapshot, kind).keys()]);
  const what = kinds.length === SEND_ORDER.length ? "resource" : `resource of ${kinds.join(", ")}`;
  const near = nearest(wanted, names);
  return new Failure(`the proxy has no ${what}${wanted === "*" ? "" : ` named ${JSON.stringify(wanted)}`}`, {
    ...(near === undefined ? {} : { hint: `--name ${JSON.stringify(near)}` }),
  });
}
