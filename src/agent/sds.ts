// Secrets for the proxy beside the agent, by delta SDS. The key never leaves this machine, and never touches a disk.

import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { logger } from "../base/log.ts";
import type { CallHandler, Method, ServerCall } from "../grpc/server.ts";
import { packAny } from "../xds/any.ts";
import { encodeDeltaResponse } from "../xds/delta-response.ts";
import { DeltaServer } from "../xds/delta-server.ts";
import type { CertificateValidationContextSchema } from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import { SecretSchema } from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { SPIFFECertValidatorConfigSchema } from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb.ts";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
} from "../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { encodeResource, type Resource } from "../xds/resource.ts";
import type { Snapshot } from "../xds/snapshot.ts";
import { CONTROL_PLANE_ROOTS } from "./bootstrap.ts";
import type { HeldIdentity } from "./identity.ts";
import type { TrustedPeers } from "./sidecar.ts";

const log = logger("agent");

export const SDS_PATH = "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets";

const NOBODY_BESIDE: TrustedPeers = { anchors: "", domains: [] };

function together(...pems: readonly string[]): string {
  return pems
    .filter((pem) => pem !== "")
    .map((pem) => `${pem.trimEnd()}\n`)
    .join("");
}

const SPIFFE_VALIDATOR = "envoy.tls.cert_validator.spiffe";

/** Roots that vouch for their own trust domains; the mesh's vouch for its own, and those of nobody in particular for each. */
function byTrustDomain(roots: string, { anchors, domains }: TrustedPeers): Any {
  const trustDomains = domains.map(({ trustDomain: name, isOwn, anchors: own }) => ({
    name,
    trustBundle: pem(together(isOwn ? roots : "", anchors, own)),
  }));
  return packAny(SPIFFECertValidatorConfigSchema, create(SPIFFECertValidatorConfigSchema, { trustDomains }));
}

function pem(text: string) {
  return { specifier: { case: "inlineString" as const, value: text } };
}

function secretsOf({ chain, key, roots }: HeldIdentity, peers: TrustedPeers): Resource[] {
  const trusted = (name: string, value: MessageInitShape<typeof CertificateValidationContextSchema>) =>
    encodeResource("sds", create(SecretSchema, { name, type: { case: "validationContext", value } }));
  return [
    encodeResource(
      "sds",
      create(SecretSchema, {
        name: "default",
        type: { case: "tlsCertificate", value: { certificateChain: pem(chain), privateKey: pem(key.reveal()) } },
      }),
    ),
    trusted(
      "ROOTCA",
      peers.domains.length === 0
        ? { trustedCa: pem(peers.anchors === "" ? roots : together(roots, peers.anchors)) }
        : { customValidatorConfig: { name: SPIFFE_VALIDATOR, typedConfig: byTrustDomain(roots, peers) } },
    ),
    trusted(CONTROL_PLANE_ROOTS, { trustedCa: pem(roots) }),
  ];
}

/** One stream of the proxy. */
class SecretStream implements CallHandler {
  readonly #call: ServerCall;
  readonly #server: DeltaServer;
  readonly #onOver: (stream: SecretStream) => void;

  constructor(call: ServerCall, snapshot: Snapshot, onOver: (stream: SecretStream) => void) {
    this.#call = call;
    this.#server = new DeltaServer(snapshot);
    this.#onOver = onOver;
  }

  onMessage(message: Buffer): void {
    let request: DeltaDiscoveryRequest;
    try {
      request = fromBinary(DeltaDiscoveryRequestSchema, message);
    } catch {
      this.#call.end({ code: "INVALID_ARGUMENT", message: "bytes are not a DeltaDiscoveryRequest" });
      this.#onOver(this);
      return;
    }
    const received = this.#server.receive(request);
    if (received.kind === "nack") log.error("the proxy refused a secret", { reason: received.reason });
    this.#push();
  }

  update(snapshot: Snapshot): void {
    this.#server.update(snapshot);
    this.#push();
  }

  #push(): void {
    for (let response = this.#server.next(); response; response = this.#server.next())
      this.#call.send(encodeDeltaResponse(response));
  }

  onEnd(): void {
    this.#call.end();
    this.#onOver(this);
  }

  onCancel(): void {
    this.#onOver(this);
  }
}

export class SecretService {
  #snapshot: Snapshot = { version: "0", resources: {} };
  readonly #streams = new Set<SecretStream>();
  #identity: HeldIdentity | undefined;
  #peers = NOBODY_BESIDE;
  #version = 0;

  /** A new certificate: every proxy that is connected gets it at once. */
  update(identity: HeldIdentity): void {
    this.#identity = identity;
    this.#renew();
  }

  trust(peers: TrustedPeers): void {
    if (Bun.deepEquals(peers, this.#peers)) return;
    this.#peers = peers;
    this.#renew();
  }

  #renew(): void {
    if (!this.#identity) return;
    const sds = new Map(secretsOf(this.#identity, this.#peers).map((resource) => [resource.name, resource]));
    this.#snapshot = { version: String(++this.#version), resources: { sds } };
    for (const stream of this.#streams) stream.update(this.#snapshot);
  }

  readonly method: Method = (call) => {
    const stream = new SecretStream(call, this.#snapshot, (over) => this.#streams.delete(over));
    this.#streams.add(stream);
    return stream;
  };
}
