// Which connections of a listener with many ports are looked into. A server that speaks first would wait for its client, and it for the server.

import { create } from "@bufbuild/protobuf";
import {
  type ListenerFilterChainMatchPredicate,
  ListenerFilterChainMatchPredicateSchema,
} from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";

function toPort(port: number): ListenerFilterChainMatchPredicate {
  return create(ListenerFilterChainMatchPredicateSchema, {
    rule: { case: "destinationPortRange", value: { start: port, end: port + 1 } }, // half-open
  });
}

/** Matches connections to one of these ports, for a listener filter's `filter_disabled`; undefined when there are none. */
export function to(ports: readonly number[]): ListenerFilterChainMatchPredicate | undefined {
  const [first, second] = ports;
  if (first === undefined || second === undefined) return first === undefined ? undefined : toPort(first);
  // A set of one rule is not valid for Envoy.
  const rule = { case: "orMatch", value: { rules: ports.map(toPort) } } as const;
  return create(ListenerFilterChainMatchPredicateSchema, { rule });
}

/** Matches connections to any port but these; undefined when there are none to look into. */
export function except(ports: readonly number[]): ListenerFilterChainMatchPredicate | undefined {
  const any = to(ports);
  return any && create(ListenerFilterChainMatchPredicateSchema, { rule: { case: "notMatch", value: any } });
}
