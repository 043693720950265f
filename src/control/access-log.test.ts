// The access logs that the compiler writes are ones that Heddle's proxy takes, in either form and for bytes too.

import { expect, test } from "bun:test";
import { accessLogs } from "../compile/access-log.ts";
import type { AccessLog } from "../model/access-log.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import type { LogService } from "../model/telemetry.ts";
import { acceptAccessLogs } from "../table/accept/access-log.ts";
import { Scope } from "../table/accept/scope.ts";

const FORMS: readonly AccessLog[] = [
  { kind: "text", path: "/dev/stdout" },
  {
    kind: "text",
    path: "/dev/stdout",
    format: "%START_TIME(%s)% %GRPC_STATUS% %COMMON_DURATION(DS_RX_BEG:US_RX_BEG:us)%\n",
  },
  { kind: "json", path: "/dev/stdout" },
];

for (const [i, accessLog] of FORMS.entries()) {
  test.each(["http", "stream"] as const)(`form ${i} of ${accessLog.kind} is taken for %s`, (traffic) => {
    const scope = Scope.root();
    const [log] = acceptAccessLogs(scope, accessLogs({ ...DEFAULT_SETTINGS, accessLog }, traffic, undefined));
    expect(scope.rejections).toEqual([]);
    expect(log?.to.kind === "file" && log.to.format.kind).toBe(accessLog.kind === "json" ? "json" : "text");
  });
}

const HEADERS = { request: ["X-Tenant"], response: [], trailers: [] };
const SERVICES: readonly (readonly [LogService["protocol"], http: string, stream: string])[] = [
  [{ kind: "http", filterState: ["own"], headers: HEADERS }, "http", ""],
  [{ kind: "tcp", filterState: [], headers: HEADERS }, "", "tcp"],
  [{ kind: "otlp", text: undefined, labels: { code: "%RESPONSE_CODE%", from: { id: "%PROTOCOL%" } } }, "otlp", "otlp"],
];

test.each(SERVICES)("logs that are streamed are taken: %j", (protocol, http, stream) => {
  const provider: LogService = {
    kind: "log-service",
    name: "logs",
    host: "logs.shop.svc",
    port: 4317,
    logName: "mine",
    protocol,
  };
  const told = [{ provider, filter: undefined, cluster: "outbound|4317||logs.shop.svc" }];
  for (const [traffic, kind] of [["http", http] as const, ["stream", stream] as const]) {
    const scope = Scope.root();
    const logs = acceptAccessLogs(scope, accessLogs(DEFAULT_SETTINGS, traffic, undefined, told));
    expect(scope.rejections).toEqual([]);
    expect(logs.map(({ to }) => to.kind)).toEqual(kind === "" ? [] : [kind as "http" | "tcp" | "otlp"]);
    for (const { to } of logs)
      if (to.kind !== "file")
        expect(to.service).toMatchObject({ logName: "mine", cluster: told[0]!.cluster, authority: "logs.shop.svc" });
  }
});
