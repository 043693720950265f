// Workloads that register themselves: who may, what is written for them, and for how long it stands. An identity registers its own
// instances and nothing else; a Pod that somebody else made is never touched.

import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { isLoopback } from "../../base/cidr.ts";
import { logger } from "../../base/log.ts";
import type { GrpcStatus } from "../../grpc/status.ts";
import type { KubeClient } from "../../kube/client/client.ts";
import { type KubeObject, keyOf, nameOf, type ObjectName, timestamp } from "../../kube/object.ts";
import { type ResourceType, resource } from "../../kube/resources.ts";
import { hasReason } from "../../kube/status.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { ServiceAccount } from "../../pki/spiffe.ts";
import {
  type DeregisterRequest,
  type RegisterRequest,
  type RegisterResponse,
  RegisterResponseSchema,
} from "../../xds/gen/heddle/registration/v1/registration_pb.ts";
import type { Liveness } from "../liveness.ts";
import { accountOf, everyStanding, isRegistered, type Standing, standingFor } from "../standing.ts";
import { accountOfGroup, entryOf, type GroupVerdict, judgeGroup, probeMessage } from "./entry.ts";
import { Leases } from "./leases.ts";
import * as objects from "./objects.ts";
import { proxyStart } from "./proxy-start.ts";
import {
  type InstanceProof,
  type Readiness,
  type RegisteredWorkload,
  readInstance,
  readReadiness,
  readWorkload,
} from "./workload.ts";

const log = logger("control");

/** An agent renews four times within it: a lost one, or a slow machine, costs nothing. */
export const DEFAULT_LEASE_MS = 10_000;

/** Of one service account: more are a loop, or an attack on the store. */
const MAX_INSTANCES = 1_000;
const MAX_SERVICES = 64;

export interface RegistrarOptions {
  readonly client: KubeClient;
  readonly liveness: Liveness;
  readonly leaseMs: number;
  /** As it was understood last. */
  mesh(): Mesh;
}

/** Who calls: what its connection proved, and where it came from. */
export interface Caller {
  readonly account: ServiceAccount;
  /** Whether the connection came from this machine. */
  readonly local: boolean;
}

interface Written {
  readonly kind: "written";
  readonly warnings: readonly string[];
  readonly standing: Standing;
}

export type Registered = { readonly kind: "registered"; readonly response: RegisterResponse };
export type Refused = { readonly kind: "refused"; readonly status: GrpcStatus };

function refused(code: GrpcStatus["code"], message: string): Refused {
  return { kind: "refused", status: { code, message } };
}

