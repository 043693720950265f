// Routing by a token's claims needs somebody at the gateway who has checked the token.

import { resolveGateway } from "../../dialect/istio/names.ts";
import { labelsMatch } from "../../model/workload.ts";
import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import type { ViewOf } from "../view.ts";
import type { World } from "../world.ts";
import { gatewaysByName } from "./gateways.ts";
import { gatewaysOf, type HttpRouteValue } from "./routes.ts";

type Gateway = ViewOf<typeof kinds.gateway>;

export const claimsWithoutAuthentication: MeshAnalyzer = {
  name: "virtualservice.JWTClaimRouteAnalyzer",
  about: "tokens whose claims choose a route are checked at the gateway",
  codes: ["IST0149"],
  scope: "mesh",
  analyze(world, report) {
    const byName = gatewaysByName(world);
    const checked = new Map<Gateway, boolean>();
    const isKnownChecked = (gateway: Gateway): boolean => {
      const known = checked.get(gateway) ?? isChecked(gateway, world);
      checked.set(gateway, known);
      return known;
    };
    for (const { object, namespace, value } of world.views(kinds.virtualService)) {
      const keys = (value.spec.http ?? []).flatMap((route, i) => claimKeys(route, `spec.http[${i}]`));
      if (keys.length === 0) continue;
      const unchecked = gatewaysOf(value.spec)
        .flatMap(({ gateway }) => byName.get(resolveGateway(gateway, namespace)) ?? [])
        .find((gateway) => !isKnownChecked(gateway));
      if (!unchecked) continue;
      for (const { key, path } of keys)
        report(
          object,
          path,
          finding(
            "IST0149",
            `The virtual service uses the JWT claim based routing (key: ${key}) but found no request authentication for the gateway (${unchecked.namespace}/${unchecked.name}) pod (${podsOf(unchecked, world)}). The request authentication must first be applied for the gateway pods to validate the JWT token and make the claims available for routing`,
            "a RequestAuthentication that selects the gateway's workloads",
          ),
        );
    }
  },
};

function claimKeys(
  { match = [] }: HttpRouteValue,
  path: string,
): readonly { readonly key: string; readonly path: string }[] {
  return match.flatMap(({ headers = {}, withoutHeaders = {} }, j) =>
    Object.entries({ headers, withoutHeaders }).flatMap(([field, map]) =>
      Object.keys(map)
        .filter((key) => key.startsWith("@request.auth.claims"))
        .map((key) => ({ key, path: `${path}.match[${j}].${field}[${JSON.stringify(key)}]` })),
    ),
  );
}

/** A policy of the root namespace, of the gateway's, for all or for what the gateway's selector names. */
function isChecked(gateway: Gateway, world: World): boolean {
  const selector = gateway.value.spec?.selector ?? {};
  const pods = world.select(selector);
  return world.views(kinds.requestAuthentication).some(({ namespace, value }) => {
    const wanted = value.spec?.selector?.matchLabels ?? {};
    if (pods.length === 0)
      return (world.isRoot(namespace) || namespace === gateway.namespace) && labelsMatch(wanted, selector);
    return pods.some(
      (pod) => (world.isRoot(namespace) || namespace === pod.namespace) && labelsMatch(wanted, pod.labels),
    );
  });
}

function podsOf(gateway: Gateway, world: World): string {
  const names = world.select(gateway.value.spec?.selector ?? {}).map(({ name }) => name);
  return names.length === 0 ? "none" : names.slice(0, 3).join(", ");
}
