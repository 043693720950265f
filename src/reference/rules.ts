// What tables cannot say and definitions can: rules in CEL that one object must keep by itself, bounds of lists, and fields that are kept
// for the reader to refuse. By kind, then by the end of the path, lists and maps left out.

import type { ValidationRule } from "../kube/schema.ts";

/** `cost`: at least the API server's estimate of one evaluation. */
export interface CostedRule extends ValidationRule {
  readonly cost: number;
}

const UNIX_PORTS: CostedRule = {
  rule: "!has(self.address) || !self.address.startsWith('unix://') || !has(self.ports)",
  message: "a Unix socket has no ports",
  cost: 12,
};

export const RULES: Readonly<Record<string, Readonly<Record<string, readonly CostedRule[]>>>> = {
  AuthorizationPolicy: {
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
  PeerAuthentication: {
    spec: [
      {
        rule: "!has(self.portLevelMtls) || size(self.portLevelMtls) == 0 || (has(self.selector) && has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0)",
        message: "portLevelMtls requires selector",
        cost: 20,
      },
    ],
  },
  RequestAuthentication: {
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
    ],
  },
  VirtualService: {
    "http.fault": [{ rule: "has(self.delay) || has(self.abort)", message: "has neither delay nor abort", cost: 5 }],
  },
  WasmPlugin: {
    sha256: [
      {
        rule: "self == '' || self.matches('^[0-9a-fA-F]{64}$')",
        message: "must be 64 hexadecimal digits",
        cost: 1_000_000,
      },
    ],
  },
  WorkloadEntry: {
    spec: [{ rule: "has(self.address) || has(self.network)", message: "needs an address", cost: 5 }, UNIX_PORTS],
  },
  WorkloadGroup: { template: [UNIX_PORTS] },
};

/** Numbers of which each has its meaning: as an enum they cost the API server nothing. */
export const NUMBERS: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  VirtualService: { "http.redirect.redirectCode": [0, 301, 302, 303, 307, 308] },
};

/** Istio bounds these as well. Without a bound above them rules are counted as if a request held nothing else. */
export const BOUNDS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  AuthorizationPolicy: { rules: 512, from: 512, targetRefs: 16 },
  DestinationRule: { portLevelSettings: 4096 },
  EnvoyFilter: { targetRefs: 16 },
  RequestAuthentication: { jwtRules: 4096, targetRefs: 16 },
  Telemetry: { targetRefs: 16 },
  WasmPlugin: { targetRefs: 16 },
};

/** Lists whose items are told apart by a field, so that several writers share them (server-side apply); without one a list is its writer's. */
export const LIST_KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
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
