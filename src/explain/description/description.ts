// What is said of one workload or one service: plain data that printers write and tests compare.

import type { Protocol } from "../../model/protocol.ts";
import type { MtlsMode } from "../../model/server-policy.ts";
import type { Health } from "../../model/workload.ts";
import type { Place } from "../explanation.ts";

export interface Labels {
  readonly [name: string]: string;
}

/** A port's protocol with what of the port says it, in words. */
export interface ProtocolFacts {
  readonly protocol: Protocol;
  readonly decidedBy: string;
}

export interface EndpointFacts {
  readonly address: string;
  /** `<namespace>/<name>`; undefined when the mesh knows only the address. */
  readonly workload: string | undefined;
  readonly health: Health;
  /** How clients come to it. `withheld`: they may not, for it takes no mutual TLS, which their policy demands. */
  readonly transport: "mutual TLS" | "TLS" | "plaintext" | "withheld";
  /** Names of the subsets that it is in. */
  readonly subsets: readonly string[];
}

export interface ServicePortFacts extends ProtocolFacts {
  readonly number: number;
  readonly name: string;
  /** The workload's port, or its name. */
  readonly target: number | string;
  readonly endpoints: readonly EndpointFacts[];
}

export interface SubsetFacts {
  readonly name: string;
  readonly labels: Labels;
  /** How many endpoints of the service are in it. */
  readonly endpoints: number;
  /** Whether the workload that is described is; undefined: none is. */
  readonly hasWorkload: boolean | undefined;
  /** What it says beyond its labels. */
  readonly settings: readonly string[];
  readonly by: Place;
}

export interface DestinationRuleFacts {
  readonly by: Place;
  readonly host: string;
  /** For clients with these labels alone; undefined: for all that see it. */
  readonly clients: Labels | undefined;
  readonly settings: readonly string[];
  readonly subsets: readonly SubsetFacts[];
}

export interface RuleFacts {
  readonly by: Place;
  readonly name: string | undefined;
  /** Any of them; none: always. */
  readonly matches: readonly string[];
  readonly action: string;
  /** Whether some of it reaches the workload that is described; undefined: none is. */
  readonly reachesWorkload: boolean | undefined;
}

export interface RouteFacts {
  readonly by: Place;
  readonly kind: "http" | "tls" | "tcp";
  readonly hosts: readonly string[];
  readonly rules: readonly RuleFacts[];
  /** Objects that name the host as well, and do not count. */
  readonly shadowed: readonly Place[];
}

/** A door of the mesh that leads to the service. */
export interface ExposureFacts {
  readonly gateway: Place;
  readonly route: Place;
  /** Workloads that open it, `<namespace>/<name>`; none: nobody listens. */
  readonly openedBy: readonly string[];
  /** `https://shop.test:443`, as clients call it. */
  readonly urls: readonly string[];
  readonly rules: readonly RuleFacts[];
}

export interface Warning {
  readonly code: string;
  readonly message: string;
  readonly by: Place | undefined;
}

/** Which endpoints a service wants its clients to prefer. */
export interface PreferenceFacts {
  readonly prefers: "zone" | "node";
  readonly by: Place;
  /** A DestinationRule that prefers others, which counts more. */
  readonly overruledBy: Place | undefined;
}

export interface ServiceDescription {
  readonly kind: "service";
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  readonly by: Place;
  readonly addresses: readonly string[];
  /** Services of type ExternalName that stand for it. */
  readonly aliases: readonly { readonly host: string; readonly by: Place }[];
  readonly ports: readonly ServicePortFacts[];
  readonly preference: PreferenceFacts | undefined;
  /** As clients of this namespace have it. */
  readonly clients: string;
  readonly destinationRule: DestinationRuleFacts | undefined;
  /** What clients with certain labels follow instead. */
  readonly chosenRules: readonly DestinationRuleFacts[];
  readonly routes: readonly RouteFacts[];
  /** Routes of other hosts that lead here. */
  readonly routedFrom: readonly Place[];
  /** Clients' namespaces to which other objects apply. */
  readonly elsewhere: readonly {
    readonly namespace: string;
    readonly destinationRule: Place | undefined;
    readonly routes: readonly Place[];
    /** What clients with certain labels follow instead. */
    readonly chosenRules: readonly { readonly by: Place; readonly clients: Labels }[];
  }[];
  readonly exposures: readonly ExposureFacts[];
  readonly warnings: readonly Warning[];
}

export interface MtlsFacts {
  readonly mode: MtlsMode;
  /** Undefined: the mesh's default. */
  readonly by: Place | undefined;
}

export interface WorkloadPortFacts extends ProtocolFacts {
  readonly number: number;
  /** `<namespace>/<name>:<port>`. */
  readonly services: readonly string[];
  readonly mtls: MtlsFacts;
}

export interface AuthorizationFacts {
  readonly by: Place;
  readonly action: string;
  readonly dryRun: boolean;
  readonly rules: number;
}

/** A port that a gateway opens. */
export interface OpenedPortFacts {
  /** 0: a Unix socket. */
  readonly number: number;
  readonly socket?: string | undefined;
  readonly protocol: string;
  readonly hosts: readonly string[];
  readonly by: Place;
}

export interface WorkloadDescription {
  readonly kind: "workload";
  readonly namespace: string;
  readonly name: string;
  /** What owns it. */
  readonly workload: string;
  /** Names of all that it owns, this one among them. */
  readonly instances: readonly string[];
  readonly by: Place;
  readonly addresses: readonly string[];
  readonly health: Health;
  readonly serviceAccount: string;
  readonly identity: string;
  /** In metrics. */
  readonly app: string;
  readonly version: string;
  readonly proxy:
    | { readonly kind: "heddle" | "envoy"; readonly role: "sidecar" | "gateway"; readonly captures: boolean }
    | undefined;
  readonly ports: readonly WorkloadPortFacts[];
  /** Of ports that are not listed. */
  readonly mtls: MtlsFacts;
  readonly requestAuthentications: readonly { readonly by: Place; readonly issuers: readonly string[] }[];
  /** In the order in which they are asked. */
  readonly authorizationPolicies: readonly AuthorizationFacts[];
  readonly sidecar: Place | undefined;
  readonly telemetries: readonly Place[];
  /** EnvoyFilters and WasmPlugins. */
  readonly extensions: readonly { readonly by: Place; readonly applied: boolean }[];
  readonly opened: readonly OpenedPortFacts[];
  readonly services: readonly ServiceDescription[];
  readonly warnings: readonly Warning[];
}

export type Description = WorkloadDescription | ServiceDescription;
