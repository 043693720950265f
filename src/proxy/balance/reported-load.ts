// The weight that a host has by the load that it reports (Envoy: OrcaHostLbPolicyData, OrcaLoadReportHandler).

import type { HeaderList } from "../../http/headers.ts";
import type { ByReportedLoad } from "../../table/balancing.ts";
import type { OrcaLoadReport } from "../../xds/gen/xds/data/orca/v3/orca_load_report_pb.ts";
import { loadReportOf, maxUtilization } from "./load-report.ts";

const MAX_UINT32 = 2 ** 32 - 1;

export class ReportedLoad {
  readonly #policy: ByReportedLoad;
  #weight = 0;
  /** On the clock of performance.now(). */
  #reportsSince = Number.POSITIVE_INFINITY;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(policy: ByReportedLoad) {
    this.#policy = policy;
  }

  /** False: there is no report. One that gives no weight changes nothing. */
  observe(headers: HeaderList, now: number): boolean {
    const report = loadReportOf(headers);
    if (!report) return false;
    const weight = weightOf(report, this.#policy);
    if (weight === undefined) return true;
    this.#weight = weight;
    this.#reportedAt = now;
    if (this.#reportsSince === Number.POSITIVE_INFINITY) this.#reportsSince = now;
    return true;
  }

  /** Undefined: it has not reported for long enough to be believed, or not lately. */
  weightAt(now: number): number | undefined {
    const { blackoutMs, expirationMs } = this.#policy;
    if (now - this.#reportsSince < blackoutMs) return undefined;
    if (now - this.#reportedAt <= expirationMs) return this.#weight;
    this.#reportsSince = Number.POSITIVE_INFINITY;
    return undefined;
  }
}

/** Requests a second over utilization, in whole numbers from 1 on; undefined: it says nothing of one of them. */
function weightOf(report: OrcaLoadReport, { metricNames, errorPenalty }: ByReportedLoad): number | undefined {
  const { rpsFractional, eps, applicationUtilization, cpuUtilization } = report;
  if (!(rpsFractional > 0)) return undefined;
  const named = maxUtilization(report, metricNames);
  const used = named > 0 ? named : applicationUtilization > 0 ? applicationUtilization : cpuUtilization;
  const utilization = used + (errorPenalty * eps) / rpsFractional;
  if (!(utilization > 0)) return undefined;
  return Math.min(Math.max(Math.floor(rpsFractional / utilization), 1), MAX_UINT32);
}
