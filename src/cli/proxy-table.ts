// Tables of `heddle proxy-config`: istioctl's columns.

import { X509Certificate } from "node:crypto";
import { parseClusterName } from "../xds/names.ts";
import { isJson, type Json, type ProxyDump } from "./proxy-dump.ts";

export interface ProxyRow {
  readonly cells: readonly string[];
  /** What `-o json` shows of it; several rows may be of one. */
  readonly resource: Json;
}

export interface ProxyTable {
  readonly columns: readonly string[];
  readonly rows: readonly ProxyRow[];
}

const NONE = "-";

/** `web.shop` of an object's path in filter_metadata.istio.config, when it is of that kind. */
function objectOf(metadata: unknown, kind: string): string {
  const config = (metadata as { filter_metadata?: { istio?: { config?: string } } } | undefined)?.filter_metadata?.istio
    ?.config;
  const [, namespace, found, name] = /\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(config ?? "") ?? [];
  return found === kind ? `${name}.${namespace}` : "";
}

interface ClusterJson {
  readonly name?: string;
  readonly type?: string;
  readonly cluster_type?: { readonly name?: string };
  readonly metadata?: unknown;
}

export function clusterTable({ clusters }: ProxyDump): ProxyTable {
  const rows = clusters.map((resource) => {
    const { name = "", type, cluster_type, metadata } = resource as ClusterJson;
    const parsed = parseClusterName(name);
    const place = parsed
      ? [parsed.host || NONE, String(parsed.port), parsed.subset || NONE, parsed.direction]
      : [name, NONE, NONE, NONE];
    // Envoy leaves out what is a field's default: STATIC.
    const kind = type ?? cluster_type?.name?.replace(/^envoy\.clusters\./, "") ?? "STATIC";
    return { cells: [...place, kind, objectOf(metadata, "destination-rule")], resource };
  });
  return {
    columns: ["service fqdn", "port", "subset", "direction", "type", "destination rule"],
    rows: rows.toSorted((a, b) => compare(a.cells[0]!, b.cells[0]!) || Number(a.cells[1]) - Number(b.cells[1])),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface RouteConfigurationJson {
  readonly name?: string;
  readonly virtual_hosts?: readonly {
    readonly name?: string;
    readonly domains?: readonly string[];
    readonly routes?: readonly { readonly match?: Json; readonly metadata?: unknown }[];
  }[];
}

export function routeTable({ routes }: ProxyDump): ProxyTable {
  const rows = routes.flatMap((resource) => {
    const { name = "", virtual_hosts: hosts = [] } = resource as RouteConfigurationJson;
    return hosts.flatMap(({ name: host = "", domains = [], routes: own = [] }) =>
      own.map(({ match, metadata }) => ({
        cells: [name || NONE, host, domainsText(domains), matchText(match), objectOf(metadata, "virtual-service")],
        resource,
      })),
    );
  });
  return { columns: ["name", "vhost name", "domains", "match", "virtual service"], rows };
}

function domainsText([first = "", ...more]: readonly string[]): string {
  return more.length === 0 ? first : `${first} + ${more.length} more...`;
}

/** `/api*` for a prefix, the path for an exact match, what it is for the others. */
function matchText(match: Json = {}): string {
  const { prefix, path, safe_regex: regex, path_separated_prefix: separated, connect_matcher: connect } = match;
  if (typeof prefix === "string") return `${prefix}*`;
  if (typeof path === "string") return path;
  if (typeof separated === "string") return `PathPrefix:${separated}`;
  if (isJson(regex)) return `regex ${String(regex.regex)}`;
  if (connect !== undefined) return "CONNECT";
  return "path_match_policy" in match ? "template" : "/*";
}

/** envoy.admin.v3.Clusters, as `/clusters?format=json` has it. */
interface ClustersJson {
  readonly cluster_statuses?: readonly {
    readonly name?: string;
    readonly host_statuses?: readonly {
      readonly address?: AddressJson;
      readonly health_status?: { readonly eds_health_status?: string; readonly failed_outlier_check?: boolean };
    }[];
  }[];
}

export interface AddressJson {
  readonly socket_address?: { readonly address?: string; readonly port_value?: number };
  readonly pipe?: { readonly path?: string };
  readonly envoy_internal_address?: { readonly server_listener_name?: string };
}

export function addressText({ socket_address: socket, pipe, envoy_internal_address: internal }: AddressJson): string {
  if (socket) return `${socket.address ?? ""}:${socket.port_value ?? 0}`;
  if (pipe) return `unix://${pipe.path ?? ""}`;
  return internal ? `envoy://${internal.server_listener_name ?? ""}` : NONE;
}

const ENDPOINT_COLUMNS = ["endpoint", "status", "outlier check", "cluster"] as const;

/** Of a proxy that runs: with the health that it found. */
export function endpointTable(clusters: Json): ProxyTable {
  const { cluster_statuses: statuses = [] } = clusters as ClustersJson;
  const rows = statuses.flatMap(({ name = "", host_statuses: hosts = [] }) =>
    hosts.map((host) => {
      const { address = {}, health_status: health = {} } = host;
      const outlier = health.failed_outlier_check ? "FAILED" : "OK";
      const cells = [addressText(address), health.eds_health_status ?? "HEALTHY", outlier, name];
      return { cells, resource: { cluster: name, ...host } };
    }),
  );
  return { columns: ENDPOINT_COLUMNS, rows: sorted(rows) };
}

interface AssignmentJson {
  readonly cluster_name?: string;
  readonly endpoints?: readonly {
    readonly lb_endpoints?: readonly {
      readonly endpoint?: { readonly address?: AddressJson };
      readonly health_status?: string;
    }[];
  }[];
}

/** Of a dump: as they were sent. */
export function assignmentTable({ endpoints, clusters }: ProxyDump): ProxyTable {
  const names = new Map(
    clusters.map((cluster) => {
      const { eds_cluster_config: eds } = cluster as { eds_cluster_config?: { service_name?: string } };
      return [eds?.service_name ?? "", String(cluster.name)] as const;
    }),
  );
  const inline = clusters.map(({ load_assignment: assignment }) => assignment).filter(isJson);
  const known = new Set(endpoints.map(({ cluster_name }) => cluster_name));
  const all = [...endpoints, ...inline.filter(({ cluster_name }) => !known.has(cluster_name))];
  const rows = all.flatMap((resource) => {
    const { cluster_name: name = "", endpoints: localities = [] } = resource as AssignmentJson;
    const hosts = localities.flatMap(({ lb_endpoints: members = [] }) => members);
    return hosts.map(({ endpoint, health_status: health = "HEALTHY" }) => ({
      cells: [addressText(endpoint?.address ?? {}), health, NONE, names.get(name) ?? name],
      resource,
    }));
  });
  return { columns: ENDPOINT_COLUMNS, rows: sorted(rows) };
}

function sorted(rows: readonly ProxyRow[]): readonly ProxyRow[] {
  return rows.toSorted((a, b) => compare(a.cells[3]!, b.cells[3]!) || compare(a.cells[0]!, b.cells[0]!));
}

interface SecretJson {
  readonly name?: string;
  readonly state?: string;
  readonly secret?: {
    readonly tls_certificate?: { readonly certificate_chain?: DataSourceJson };
    readonly validation_context?: { readonly trusted_ca?: DataSourceJson };
  };
}

interface DataSourceJson {
  readonly inline_string?: string;
  readonly inline_bytes?: string;
}

export function secretTable({ secrets }: ProxyDump, now: number): ProxyTable {
  const rows = secrets.map((resource) => {
    const { name = "", state = "", secret = {} } = resource as SecretJson;
    const first = firstCertificate(secretPem(resource));
    const kind = secret.tls_certificate?.certificate_chain
      ? "Cert Chain"
      : secret.validation_context
        ? "CA"
        : "UNKNOWN";
    const certificate = first
      ? [
          String(notBefore(first) <= now && now < notAfter(first)),
          first.serialNumber.toLowerCase(),
          dateText(notAfter(first)),
          dateText(notBefore(first)),
        ]
      : ["false", "", "", ""];
    return { cells: [name, kind, state, ...certificate], resource };
  });
  const columns = ["resource name", "type", "status", "valid cert", "serial number", "not after", "not before"];
  return { columns, rows };
}

/** The certificates of an entry of the dump, its own or those that it trusts. */
export function secretPem(entry: Json): string {
  const { secret = {} } = entry as SecretJson;
  return pemOf(secret.tls_certificate?.certificate_chain ?? secret.validation_context?.trusted_ca ?? {});
}

interface ExtensionJson {
  readonly name?: string;
  readonly typed_config?: { readonly "@type"?: string };
}

export function extensionTable({ extensions }: ProxyDump): ProxyTable {
  const rows = extensions.map((resource) => {
    const { name = "", typed_config: config = {} } = resource as ExtensionJson;
    return { cells: [name, (config["@type"] ?? "").replace(/^.*\//, "")], resource };
  });
  return { columns: ["ecds name", "type"], rows };
}

/** Servers outside of the mesh take certificates of any version, those of version 1 that openssl writes without extensions, too. */
function firstCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

const notBefore = ({ validFrom }: X509Certificate): number => Date.parse(validFrom);
const notAfter = ({ validTo }: X509Certificate): number => Date.parse(validTo);

function pemOf({ inline_string: text, inline_bytes: bytes }: DataSourceJson): string {
  return text ?? Buffer.from(bytes ?? "", "base64").toString();
}

/** RFC 3339, whole seconds. */
function dateText(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
