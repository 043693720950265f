// One proxy's end of a discovery stream, as cheap as it can be and still true: it subscribes to what its clusters and listeners name,
// and acknowledges. Of a resource it reads the version; what is inside is looked at once for all proxies.

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { ClientCall } from "../../src/grpc/client.ts";
import { decodeResource } from "./decode-resource.ts";
import type { Pod } from "./mesh.ts";
import { wallMs } from "./report.ts";

const TYPE = "type.googleapis.com/envoy.config.";
const CDS = `${TYPE}cluster.v3.Cluster`;
const EDS = `${TYPE}endpoint.v3.ClusterLoadAssignment`;
const LDS = `${TYPE}listener.v3.Listener`;
const RDS = `${TYPE}route.v3.RouteConfiguration`;
const VHDS = `${TYPE}route.v3.VirtualHost`;
const WILDCARDS = [CDS, LDS, VHDS];
const TYPES = WILDCARDS.length + [EDS, RDS].length;

interface Response {
  readonly typeUrl: string;
  readonly nonce: string;
  /** Names that the resources refer to, to be subscribed to. */
  readonly references: readonly string[];
}

/** By version, which is made of the content: what a cluster or listener names. */
const known = new Map<string, readonly string[]>();

export class SimulatedProxy {
  readonly #pod: Pod;
  #call: ClientCall | undefined;
  readonly #wanted = new Map<string, Set<string>>([
    [EDS, new Set()],
    [RDS, new Set()],
  ]);
  readonly #answered = new Set<string>();
  /** Milliseconds since 1970; 0 before there was one. */
  lastAt = 0;
  responses = 0;
  bytes = 0;

  constructor(pod: Pod) {
    this.#pod = pod;
  }

  /** It has got something of everything that it asked for. */
  get synced(): boolean {
    return this.#answered.size === TYPES;
  }

  open(call: ClientCall): void {
    this.#call = call;
    for (const [i, type] of WILDCARDS.entries()) this.#request(type, "", [], i === 0);
  }

  onMessage(message: Uint8Array): void {
    const { typeUrl, nonce, references } = readResponse(message);
    this.responses++;
    this.bytes += message.length;
    this.#answered.add(typeUrl);
    if (typeUrl === CDS) this.#subscribe(EDS, references);
    if (typeUrl === LDS) this.#subscribe(RDS, references);
    this.#request(typeUrl, nonce, [], false);
    this.lastAt = wallMs();
  }

  #subscribe(type: string, names: readonly string[]): void {
    const wanted = this.#wanted.get(type)!;
    const added = names.filter((name) => !wanted.has(name));
    for (const name of added) wanted.add(name);
    if (added.length > 0) this.#request(type, "", added, false);
  }

  /** envoy.service.discovery.v3.DeltaDiscoveryRequest. */
  #request(typeUrl: string, nonce: string, subscribe: readonly string[], withNode: boolean): void {
    const writer = new BinaryWriter();
    if (withNode) writer.tag(1, WireType.LengthDelimited).bytes(this.#node());
    writer.tag(2, WireType.LengthDelimited).string(typeUrl);
    for (const name of subscribe) writer.tag(3, WireType.LengthDelimited).string(name);
    if (nonce !== "") writer.tag(6, WireType.LengthDelimited).string(nonce);
    this.#call!.send(writer.finish());
  }

  #node(): Uint8Array {
    const { namespace, name, address } = this.#pod;
    const id = `sidecar~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`;
    return new BinaryWriter().tag(1, WireType.LengthDelimited).string(id).finish();
  }
}

/** envoy.service.discovery.v3.DeltaDiscoveryResponse. */
function readResponse(message: Uint8Array): Response {
  const reader = new BinaryReader(message);
  let typeUrl = "";
  let nonce = "";
  const resources: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 2) resources.push(reader.bytes());
    else if (field === 4) typeUrl = reader.string();
    else if (field === 5) nonce = reader.string();
    else reader.skip(type, field);
  }
  const looksInside = typeUrl === CDS || typeUrl === LDS;
  const references = looksInside ? resources.flatMap((resource) => referencesOf(typeUrl, resource)) : [];
  return { typeUrl, nonce, references };
}

/** envoy.service.discovery.v3.Resource, of which the control plane writes the version first. */
function referencesOf(typeUrl: string, resource: Uint8Array): readonly string[] {
  const reader = new BinaryReader(resource);
  let version = "";
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) version = reader.string();
    else if (field !== 2) reader.skip(type, field);
    else
      return known.get(version) ?? remember(version, decodeResource(typeUrl === CDS ? "cds" : "lds", reader.bytes()));
  }
  return [];
}

function remember(version: string, references: readonly string[]): readonly string[] {
  known.set(version, references);
  return references;
}
