// A workload's place in the mesh, as its agent keeps it: registered when its identity is there, renewed while it lives, taken away when it
// ends. Nothing is needed for it but the secure port and the workload's certificate.

import { randomBytes } from "node:crypto";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { unaryCall } from "../grpc/client.ts";
import type { GrpcStatus } from "../grpc/status.ts";
import type { ClientConnection } from "../http/stream.ts";
import {
  DeregisterRequestSchema,
  type Probe,
  RegisterRequestSchema,
  RegisterResponseSchema,
} from "../xds/gen/heddle/registration/v1/registration_pb.ts";
import { DEREGISTER_PATH, REGISTER_PATH } from "../xds/registration.ts";
import { connectControlPlane } from "./control-plane.ts";
import type { HeldIdentity } from "./identity.ts";
import type { ControlPlane, ProxyStart, TrustedPeers } from "./sidecar.ts";

const log = logger("agent");

/** A lease is renewed four times within it. */
const RENEWALS = 4;
const MIN_RENEWAL_MS = 50;
/** Soon, because a control plane that was started again has to hear of the workload before its lease ends. */
const RETRY_MS = 1_000;
const TIMEOUT_MS = 5_000;
/** The end of a program is not held up by a control plane that is away. */
const FAREWELL_MS = 2_000;

const INSTANCE_KEY_BYTES = 32;

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** What is said of the workload; the readiness comes later, the instance's key is made here. */
export type WorkloadDescription = Omit<
  MessageInitShape<typeof RegisterRequestSchema>,
  "$typeName" | "instance" | "ready" | "reason"
> & { readonly name: string };

/** A connection and the identity that it was made with: a renewed one takes a new connection. */
interface Link {
  readonly identity: HeldIdentity;
  readonly connection: ClientConnection;
  closed: boolean;
}

export class Registration {
  readonly #controlPlane: ControlPlane;
  #workload: WorkloadDescription;
  readonly #key = randomBytes(INSTANCE_KEY_BYTES);
  #current: () => HeldIdentity | undefined = () => undefined;
  #trust: (peers: TrustedPeers) => void = () => {};
  #probe: Probe | undefined;
  #proxyStart: ProxyStart | undefined;
  #readiness: Readiness = { ready: false, reason: "Starting" };
  #link: Link | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: "idle" | "standing" | "ended" = "idle";
  /** One call after the other: what was said last is what stands there. */
  #last: Promise<void> = Promise.resolve();
  /** Said once, until it is no longer so. */
  #trouble: string | undefined;

  constructor(controlPlane: ControlPlane, workload: WorkloadDescription) {
    this.#controlPlane = controlPlane;
    this.#workload = workload;
  }

  /** Registers the workload, not ready yet. `current`: its identity of the moment; `trust` is told at every answer whom it trusts beside the mesh. Rejects with a Failure when it may not. */
  async start(current: () => HeldIdentity | undefined, trust: (peers: TrustedPeers) => void = () => {}): Promise<void> {
    this.#current = current;
    this.#trust = trust;
    await this.#inTurn(() => this.#register());
    this.#state = "standing";
  }

  /** How its health is to be asked, since it was registered by a group that says so. */
  get probe(): Probe | undefined {
    return this.#probe;
  }

  /** What the mesh says of the start of its proxy; undefined of a control plane that says nothing. */
  get proxyStart(): ProxyStart | undefined {
    return this.#proxyStart;
  }

  /** What is said of the workload from the next call on. */
  describe(changed: Partial<Omit<WorkloadDescription, "name">>): void {
    this.#workload = { ...this.#workload, ...changed };
  }

  set(readiness: Readiness): Promise<void> {
    this.#readiness = readiness;
    return this.#state === "standing" ? this.#inTurn(() => this.#register()) : Promise.resolve();
  }

