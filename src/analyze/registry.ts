// Every analyzer, in the order in which they run.

import type { Analyzer } from "./analyzer.ts";
import { annotationsAnalyzer } from "./annotation/annotations.ts";
import { conditions, suppressions } from "./annotation/status.ts";
import { conflictingRules } from "./destination-rule/conflicting.ts";
import { hosts } from "./destination-rule/hosts.ts";
import { mutualTls } from "./destination-rule/mutual-tls.ts";
import { serverVerification } from "./destination-rule/server-verification.ts";
import { exportTo } from "./export-to.ts";
import { conflictingGateways } from "./gateway/conflicting.ts";
import { gatewayCredentials, gatewaySelector } from "./gateway/servers.ts";
import { injection, injectionLabels } from "./namespace/injection.ts";
import { authorization } from "./security/authorization.ts";
import { coverage } from "./security/coverage.ts";
import { jwtPorts } from "./security/jwt-ports.ts";
import { authorizationMethods } from "./security/methods.ts";
import { conflictingSelectors } from "./selector/conflicting.ts";
import { matching } from "./selector/matching.ts";
import { sidecarAlone, sidecarEgress } from "./selector/sidecar.ts";
import { servicePorts } from "./service/ports.ts";
import { workloadPorts } from "./service/workload-ports.ts";
import { entryConflicts } from "./service-entry/conflicts.ts";
import { entryAddresses } from "./service-entry/entries.ts";
import { claimsWithoutAuthentication } from "./virtual-service/claims.ts";
import { conflictingHosts } from "./virtual-service/conflicting-hosts.ts";
import { deprecatedFields } from "./virtual-service/deprecated.ts";
import { destinations } from "./virtual-service/destinations.ts";
import { gateways } from "./virtual-service/gateways.ts";
import { ingressSubsets } from "./virtual-service/ingress-subsets.ts";
import { repeatedDestinations } from "./virtual-service/repeated-destinations.ts";
import { unreachable } from "./virtual-service/unreachable.ts";
import { applicationUser } from "./workload/application-user.ts";
import { envoyFilterOrder, envoyFilters } from "./workload/envoy-filter.ts";
import { workloadGroups } from "./workload/groups.ts";
import { telemetryProviders } from "./workload/telemetry.ts";

export const ANALYZERS: readonly Analyzer[] = [
  annotationsAnalyzer,
  suppressions,
  conditions,
  deprecatedFields,
  destinations,
  gateways,
  conflictingHosts,
  unreachable,
  repeatedDestinations,
  claimsWithoutAuthentication,
  ingressSubsets,
  hosts,
  conflictingRules,
  mutualTls,
  serverVerification,
  exportTo,
  gatewaySelector,
  gatewayCredentials,
  conflictingGateways,
  matching,
  conflictingSelectors,
  sidecarAlone,
  sidecarEgress,
  authorizationMethods,
  authorization,
  coverage,
  jwtPorts,
  servicePorts,
  workloadPorts,
  entryAddresses,
  entryConflicts,
  injectionLabels,
  injection,
  applicationUser,
  envoyFilters,
  envoyFilterOrder,
  telemetryProviders,
  workloadGroups,
];
