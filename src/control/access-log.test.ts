// The access logs that the compiler writes are ones that Heddle's proxy takes, in either form and for bytes too.

import { expect, test } from "bun:test";
import { accessLogs } from "../compile/access-log.ts";
import type { AccessLog } from "../model/access-log.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
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
    expect(log?.format.kind).toBe(accessLog.kind === "json" ? "json" : "text");
  });
}
