// Any message that a control plane might send is accepted or refused with the paths of its faults, and never thrown over: a proxy that
// throws has neither the old configuration nor the new one.

import { describe, expect, test } from "bun:test";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  type Accepted,
  checkCluster,
  checkEndpoints,
  checkListener,
  checkRouteConfiguration,
  checkSecret,
  checkVirtualHost,
} from "../../src/table/accept/resource.ts";
import { acceptShell } from "../../src/table/accept/route-configuration.ts";
import { Scope } from "../../src/table/accept/scope.ts";
import { jsonRegistry } from "../../src/xds/any.ts";
import { ClusterSchema } from "../../src/xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ClusterLoadAssignmentSchema } from "../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import { ListenerSchema } from "../../src/xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { VirtualHostSchema } from "../../src/xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { RouteConfigurationSchema } from "../../src/xds/gen/envoy/config/route/v3/route_pb.ts";
import { SecretSchema } from "../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { Dice, MessageMaker } from "./arbitrary-message.ts";
import { runs, timeLimitMs } from "./effort.ts";

const RUNS = 400;

const TYPES = [...jsonRegistry()].filter(
  (type): type is DescMessage => type.kind === "message" && /^envoy\.extensions\./.test(type.typeName),
);

/** `least`: of the messages, that many are accepted, or the property would say little. */
function holds<D extends DescMessage>(
  schema: D,
  check: (message: MessageShape<D>) => Accepted<unknown>,
  least = 0,
): void {
  let accepted = 0;
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(3, 10, 30, 60), (seed, density) => {
      const dice = new Dice(seed);
      const message = new MessageMaker(dice, TYPES, density).make(schema);
      const result = check(message);
      if (result.kind === "accepted") accepted++;
      else {
        expect(result.rejections.length).toBeGreaterThan(0);
        for (const { path, reason } of result.rejections) {
          expect(reason).not.toBe("");
          expect(typeof path).toBe("string");
        }
      }
      // The same message, the same judgement.
      expect(check(message).kind).toBe(result.kind);
    }),
    { numRuns: runs(RUNS) },
  );
  expect(accepted).toBeGreaterThanOrEqual(least);
}

describe("whatever the message, it is accepted or refused by path", () => {
  test("listeners", () => holds(ListenerSchema, checkListener), timeLimitMs(20_000));
  test("clusters", () => holds(ClusterSchema, checkCluster), timeLimitMs(20_000));
  test("endpoints", () => holds(ClusterLoadAssignmentSchema, checkEndpoints, RUNS / 10), timeLimitMs(20_000));
  test(
    "route configurations",
    () => holds(RouteConfigurationSchema, checkRouteConfiguration, RUNS / 10),
    timeLimitMs(20_000),
  );
  test("secrets", () => holds(SecretSchema, checkSecret), timeLimitMs(20_000));
  test(
    "virtual hosts",
    () => {
      const shell = acceptShell(Scope.root(), new MessageMaker(new Dice(1), TYPES, 0).make(RouteConfigurationSchema));
      holds(VirtualHostSchema, (host) => checkVirtualHost(host, shell));
    },
    timeLimitMs(20_000),
  );
});
