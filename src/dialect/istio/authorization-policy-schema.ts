// The fields of AuthorizationPolicy.

import { bounded, choice, list, notEmpty, openRecord, record, required, text, type Value } from "../schema.ts";
import { SCOPE_FIELDS, SCOPE_GROUP } from "./workload-scope.ts";

const VALUES = list(notEmpty());
/** `namespace/name` each. */
const ACCOUNTS = bounded(16, list(bounded(320, notEmpty())));
const RANGES = list(text("cidr"));

const SOURCE = record({
  principals: VALUES,
  notPrincipals: VALUES,
  requestPrincipals: VALUES,
  notRequestPrincipals: VALUES,
  namespaces: VALUES,
  notNamespaces: VALUES,
  serviceAccounts: ACCOUNTS,
  notServiceAccounts: ACCOUNTS,
  trustDomains: VALUES,
  notTrustDomains: VALUES,
  ipBlocks: RANGES,
  notIpBlocks: RANGES,
  remoteIpBlocks: RANGES,
  notRemoteIpBlocks: RANGES,
});

const OPERATION = record({
  hosts: VALUES,
  notHosts: VALUES,
  ports: VALUES,
  notPorts: VALUES,
  methods: VALUES,
  notMethods: VALUES,
  paths: VALUES,
  notPaths: VALUES,
});

const CONDITION = record({ key: required(notEmpty()), values: VALUES, notValues: VALUES });

const RULE = record({
  from: bounded(512, list(record({ source: required(SOURCE) }))),
  to: list(record({ operation: required(OPERATION) })),
  when: list(CONDITION),
});

export const AUTHORIZATION_POLICY = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: record(
    {
      ...SCOPE_FIELDS,
      action: choice("ALLOW", "DENY", "AUDIT", "CUSTOM"),
      provider: record({ name: required(notEmpty()) }),
      rules: bounded(512, list(RULE)),
    },
    [SCOPE_GROUP],
  ),
  status: openRecord({}),
});

export type SourceSpec = Value<typeof SOURCE>;
export type OperationSpec = Value<typeof OPERATION>;
export type ConditionSpec = Value<typeof CONDITION>;
export type RuleSpec = Value<typeof RULE>;
export type ActionSpec = "ALLOW" | "DENY" | "AUDIT" | "CUSTOM";