export class Registrar {
  readonly #options: RegistrarOptions;
  readonly #leases: Leases;
  /** One write after the other for each Pod: between looking whose it is and writing it, nobody comes in. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: RegistrarOptions) {
    this.#options = options;
    this.#leases = new Leases(options.leaseMs, (pod) => {
      log.info("a workload did not renew its registration", { pod: keyOf(pod) });
      options.liveness.onLost(pod, "lease");
    });
  }

  /** Those of an earlier life of the control plane have a lease from now on, too. */
  async start(): Promise<void> {
    for (const standing of await everyStanding(this.#options.client)) {
      if (!isRegistered(standing)) continue;
      const { name, namespace = "" } = standing.object.metadata;
      this.#leases.renew({ namespace, name }, { namespace, name: accountOf(standing) }, undefined);
    }
  }

  stop(): void {
    this.#leases.stop();
  }

  /** Rejects only when the store fails. */
  async register(request: RegisterRequest, caller: Caller): Promise<Registered | Refused> {
    const proof = readInstance(request.instance);
    if (proof.kind === "malformed") return refused("INVALID_ARGUMENT", proof.reason);
    const workload = readWorkload(request, caller.account);
    if (workload.kind === "malformed") return refused("INVALID_ARGUMENT", workload.reason);
    const readiness = readReadiness(request);
    if (readiness.kind === "malformed") return refused("INVALID_ARGUMENT", readiness.reason);
    if (isLoopback(workload.value.address) && !caller.local)
      return refused(
        "INVALID_ARGUMENT",
        `address ${workload.value.address} is of the workload's machine alone: no peer reaches it`,
      );
    return this.#inTurn(workload.value, () => this.#register(workload.value, proof.value, readiness.value));
  }

  async deregister({ instance }: DeregisterRequest, { account }: Caller): Promise<Refused | undefined> {
    const proof = readInstance(instance);
    if (proof.kind === "malformed") return refused("INVALID_ARGUMENT", proof.reason);
    const pod = { namespace: account.namespace, name: proof.value.name };
    return this.#inTurn(pod, async () => {
      const { client, liveness } = this.#options;
      const found = await standingFor(client, pod);
      if (found && !objects.isRegistrationOf(found, account.name, proof.value)) return notIts(found, pod);
      if (found) await client.delete(found.type, pod);
      this.#leases.end(pod);
      liveness.onGone(pod);
      return undefined;
    });
  }

  async #inTurn<T>(pod: ObjectName, work: () => Promise<T>): Promise<T> {
    const key = keyOf(pod);
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => {}); // its caller is told; the next one is not concerned
    this.#turns.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(key) === settled) this.#turns.delete(key);
    }
  }

  async #register(
    workload: RegisteredWorkload,
    proof: InstanceProof,
    wanted: Readiness,
  ): Promise<Registered | Refused> {
    const { client, liveness, leaseMs } = this.#options;
    const account = { namespace: workload.namespace, name: workload.serviceAccount };
    const standing = await standingFor(client, workload);
    if (standing && !objects.isRegistrationOf(standing, account.name, proof)) return notIts(standing, workload);
    if (!this.#leases.has(workload) && this.#leases.count(account) >= MAX_INSTANCES)
      return refused("RESOURCE_EXHAUSTED", `service account ${keyOf(account)} has ${MAX_INSTANCES} instances already`);
    const group = workload.group === undefined ? undefined : await this.#groupFor(workload, workload.group);
    if (group?.kind === "refused") return group;
    const written = JSON.stringify([workload, group?.version]);
    let warnings: readonly string[] = [];
    let stored = standing;
    if (!standing || this.#leases.written(workload) !== written) {
      const outcome = await this.#write(workload, proof, group);
      if (outcome.kind === "refused") return outcome;
      ({ warnings, standing: stored } = outcome);
    }
    this.#leases.renew(workload, account, written);
    liveness.onAlive(workload, "lease");
    const objection = wanted.ready ? liveness.objection(workload) : undefined;
    const readiness: Readiness = objection === undefined ? wanted : { ready: false, reason: objection };
    if (stored && !objects.hasStatus(stored, workload, readiness)) await this.#writeStatus(stored, workload, readiness);
    const probe = group?.group.probe;
    const response = create(RegisterResponseSchema, {
      lease: durationFromMs(leaseMs),
      warnings: [...warnings],
      ...(probe ? { probe: probeMessage(probe) } : {}),
      ...(stored ? { proxy: proxyStart(this.#options.mesh(), workload, stored) } : {}),
    });
    return { kind: "registered", response };
  }

  /** A group is for one account: others may not come in by it. */
  async #groupFor(
    { namespace, serviceAccount }: RegisteredWorkload,
    name: string,
  ): Promise<Refused | Extract<GroupVerdict, { readonly kind: "group" }>> {
    const object = await this.#options.client.get(resource.workloadGroups, { namespace, name });
    if (!object) return refused("NOT_FOUND", `there is no WorkloadGroup ${namespace}/${name}`);
    const verdict = judgeGroup(object);
    if (verdict.kind === "unusable") return refused("FAILED_PRECONDITION", verdict.reason);
    const account = accountOfGroup(verdict.group);
    if (account === serviceAccount) return verdict;
    return refused(
      "PERMISSION_DENIED",
      `workloads of WorkloadGroup ${namespace}/${name} run as service account ${account}, not ${serviceAccount}`,
    );
  }

  /** The Pod, or the entry of a group's workload, and what it needs where that is missing. */
  async #write(
    workload: RegisteredWorkload,
    proof: InstanceProof,
    group: Extract<GroupVerdict, { readonly kind: "group" }> | undefined,
  ): Promise<Refused | Written> {
    const { client, mesh } = this.#options;
    await this.#ensure(resource.namespaces, objects.namespaceOf(workload));
    await this.#ensure(resource.serviceAccounts, objects.serviceAccountOf(workload));
    if (group) {
      const type = resource.workloadEntries;
      const entry = entryOf(workload, proof, workload.group ?? "", group.group, mesh().settings.mergesMetrics);
      return {
        kind: "written",
        warnings: [],
        standing: { type, object: await client.apply(type, entry, { force: true }) },
      };
    }
    let warnings: readonly string[] = [];
    const doors = objects.gatewayServiceOf(workload);
    if (doors) {
      const service = await this.#ensureService(doors, workload.serviceAccount);
      if (service.kind === "refused") return service;
      if (!objects.leadsToDoors(service.found, doors)) warnings = [closedDoors(workload)];
    }
    if (objects.isServed(workload)) {
      const service = await this.#ensureService(objects.serviceOf(workload), workload.serviceAccount);
      if (service.kind === "refused") return service;
      if (!objects.leadsTo(service.found, workload)) warnings = [unreached(workload)];
    }
    const pod = await client.apply(resource.pods, objects.podOf(workload, proof), { force: true });
    return { kind: "written", warnings, standing: { type: resource.pods, object: pod } };
  }

  async #ensure(type: ResourceType, object: KubeObject): Promise<KubeObject> {
    const { client } = this.#options;
    const found = await client.get(type, nameOf(object));
    if (found) return found;
    try {
      return await client.create(type, object);
    } catch (error) {
      if (!hasReason(error, "AlreadyExists")) throw error; // another instance was faster
      return (await client.get(type, nameOf(object))) ?? object;
    }
  }

  async #ensureService(
    wanted: KubeObject,
    serviceAccount: string,
  ): Promise<Refused | { readonly kind: "found"; readonly found: KubeObject }> {
    const { client } = this.#options;
    const name = nameOf(wanted);
    if (
      !(await client.get(resource.services, name)) &&
      (await this.#servicesOf(name.namespace, serviceAccount)) >= MAX_SERVICES
    )
      return refused(
        "RESOURCE_EXHAUSTED",
        `service account ${serviceAccount} has made ${MAX_SERVICES} Services already`,
      );
    const found = await this.#ensure(resource.services, wanted);
    const owner = objects.ownerOf(found);
    if (owner === undefined || owner === serviceAccount) return { kind: "found", found };
    return refused(
      "PERMISSION_DENIED",
      `Service ${keyOf(name)} was made by service account ${owner}: an instance of ${serviceAccount} may serve under its name ` +
        "once a person applies the Service without the annotation heddle.dev/service-account",
    );
  }

  async #servicesOf(namespace: string, serviceAccount: string): Promise<number> {
    const { objects: services } = await this.#options.client.list(resource.services, { namespace });
    return services.filter((service) => objects.ownerOf(service) === serviceAccount).length;
  }

  async #writeStatus({ type }: Standing, workload: RegisteredWorkload, readiness: Readiness): Promise<void> {
    const status = objects.statusOf(type, workload, readiness, timestamp(new Date()));
    const patch = { kind: "merge", patch: { status } } as const;
    await this.#options.client.patch(type, workload, patch, { subresource: "status" });
  }
}

function notIts({ type }: Standing, name: ObjectName): Refused {
  return refused("PERMISSION_DENIED", `${type.kind} ${keyOf(name)} is not a registration of this instance`);
}

function closedDoors({ namespace, app }: RegisteredWorkload): string {
  return `Service ${namespace}/${app} leads to other ports: the gateway listens where its targetPorts say`;
}

function unreached({ namespace, app, application }: RegisteredWorkload): string {
  return (
    `Service ${namespace}/${app} does not lead to this program, and nothing will be sent to it: ` +
    `it needs a port with targetPort ${application?.protocol} or ${application?.port}`
  );
}
