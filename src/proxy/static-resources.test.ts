import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { packAny } from "../xds/any.ts";
import { BootstrapSchema } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { DownstreamConnectionsConfigSchema } from "../xds/gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.ts";
import { defaultOverload } from "./overload/defaults.ts";
import { overloadTable } from "./static-resources.ts";

test("a limit of connections leaves what is usually done about overload as it is", () => {
  const limit = create(DownstreamConnectionsConfigSchema, { maxActiveDownstreamConnections: 8n });
  const configType = { case: "typedConfig", value: packAny(DownstreamConnectionsConfigSchema, limit) } as const;
  const bootstrap = create(BootstrapSchema, {
    overloadManager: { resourceMonitors: [{ name: "connections", configType }] },
  });
  const usual = defaultOverload();
  const table = overloadTable(bootstrap, 2);
  expect(table?.monitors.at(-1)).toEqual({ kind: "connections", name: "connections", max: 4 });
  expect(table?.monitors.length).toBe(1 + (usual?.monitors.length ?? 0));
  expect([...(table?.actions.keys() ?? [])]).toEqual([...(usual?.actions.keys() ?? [])]);
});
