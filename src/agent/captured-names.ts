// The names that a captured workload looks up: the DNS proxy in its network, and the mesh's table, which it answers from.

import { create } from "@bufbuild/protobuf";
import { parseAddress } from "../base/cidr.ts";
import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { DNS_QUERIES, DNS_UPSTREAM_FAILURES, DNS_UPSTREAM_QUERIES } from "../stats/names/agent.ts";
import type { Registry } from "../stats/registry.ts";
import { type NameTable, NameTableSchema } from "../xds/gen/istio/networking/nds/v1/nds_pb.ts";
import type { Capture } from "./capture.ts";
import { CAPTURE_PORTS, DNS_ADDRESSES } from "./capture-rules.ts";
import { Forwarder } from "./dns/forwarder.ts";
import { type MeshHost, MeshNames } from "./dns/mesh-names.ts";
import { DnsProxy } from "./dns/proxy.ts";
import { ResolvConfFile } from "./dns/resolv-conf.ts";
import { CLUSTER_SUFFIX } from "./dns/resolver-files.ts";
import { type ServedDns, serveDns } from "./dns/serve.ts";
import type { HeldIdentity } from "./identity.ts";
import { NameSubscription } from "./name-subscription.ts";
import type { Sidecar } from "./sidecar.ts";

const log = logger("agent");

/** An application that begins without names would have to try again; one that never begins is worse. */
const NAMES_TIMEOUT_MS = 5_000;
const DNS_PORT = 53;

/** This machine, as its captured programs call it: their 127.0.0.1 is their own. */
export const MACHINE_HOST = "host.heddle.internal";

export class CapturedNames {
  readonly #capture: Capture;
  readonly #sidecar: Sidecar;
  readonly #machine: MeshHost;
  readonly #resolvConf = new ResolvConfFile();
  readonly #proxy: DnsProxy;
  readonly #served: ServedDns[] = [];
  #subscription: NameSubscription | undefined;
  #late: ReturnType<typeof setTimeout> | undefined;

  constructor(capture: Capture, sidecar: Sidecar, registry: Registry) {
    const address = parseAddress(capture.machineAddress);
    if (!address) throw new Failure(`${capture.machineAddress} is no address`);
    this.#capture = capture;
    this.#sidecar = sidecar;
    this.#machine = { name: MACHINE_HOST, addresses: [address], inCluster: true };
    const [queries, forwarded, failures] = [DNS_QUERIES, DNS_UPSTREAM_QUERIES, DNS_UPSTREAM_FAILURES].map((name) => {
      const counter = registry.counter(name);
      const series = counter.series([]);
      return () => counter.increment(series);
    }) as [() => void, () => void, () => void];
    const resolvers = () => this.#resolvConf.current.servers.map((host) => ({ host, port: DNS_PORT }));
    const forwarder = new Forwarder({ resolvers, onFailure: failures });
    this.#proxy = new DnsProxy(
      { forwarder, onQuery: queries, onForwarded: forwarded },
      this.#names(create(NameTableSchema)),
    );
  }

  #names(table: NameTable): MeshNames {
    // Where this machine's resolvers serve the cluster's domain, they know more of it than the mesh does.
    const { search } = this.#resolvConf.current;
    const ownsCluster = !search.some((domain) => domain.endsWith(CLUSTER_SUFFIX));
    return new MeshNames(table, this.#sidecar.workload.namespace, ownsCluster, [this.#machine]);
  }

  /** Resolves when the names of the mesh can be looked up, or are late. Rejects when nothing can be. */
  async start(current: () => HeldIdentity | undefined): Promise<void> {
    await this.#serve();
    await new Promise<void>((resolve) => {
      this.#late = setTimeout(() => {
        log.warn(`the control plane sent no names within ${NAMES_TIMEOUT_MS / 1_000} s: they cannot be looked up yet`);
        resolve();
      }, NAMES_TIMEOUT_MS);
      this.#subscription = new NameSubscription(this.#sidecar, current, (table) => {
        this.#proxy.update(this.#names(table));
        clearTimeout(this.#late);
        resolve();
      });
    });
  }

  async #serve(): Promise<void> {
    const { application, proxy } = DNS_ADDRESSES;
    const port = CAPTURE_PORTS.dns;
    const enter = <T>(work: () => T): T => this.#capture.enter(work);
    this.#served.push(await serveDns({ host: application, port }, this.#proxy.answer, enter));
    this.#served.push(await serveDns({ host: proxy, port }, this.#proxy.answerFromOutside, enter));
  }

  close(): void {
    clearTimeout(this.#late);
    this.#subscription?.close();
    for (const served of this.#served) served.stop();
  }
}
