// What tables cannot say and definitions can: rules in CEL that one object must keep by itself, bounds of lists, and fields that are kept
// for the reader to refuse. By kind, then by the end of the path, lists and maps left out.

import type { ValidationRule } from "../kube/schema.ts";

/** `cost`: at least the API server's estimate of one evaluation. `on`: of a list or map whether it is for the whole rather than for each item. */
export interface CostedRule extends ValidationRule {
  readonly cost: number;
  readonly on?: "array" | "map" | "object" | "string";
}

const UNIX_PORTS: CostedRule = {
  rule: "!has(self.address) || !self.address.startsWith('unix://') || !has(self.ports) || self.ports.size() == 0",
  message: "a Unix socket has no ports",
  cost: 40,
};

const UNIX_PATH: CostedRule = {
  rule: "!self.startsWith('unix://') || (self.matches('^unix://[/@]') && !self.endsWith('/'))",
  message: "a Unix socket has an absolute path, or a name after @",
  cost: 100,
};

const PORT_NAMES: CostedRule = {
  rule: "self.all(name, name.matches('^[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?$'))",
  message: "ports have names of letters, digits and -",
  cost: 400,
  on: "map",
};

const ADDRESS_NEEDED: CostedRule = {
  rule: "has(self.address) || has(self.network)",
  message: "needs an address",
  cost: 5,
};

const LABEL_NAMES: CostedRule = {
  rule: "self.all(key, key.size() != 0 && !key.contains('*'))",
  message: "labels have names, and no wildcards in them",
  cost: 2_500_000,
  on: "map",
};

const NO_NAMESPACE: CostedRule = {
  rule: "self.size() == 0",
  message: "targets are in the policy's own namespace, and name none",
  cost: 3,
};

/** Of a module of WebAssembly. */
const MODULE: Readonly<Record<string, readonly CostedRule[]>> = {
  sha256: [
    {
      rule: "self == '' || self.matches('^[0-9a-fA-F]{64}$')",
      message: "must be 64 hexadecimal digits",
      cost: 1_000_000,
    },
  ],
  url: [
    {
      rule: "!self.contains('://') || self.matches('^(https?|file|oci)://')",
      message: "must be a file, an address of the web or an image",
      cost: 2_000_000,
    },
  ],
  "vmConfig.env": [
    {
      rule: "!has(self.value) || !has(self.valueFrom) || self.valueFrom != 'HOST'",
      message: "a variable of the host has no value here",
      cost: 12,
      on: "object",
    },
  ],
};

/** Of kinds that select workloads, or targets. */
const SELECTING = {
  matchLabels: [LABEL_NAMES],
  "targetRef.namespace": [NO_NAMESPACE],
  "targetRefs.namespace": [NO_NAMESPACE],
};

const CERTIFICATES: readonly CostedRule[] = [
  ["credentialNames", "tlsCertificates"],
  ["credentialName", "credentialNames"],
].map(([one, other]) => ({
  rule: `!(has(self.${one}) && has(self.${other}))`,
  message: `${one}, ${other}: one of them at most`,
  cost: 5,
}));

