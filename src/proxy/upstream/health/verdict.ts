// Whether an answer is that of a host that works: pure (Envoy: HttpHealthCheckSession::healthCheckResult, PayloadMatcher).

import { getHeader, type HeaderList } from "../../../http/headers.ts";
import type { HttpProbe, StatusRange } from "../../../table/health-check.ts";
import { matchesString } from "../../../table/string-match.ts";
import { FAILED, type Outcome, PASSED } from "./transition.ts";

/** Every block, in their order, with or without something in between. */
export function containsInOrder(bytes: Buffer, blocks: readonly Uint8Array[]): boolean {
  let from = 0;
  for (const block of blocks) {
    const at = bytes.indexOf(block, from);
    if (at === -1) return false;
    from = at + block.length;
  }
  return true;
}

function isIn(ranges: readonly StatusRange[], status: number): boolean {
  return ranges.some(({ from, to }) => status >= from && status < to);
}

function isService({ serviceName }: HttpProbe, headers: HeaderList): boolean {
  if (!serviceName) return true;
  return matchesString(serviceName, getHeader(headers, "x-envoy-upstream-healthchecked-cluster") ?? "");
}

export function judgeResponse(probe: HttpProbe, status: number, headers: HeaderList, body: Buffer): Outcome {
  const excludes = getHeader(headers, "x-envoy-immediate-health-check-fail") !== undefined;
  if (!isIn(probe.expected, status)) return { ...FAILED, retriable: isIn(probe.retriable, status), excludes };
  if (!containsInOrder(body, probe.receive)) return { ...FAILED, excludes };
  const verified = probe.serviceName && { verifiesCluster: true };
  if (!isService(probe, headers)) return { ...FAILED, excludes, ...verified };
  return { ...PASSED, degraded: getHeader(headers, "x-envoy-degraded") !== undefined, ...verified };
}
