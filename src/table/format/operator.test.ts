import { expect, test } from "bun:test";
import { parseFormat } from "./format.ts";
import { parseJsonFormat } from "./line-format.ts";
import { formatTime, parseTimeFormat } from "./time-format.ts";

function timeText(format: string, epochMs: number): string | undefined {
  const parsed = parseTimeFormat(format);
  if (parsed?.kind !== "parts") return parsed?.kind;
  return formatTime(parsed.parts, epochMs);
}

test("a time has the conversions and fractions that Envoy's has", () => {
  const at = Date.UTC(2026, 1, 3, 4, 5, 6, 789) + 0.123;
  expect(timeText("%Y-%m-%dT%H:%M:%S.%3fZ", at)).toBe("iso");
  expect(timeText("%s.%3f %E4S %f %6f %1f", at)).toBe("1770091506.789 06.7891 789123000 789123 7");
  expect(timeText("%j %a %A %b %B %d %e %I %p %y", at)).toBe("034 Tue Tuesday Feb February 03  3 04 AM 26");
  expect(timeText("%T %R %D %F %Z %z 100%%", at)).toBe("04:05:06 04:05 02/03/26 2026-02-03 UTC +0000 100%");
  for (const wrong of ["%Q", "%", "50% of", "%E*S", "%0f"]) expect(timeText(wrong, at)).toBeUndefined();
});

test("what the proxy does not have is refused by name", () => {
  const unknown = [
    "UPSTREAM_FILTER_STATE(x)",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "TRACE_ID",
    "START_TIME_LOCAL",
  ];
  for (const name of unknown) expect(parseFormat(`%${name}%`, {})).toEqual({ error: `unknown operator %${name}%` });
});

test("what Envoy refuses is refused", () => {
  const malformed = [
    "PROTOCOL:3",
    "UPSTREAM_HOST(x)",
    "REQ()",
    "REQ(a?b?c)",
    "PATH(XX)",
    "PATH(NQ:PATH_OR_ORIG)",
    "REQUESTED_SERVER_NAME(HOST_ONLY)",
    "COMMON_DURATION(DS_RX_BEG:DS_RX_END)",
    "COMMON_DURATION(DS_RX_BEG:NEVER:ms)",
    "GRPC_STATUS(ROMAN)",
    "START_TIME(%Q)",
    "METADATA(PLANET:a:b)",
  ];
  for (const name of malformed) expect(parseFormat(`%${name}%`, {})).toEqual({ error: `malformed operator %${name}%` });
});

test("an error deep in a structure is found", () => {
  expect(parseJsonFormat({ a: [{ b: "%NONE%" }] }, {})).toEqual({ error: "unknown operator %NONE%" });
});