export const RULES: Readonly<Record<string, Readonly<Record<string, readonly CostedRule[]>>>> = {
  AuthorizationPolicy: {
    ...SELECTING,
    spec: [
      {
        rule: "!has(self.action) || self.action != 'CUSTOM' || has(self.provider)",
        message: "CUSTOM needs a provider: whom to ask",
        cost: 10,
      },
      {
        rule: "!has(self.provider) || (has(self.action) && self.action == 'CUSTOM')",
        message: "provider is for action CUSTOM alone",
        cost: 10,
      },
    ],
    source: [
      {
        rule: "!(has(self.serviceAccounts) || has(self.notServiceAccounts)) || !(has(self.principals) || has(self.notPrincipals) || has(self.namespaces) || has(self.notNamespaces))",
        message: "serviceAccounts cannot stand beside principals or namespaces in one source",
        cost: 20,
      },
    ],
  },
  DestinationRule: { matchLabels: [LABEL_NAMES] },
  EnvoyFilter: {
    "targetRefs.namespace": [NO_NAMESPACE],
    match: [
      {
        rule: "has(self.waypoint) == (has(self.context) && self.context == 'WAYPOINT')",
        message: "waypoint goes with context WAYPOINT, and with no other",
        cost: 8,
      },
    ],
  },
  Gateway: { tls: CERTIFICATES },
  PeerAuthentication: {
    matchLabels: [LABEL_NAMES],
    spec: [
      {
        rule: "!has(self.portLevelMtls) || (has(self.selector) && has(self.selector.matchLabels) && self.selector.matchLabels.size() > 0)",
        message: "portLevelMtls needs a selector",
        cost: 15,
      },
    ],
    portLevelMtls: [
      {
        rule: "self.all(key, 0 < int(key) && int(key) <= 65535)",
        message: "ports are from 1 to 65535",
        cost: 2_500_000,
        on: "map",
      },
    ],
  },
  ProxyConfig: { matchLabels: [LABEL_NAMES] },
  RequestAuthentication: {
    ...SELECTING,
    jwksUri: [
      {
        rule: "self.startsWith('http://') || self.startsWith('https://')",
        message: "must be an address of the web",
        cost: 4,
      },
    ],
  },
  ServiceEntry: {
    spec: [
      {
        rule: "!(has(self.endpoints) && size(self.endpoints) > 0 && has(self.workloadSelector))",
        message: "endpoints and workloadSelector exclude each other",
        cost: 12,
      },
      {
        rule: "!has(self.addresses) || (has(self.resolution) ? self.resolution : 'NONE') in ['NONE', 'STATIC'] || !self.addresses.exists(address, address.contains('/'))",
        message: "ranges of addresses are for resolution NONE and STATIC",
        cost: 5_000,
      },
      {
        rule: "!has(self.endpoints) || (has(self.resolution) && self.resolution != 'NONE')",
        message: "resolution NONE has no endpoints",
        cost: 12,
      },
      {
        rule: "!has(self.endpoints) || !has(self.resolution) || self.resolution != 'DNS_ROUND_ROBIN' || self.endpoints.size() <= 1",
        message: "resolution DNS_ROUND_ROBIN has one endpoint",
        cost: 15,
      },
    ],
    hosts: [{ rule: "self != '*'", message: "a service is not every host", cost: 30, on: "string" }],
    ports: [
      {
        rule: "self.all(one, self.exists_one(other, one.number == other.number))",
        message: "each port has its own number",
        cost: 500_000,
        on: "array",
      },
    ],
    endpoints: [
      { ...ADDRESS_NEEDED, on: "object" },
      { ...UNIX_PORTS, on: "object" },
    ],
    address: [UNIX_PATH],
    "endpoints.ports": [PORT_NAMES],
  },
  Sidecar: { "ingress.tls": CERTIFICATES },
  Telemetry: {
    ...SELECTING,
    tagOverrides: [
      {
        rule: "(has(self.operation) && self.operation == 'REMOVE') || (has(self.value) && self.value != '')",
        message: "a tag that is set has a value",
        cost: 8,
        on: "object",
      },
      {
        rule: "!has(self.operation) || self.operation != 'REMOVE' || !has(self.value)",
        message: "a tag that is removed has none",
        cost: 8,
        on: "object",
      },
    ],
  },
  VirtualService: {
    "http.fault": [{ rule: "has(self.delay) || has(self.abort)", message: "has neither delay nor abort", cost: 5 }],
  },
  TrafficExtension: {
    matchLabels: SELECTING.matchLabels,
    "targetRefs.namespace": SELECTING["targetRefs.namespace"],
    ...MODULE,
  },
  WasmPlugin: { ...SELECTING, ...MODULE },
  WorkloadEntry: { spec: [ADDRESS_NEEDED, UNIX_PORTS], address: [UNIX_PATH], ports: [PORT_NAMES] },
  WorkloadGroup: { template: [UNIX_PORTS], address: [UNIX_PATH], ports: [PORT_NAMES] },
};

/** Of texts that the reader knows whole: what is nothing at all is refused before it. */
export const PATTERNS: Readonly<Record<string, string>> = {
  "targetRef.group": "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
  "targetRefs.group": "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
  "targetRef.kind": "^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$",
  "targetRefs.kind": "^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$",
};

/** Numbers of which each has its meaning: as an enum they cost the API server nothing. */
export const NUMBERS: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  VirtualService: { "http.redirect.redirectCode": [0, 301, 302, 303, 307, 308] },
};

/** Lists whose items are told apart by a field, so that several writers share them (server-side apply); without one a list is its writer's. */
export const LIST_KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ServiceEntry: { "spec.ports": "name" },
  TrafficExtension: { "vmConfig.env": "name", "match.ports": "number" },
  WasmPlugin: { "vmConfig.env": "name", "match.ports": "number" },
};

/**
 * Fields of Istio's that the reader refuses, by the record that has them: dropped by the API server they would mean the opposite of what they
 * say to whoever brings objects over.
 */
export const KEPT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  EnvoyFilter: { "listener.filterChain": "transportSocket" },
  RequestAuthentication: { "spec.jwtRules": "presence" },
};

/** Istio's own definitions have these in both forms; of other fields the API server drops the snake-case form. */
export const SNAKE_CASE: Readonly<Record<string, string>> = { jwksUri: "jwks_uri", mirrorPercent: "mirror_percent" };