  /** Never rejects: a control plane that is gone forgets the workload by itself. */
  async end(): Promise<void> {
    const wasStanding = this.#state === "standing";
    this.#state = "ended";
    clearTimeout(this.#timer);
    try {
      if (wasStanding) await this.#inTurn(() => this.#deregister());
    } catch (error) {
      log.debug("the registration cannot be taken away", { error });
    } finally {
      this.#link?.connection.shutdown();
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {}); // its caller is told; the next one is not concerned
    return turn;
  }

  async #register(): Promise<void> {
    clearTimeout(this.#timer);
    let delayMs = RETRY_MS;
    try {
      const { name, ...described } = this.#workload;
      const request = create(RegisterRequestSchema, {
        ...described,
        instance: { name, key: this.#key },
        ready: this.#readiness.ready,
        reason: this.#readiness.ready ? "" : this.#readiness.reason,
      });
      const answer = await this.#call(REGISTER_PATH, toBinary(RegisterRequestSchema, request), TIMEOUT_MS);
      const { lease, warnings, probe, proxy } = fromBinary(RegisterResponseSchema, answer);
      this.#probe = probe;
      this.#proxyStart = proxy;
      this.#trust({ anchors: proxy?.trustAnchors ?? "", domains: proxy?.trustDomains ?? [] });
      delayMs = Math.max(MIN_RENEWAL_MS, (lease ? durationMs(lease) : 0) / RENEWALS);
      this.#trouble = undefined;
      for (const warning of warnings) log.warn(warning);
    } finally {
      if (this.#state !== "ended") this.#timer = setTimeout(() => void this.#renew(), delayMs);
    }
  }

  async #renew(): Promise<void> {
    try {
      await this.#inTurn(() => this.#register());
    } catch (thrown) {
      const { message } = Failure.from(thrown);
      if (this.#trouble !== message) log.warn("the registration was not renewed, will try again", { reason: message });
      this.#trouble = message;
    }
  }

  async #deregister(): Promise<void> {
    const request = create(DeregisterRequestSchema, { instance: { name: this.#workload.name, key: this.#key } });
    await this.#call(DEREGISTER_PATH, toBinary(DeregisterRequestSchema, request), FAREWELL_MS);
  }

  /** Rejects with a Failure, whoever's fault it is. */
  async #call(path: string, message: Uint8Array, timeoutMs: number): Promise<Buffer> {
    const { connection } = await this.#connected();
    const answer = await unaryCall(connection, path, message, { authority: "heddle.heddle-system.svc", timeoutMs });
    if (answer.kind === "message") return answer.message;
    // A machine that was cut off, or a certificate that ended: the next attempt takes a connection of its own.
    if (RECONNECT.has(answer.status.code)) this.#disconnect();
    throw refusal(answer.status, this.#where);
  }

  async #connected(): Promise<Link> {
    const identity = this.#current();
    if (!identity) throw new Failure("there is no certificate to register with");
    if (this.#link && !this.#link.closed && this.#link.identity === identity) return this.#link;
    this.#disconnect();
    let link: Link | undefined;
    let closed = false;
    const onClosed = (): void => {
      closed = true;
      if (link) link.closed = true;
    };
    try {
      const connection = await connectControlPlane(this.#controlPlane, identity, onClosed);
      link = { identity, connection, closed };
      this.#link = link;
      return link;
    } catch (cause) {
      throw new Failure(`cannot reach the control plane at ${this.#where}: ${Failure.from(cause).message}`, {
        cause,
        hint: "is it running? `heddle up` starts it",
      });
    }
  }

  #disconnect(): void {
    this.#link?.connection.shutdown();
    this.#link = undefined;
  }

  get #where(): string {
    return `${this.#controlPlane.host}:${this.#controlPlane.port}`;
  }
}

const RECONNECT: ReadonlySet<GrpcStatus["code"]> = new Set(["UNAVAILABLE", "DEADLINE_EXCEEDED", "UNAUTHENTICATED"]);

function refusal({ code, message }: GrpcStatus, where: string): Failure {
  const hint = code === "UNIMPLEMENTED" ? "use the same version of `heddle` on both machines" : undefined;
  return new Failure(
    `the control plane at ${where} refused to register the workload: ${message}`,
    hint ? { hint } : {},
  );
}
