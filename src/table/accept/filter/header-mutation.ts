// envoy.extensions.filters.http.header_mutation.v3: HeaderMutation and HeaderMutationPerRoute.

import type { HeaderMutation as Step } from "../../../xds/gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb.ts";
import type {
  HeaderMutation,
  HeaderMutationPerRoute,
  Mutations,
} from "../../../xds/gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.ts";
import type { RouteFilterTable } from "../../filter/filter.ts";
import type { HeaderMutationFilter, RouteHeaderMutation } from "../../filter/header-mutation.ts";
import type { HeaderStep } from "../../header-mutation.ts";
import { acceptOperation } from "../header-mutation.ts";
import type { Scope } from "../scope.ts";

function acceptSteps(scope: Scope, steps: readonly Step[]): readonly HeaderStep[] {
  return steps.flatMap(({ action }, i): HeaderStep[] => {
    const at = scope.index(i);
    if (action.case === "remove") return [{ kind: "remove", name: action.value.toLowerCase() }];
    if (action.case === "append") {
      const operation = acceptOperation(at.field("append"), action.value);
      return operation ? [{ kind: "set", operation }] : [];
    }
    at.reject("no action that Heddle's proxy knows");
    return [];
  });
}

function acceptMutations(scope: Scope, mutations: Mutations | undefined) {
  if (mutations) scope.only(mutations, ["requestMutations", "responseMutations"]);
  return {
    request: acceptSteps(scope.field("request_mutations"), mutations?.requestMutations ?? []),
    response: acceptSteps(scope.field("response_mutations"), mutations?.responseMutations ?? []),
  };
}

export function acceptHeaderMutation(scope: Scope, filter: HeaderMutation): HeaderMutationFilter {
  scope.only(filter, ["mutations", "mostSpecificHeaderMutationsWins"]);
  return {
    kind: "header-mutation",
    ...acceptMutations(scope.field("mutations"), filter.mutations),
    mostSpecificWins: filter.mostSpecificHeaderMutationsWins,
  };
}

export function acceptHeaderMutationRoute(
  scope: Scope,
  perRoute: HeaderMutationPerRoute,
  inherited: RouteFilterTable | undefined,
): RouteHeaderMutation {
  const own = acceptMutations(scope.field("mutations"), perRoute.mutations);
  const above = inherited?.kind === "route-header-mutation" ? inherited.levels : [];
  return { kind: "route-header-mutation", levels: [own, ...above] };
}
