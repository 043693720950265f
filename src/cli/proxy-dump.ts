// What a proxy says of its configuration (envoy.admin.v3.ConfigDump, of either proxy), or `heddle compile` of it, by type of resource.

import { EXIT, Failure } from "../base/failure.ts";
import { parseVirtualHostName } from "../xds/names.ts";

export type Json = Readonly<Record<string, unknown>>;

/** Resources as protobuf's JSON, by the proto's field names. */
export interface ProxyDump {
  /** What it was read from. */
  readonly whole: Json;
  readonly bootstrap: Json | undefined;
  readonly clusters: readonly Json[];
  readonly endpoints: readonly Json[];
  readonly listeners: readonly Json[];
  /** With their virtual hosts, wherever those came from. */
  readonly routes: readonly Json[];
  /** Of these, those that a listener brought along. */
  readonly inlineRoutes: readonly Json[];
  /** Their entries in the dump: a name, a status, the secret. */
  readonly secrets: readonly Json[];
  /** Filters that came by themselves (envoy.config.core.v3.TypedExtensionConfig). */
  readonly extensions: readonly Json[];
}

type Sections = Omit<ProxyDump, "whole">;

interface ConfigDump {
  readonly configs?: readonly (Json & { readonly "@type"?: string })[];
}

/** The document of `heddle compile -o json`. */
interface CompiledDocument {
  readonly resources?: Readonly<Record<string, readonly { readonly name: string; readonly resource: Json }[]>>;
}

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws a Failure for what is neither. */
export function readDump(text: string, where: string): ProxyDump {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Failure(`${where} is not JSON: ${Failure.from(cause).message}`, { exit: EXIT.data, cause });
  }
  if (isJson(value) && Array.isArray(value.configs)) return { whole: value, ...fromConfigDump(value as ConfigDump) };
  if (isJson(value) && isJson(value.resources)) return { whole: value, ...fromCompiled(value as CompiledDocument) };
  throw new Failure(`${where} is no configuration of a proxy`, {
    hint: "the JSON of /config_dump?include_eds, or of `heddle compile -o json`",
    exit: EXIT.data,
  });
}

function fromConfigDump({ configs = [] }: ConfigDump): Sections {
  const section = (type: string): Json => configs.find((config) => config["@type"]?.endsWith(`.${type}`)) ?? {};
  const entries = (type: string, ...lists: readonly string[]): readonly Json[] =>
    lists.flatMap((list) => (section(type)[list] as readonly Json[] | undefined) ?? []);
  const inside = (found: readonly Json[], field: string) => found.map((entry) => entry[field]).filter(isJson);
  const { bootstrap } = section("BootstrapConfigDump");
  const inlineRoutes = inside(entries("RoutesConfigDump", "static_route_configs"), "route_config");
  const listeners = entries("ListenersConfigDump", "static_listeners", "dynamic_listeners");
  const states = listeners.map((entry) => (isJson(entry.active_state) ? entry.active_state : entry));
  return {
    bootstrap: isJson(bootstrap) ? bootstrap : undefined,
    clusters: inside(
      entries("ClustersConfigDump", "static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"),
      "cluster",
    ),
    endpoints: inside(
      entries("EndpointsConfigDump", "static_endpoint_configs", "dynamic_endpoint_configs"),
      "endpoint_config",
    ),
    listeners: inside(states, "listener"),
    routes: [...inlineRoutes, ...inside(entries("RoutesConfigDump", "dynamic_route_configs"), "route_config")],
    inlineRoutes,
    secrets: [
      ...entries("SecretsConfigDump", "static_secrets", "dynamic_active_secrets").map((secret) =>
        state(secret, "ACTIVE"),
      ),
      ...entries("SecretsConfigDump", "dynamic_warming_secrets").map((secret) => state(secret, "WARMING")),
    ],
    extensions: inside(entries("EcdsConfigDump", "ecds_filters"), "ecds_filter"),
  };
}

function state(secret: Json, status: string): Json {
  return { ...secret, state: status };
}

function fromCompiled({ resources = {} }: CompiledDocument): Sections {
  const of = (kind: string) => resources[kind] ?? [];
  const messages = (kind: string) => of(kind).map(({ resource }) => resource);
  const routes = of("rds").map(({ name, resource }) => {
    const own = Array.isArray(resource.virtual_hosts) ? resource.virtual_hosts : [];
    const members = of("vhds").filter((host) => parseVirtualHostName(host.name)?.route === name);
    return { ...resource, virtual_hosts: [...own, ...members.map((host) => host.resource)] };
  });
  return {
    bootstrap: undefined,
    clusters: messages("cds"),
    endpoints: messages("eds"),
    listeners: messages("lds"),
    routes,
    inlineRoutes: [],
    secrets: of("sds").map(({ name, resource }) => ({ name, secret: resource, state: "ACTIVE" })),
    extensions: [],
  };
}
