// Refuses requests as far as those before them fail (Envoy: AdmissionControlFilter).

import { isGrpcContent } from "../../grpc/content.ts";
import { statusNumber } from "../../grpc/status.ts";
import { getHeader } from "../../http/headers.ts";
import type { ResponseHead } from "../../http/stream.ts";
import * as names from "../../stats/names/filter.ts";
import { type AdmissionControlFilter, rejectionProbability } from "../../table/filter/admission-control.ts";
import type { BoundFilter, FilterCount, FilteredRequest, Verdict } from "./filter.ts";
import { SuccessWindow } from "./success-window.ts";

export class AdmissionControl implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: AdmissionControlFilter;
  readonly #window: SuccessWindow;
  /** Admitted, and not known to have succeeded or failed. */
  readonly #open = new Set<FilteredRequest>();
  readonly stats = { rejected: 0, successes: 0, failures: 0 };

  constructor(name: string, disabled: boolean, table: AdmissionControlFilter) {
    this.name = name;
    this.disabled = disabled || !table.enabled;
    this.#table = table;
    this.#window = new SuccessWindow(table.windowMs);
  }

  onRequest(request: FilteredRequest): Verdict {
    if (request.record.isHealthCheck) return "continue";
    if (this.#refuses()) {
      this.stats.rejected++;
      request.reply(503, "", "denied_by_admission_control");
      return "answered";
    }
    this.#open.add(request);
    return "continue";
  }

  #refuses(): boolean {
    const now = performance.now();
    this.#window.forget(now);
    if (this.#window.requestsPerSecond(now) < this.#table.minRequestsPerSecond) return false;
    const probability = rejectionProbability(this.#table, this.#window.requests, this.#window.successes);
    return probability > 0 && Math.random() < probability;
  }

  /** What a gRPC call has come to may stand in its trailers: its end tells. */
  onResponse(request: FilteredRequest, { status, headers }: ResponseHead, end: boolean): "continue" {
    if (!this.#open.has(request)) return "continue";
    const grpcStatus = statusNumber(headers);
    const isGrpc = end ? grpcStatus !== undefined : status === 200 && isGrpcContent(getHeader(headers, "content-type"));
    if (!isGrpc)
      this.#record(
        request,
        this.#table.httpSuccess.some(({ start, end }) => status >= start && status < end),
      );
    else if (grpcStatus !== undefined) this.#record(request, this.#table.grpcSuccess.has(grpcStatus));
    return "continue";
  }

  /** Without a response, or without the status that it was waited for, it has failed. */
  onEnd(request: FilteredRequest): void {
    if (!this.#open.has(request)) return;
    const { grpcStatus } = request.record;
    this.#record(request, grpcStatus !== undefined && this.#table.grpcSuccess.has(grpcStatus));
  }

  #record(request: FilteredRequest, success: boolean): void {
    this.#open.delete(request);
    if (success) this.stats.successes++;
    else this.stats.failures++;
    this.#window.record(success, performance.now());
  }

  counts(statPrefix: string): readonly FilterCount[] {
    const labels = [statPrefix];
    return [
      { counter: names.ADMISSION_REJECTED, labels, value: this.stats.rejected },
      { counter: names.ADMISSION_SUCCESS, labels, value: this.stats.successes },
      { counter: names.ADMISSION_FAILURE, labels, value: this.stats.failures },
    ];
  }
}
