// What the compiler made for one proxy of a generated mesh, as the laboratory can run it: on addresses of loopback, with certificates of its
// own and one access log. Names get a mark, so that one mesh comes after another in one process and nothing of the last one is met.

import type { JsonValue } from "@bufbuild/protobuf";
import { type DescMessage, toJson } from "@bufbuild/protobuf";
import { FORWARD_PROXY_TUNNEL } from "../../../src/compile/listener-names.ts";
import type { ProxySnapshot } from "../../../src/compile/proxy-snapshot.ts";
import { jsonRegistry } from "../../../src/xds/any.ts";
import { decodeResource } from "../../../src/xds/resource.ts";
import { resourcesOf } from "../../../src/xds/snapshot.ts";
import { RESOURCE_TYPES, SEND_ORDER } from "../../../src/xds/type-urls.ts";
import { type Identity, ROOTS } from "../xds/certificates.ts";
import type { Resources } from "../xds/discovery.ts";
import { fileLog, type Message, type Place } from "../xds/message.ts";

export interface Placement {
  /** Before every name. */
  readonly mark: string;
  /** Of all listeners; the system gives the ports. */
  readonly host: string;
  readonly identity: Identity;
  readonly log: { readonly path: string; readonly format: string };
  /** Where endpoints are in truth, by the address that the mesh has of them. */
  readonly places: ReadonlyMap<string, Place>;
}

/** Whose values are names of listeners, clusters, route configurations or endpoints. */
const NAMES = new Set(["cluster", "cluster_name", "service_name", "route_config_name"]);
/** Of the process, which Heddle's agent sets; here a word does. */
const PEER_METADATA = "%ENVIRONMENT(HEDDLE_PEER_METADATA)%";

type Entry = readonly [field: string, value: JsonValue];

export class Placed {
  readonly #placement: Placement;

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  resources(snapshot: ProxySnapshot): Resources {
    return Object.fromEntries(
      SEND_ORDER.map((kind) => {
        const all = [...resourcesOf(snapshot, kind).values()].filter(({ name }) => name !== FORWARD_PROXY_TUNNEL);
        return [kind, all.map(({ bytes }) => this.#resource(kind, bytes))];
      }),
    );
  }

  #resource(kind: (typeof SEND_ORDER)[number], bytes: Uint8Array): Message {
    const schema: DescMessage = RESOURCE_TYPES[kind].schema;
    const options = { registry: jsonRegistry(), useProtoFieldName: true };
    const message = toJson(schema, decodeResource(kind, bytes), options) as Message;
    const { mark, host } = this.#placement;
    const placed = this.#placed(message) as Message;
    const named = kind === "eds" ? placed : { ...placed, name: `${mark}${String(message.name)}` };
    return kind === "lds" ? { ...named, address: { socket_address: { address: host, port_value: 0 } } } : named;
  }

  #placed(value: JsonValue): JsonValue {
    if (Array.isArray(value)) return value.map((item) => this.#placed(item));
    if (typeof value !== "object" || value === null) return value === PEER_METADATA ? "peer" : value;
    return Object.fromEntries(Object.entries(value).flatMap((entry) => this.#field(entry)));
  }

  #field([field, value]: Entry): Entry[] {
    const { mark, log, identity, places } = this.#placement;
    if (NAMES.has(field) && typeof value === "string") return [[field, `${mark}${value}`]];
    switch (field) {
      case "access_log":
        return [[field, [fileLog(log.path, log.format)]]];
      case "weighted_clusters":
        return [[field, this.#weighted(this.#placed(value) as Message)]];
      case "socket_address": {
        const { address, port_value: port } = value as { readonly address: string; readonly port_value: number };
        const place = places.get(`${address}:${port}`);
        return [[field, place ? { address: place.host, port_value: place.port } : value]];
      }
      case "tls_certificate_sds_secret_configs": {
        const certificate_chain = { inline_string: identity.chain };
        return [["tls_certificates", [{ certificate_chain, private_key: { inline_string: identity.key } }]]];
      }
      case "validation_context_sds_secret_config":
        return [["validation_context", { trusted_ca: { inline_string: ROOTS } }]];
      case "combined_validation_context": {
        const { default_validation_context: own } = value as { readonly default_validation_context: Message };
        return [["validation_context", { trusted_ca: { inline_string: ROOTS }, ...own }]];
      }
      default:
        return [[field, this.#placed(value)]];
    }
  }

  #weighted(value: Message): Message {
    const clusters = value.clusters as readonly Message[];
    return {
      ...value,
      clusters: clusters.map((one) => ({ ...one, name: `${this.#placement.mark}${String(one.name)}` })),
    };
  }
}
